#!/bin/sh
# The example programs as their users run them: what they leave, what they refuse, and that a killed run goes on as if
# nothing had happened.
#
# usage: run.sh PROGRAMS WORK_DIR      PROGRAMS: folder with dcgan and sample; WORK_DIR: emptied and used
set -eu

programs=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$2"
mkdir -p "$2"
cd "$2"
passed=0
failed=0

check() { # NAME FUNCTION
    set +e
    (set -e; "$2") >"$1.log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        sed 's/^/      /' "$1.log"
    fi
}

small='--batch-size 16 --threads 2 --judge-count 0'
all='gan dcgan cgan lsgan wgan wgan_gp mixture classifier sngan spectral_regularization'
all="$all infogan improved_gan veegan cogan"

# within LOW HIGH NUMBER...: there are some, all in this range
within() {
    echo "$*"
    echo "$*" | awk '{ for (i = 3; i <= NF; i++) if (!($i >= $1 && $i <= $2)) exit 1; exit NF < 3 }'
}

differ() {
    if cmp "$1" "$2" >/dev/null; then
        echo "$1 and $2 are the same"
        return 1
    fi
}

# figures FILE PATTERN: what the pattern's parentheses catch, of each line that has it
figures() {
    sed -nE "s/.*$2.*/\1 \2/p" "$1" | tr '\n' ' '
}

# The figures of a Fréchet distance are what they are said to be, as far as their digits go: how many times that of
# real images it is, and how much of the way from the untrained network, which is another, to these it has left behind.
distance_figures() { # FILE
    {
        figures "$1" 'Fréchet distance ([0-9.e+-]+) (\()'
        figures "$1" '  ([0-9.e+-]+) of real images to other real ones \(mean of 100* choices .*\), ([0-9.e+-]+) times that'
        figures "$1" '; ([0-9.e+-]+) before training; quality ([0-9.e+-]+) \([^()]+, [0-9]+ real and [0-9]+ generated, seed 20141203\)$'
    } | awk '
        function near(a, b, most) { return a - b <= most && b - a <= most }
        {
            print
            distance = $1; floor = $3; times = $4; before = $5; quality = $6
            exit !(NF == 6 && !near(before, distance, 1e-3 * before) &&
                   near(times, distance / floor, 0.05 + 1e-3 * times) &&
                   near(quality, (before - distance) / (before - floor), 1e-4 + 6e-4 * before / (before - floor)))
        }'
}

leaves_its_files() {
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 4 --sample-interval 2 --checkpoint-interval 2 --out digits
    for file in options.json log.jsonl reals.png fakes-000000.png fakes-000002.png fakes-000004.png loss.png model.safetensors \
        checkpoint-000002.safetensors checkpoint-000004.safetensors; do
        test -s "digits/$file"
    done
    test "$(grep -c '"loss_d":' digits/log.jsonl)" -ge 1
}

edges() { # FILE: a PNG file's width and height
    od -An -v -j 16 -N 8 -t u1 "$1" | awk '{ printf "%d %d ", $3 * 256 + $4, $7 * 256 + $8 }'
}

samples_the_last_sheet() {
    "$programs/sample" digits/model.safetensors --out sheet.png
    cmp sheet.png digits/fakes-000004.png
    "$programs/sample" digits/model.safetensors --seed 5 --out sheet-5.png
    "$programs/sample" digits/model.safetensors --seed 5 --zoom 1 --out sheet-small.png
    "$programs/sample" digits/model.safetensors --seed 5 --count 12 --columns 6 --out sheet-12.png
    "$programs/sample" digits/model.safetensors --seed 5 --count 12 --columns 6 --interpolate --out walk.png
    differ sheet.png sheet-5.png
    differ sheet-12.png walk.png
    test "$(edges sheet-5.png)" = '484 484 ' # twice 8 images of 28 pixels, with 2 around each
    test "$(edges sheet-small.png)" = '242 242 '
    test "$(edges walk.png)" = '364 124 '
}

colour_folder_at_64() {
    mkdir -p pictures/a pictures/b
    cp digits/*.png pictures/a
    cp digits/loss.png pictures/b
    "$programs/dcgan" --preset 64 --data pictures --batch-size 2 --steps 1 --out colour
    test -s colour/model.safetensors
}

killed_goes_on() {
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 30 --checkpoint-interval 3 --sample-interval 10 --out whole
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 30 --checkpoint-interval 3 --sample-interval 10 --out killed &
    run=$!
    while [ ! -e killed/checkpoint-000006.safetensors ]; do sleep 0.02; done
    kill -9 "$run"
    wait "$run" || true
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 30 --checkpoint-interval 3 --sample-interval 10 --out killed --resume killed
    cmp whole/model.safetensors killed/model.safetensors
    cmp whole/fakes-000030.png killed/fakes-000030.png
}

interrupted_says_how_to_go_on() {
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 100000 --checkpoint-interval 2 --out stopped >stopped.out 2>&1 &
    run=$!
    while [ ! -e stopped/checkpoint-000004.safetensors ]; do sleep 0.02; done
    kill -INT "$run"
    status=0
    wait "$run" || status=$?
    test "$status" -eq 130
    grep -q -- '--resume stopped' stopped.out
}

# refuses STATUS WORDS PROGRAM ARGUMENT...: ends with the status and a sentence with the words
refuses() {
    expected=$1
    words=$2
    shift 2
    status=0
    "$@" >refusal 2>&1 || status=$?
    cat refusal
    test "$status" -eq "$expected"
    grep -q -- "$words" refusal
}

# A pipe that nobody reads, where a file of the program's own would be, does not stop it.
piped() {
    rm -rf piped
    mkdir piped
    mkfifo piped/options.json
    "$programs/gan" --steps 1 --batch-size 2 --sample-interval 0 --judge-count 0 --out piped
}

refusals() {
    cp digits/options.json options.kept
    mkdir -p single
    cp digits/reals.png single
    cp digits/log.jsonl log.kept
    refuses 2 'not-a-flag' "$programs/dcgan" --not-a-flag
    refuses 2 'whole number' "$programs/dcgan" --steps many
    refuses 2 'must be in' "$programs/dcgan" --batch-size 1
    refuses 2 'must be in' "$programs/dcgan" --b1 1
    refuses 2 'must be 28 with --preset 28' "$programs/dcgan" --size 30
    refuses 2 "'29' is not one of 28, mnist, 32, 64, paper, pytorch-gan" "$programs/dcgan" --preset 29
    refuses 2 'is not one of non-saturating|minimax' "$programs/gan" --generator-loss hinge
    refuses 1 'have no classes' "$programs/cgan" --preset paper --data colours --batch-size 2 --out refused
    refuses 2 'must be in' "$programs/wgan" --clip 0
    refuses 1 'multiple of the number of classes' "$programs/improved_gan" --labels 15
    refuses 1 'needs --labels' "$programs/improved_gan" --preset dcgan --labels-only
    refuses 1 'have no classes' "$programs/improved_gan" --data colours --batch-size 2
    refuses 1 'not 7000 of each' "$programs/improved_gan" --labels 70000
    refuses 1 'pairs are made' "$programs/cogan" --ema 0.9
    refuses 1 'not for stacks' "$programs/veegan" --preset stacked-mnist --test digits/reals.png
    refuses 1 'not the 10 of the data' "$programs/improved_gan" --test single
    refuses 1 'ema is not for' "$programs/improved_gan" --virtual-batch-norm --ema 0.9
    refuses 1 'd-ema is not for' "$programs/improved_gan" --preset dcgan --d-ema 0.9
    refuses 2 'has data of its own' "$programs/improved_gan" --preset two-moons --data colours
    refuses 2 'has data of its own' "$programs/veegan" --preset grid --data colours
    refuses 1 'images with one channel' "$programs/veegan" --preset stacked-mnist --data colours
    refuses 1 'no model of the classifier' "$programs/veegan" --preset mnist --judge digits/model.safetensors
    refuses 2 'must be in 0 to 4' "$programs/cogan" --shared-layers 5
    refuses 2 'is not one of negative|edges' "$programs/cogan" --task sketches
    refuses 1 'two images at least' "$programs/cogan" --data single
    refuses 1 'exclude each other' "$programs/mixture" --told --codes
    refuses 1 'clip is not for losses other than wasserstein' "$programs/mixture" --clip 0.1
    refuses 1 'gp-weight is not for losses other than gradient-penalty' "$programs/mixture" --loss hinge --gp-weight 1
    refuses 1 'lambda is not for runs without --codes' "$programs/mixture" --lambda 2
    refuses 1 'judge-count is not for mixtures' "$programs/mixture" --judge-count 100
    refuses 1 'judge-count is not for mixtures' "$programs/veegan" --judge-count 100
    refuses 1 'b1 is not for RMSProp' "$programs/wgan" --b1 0.5
    refuses 1 'b2 is not for RMSProp' "$programs/lsgan" --optimizer rmsprop --b2 0.9
    refuses 1 'b1 is not for SGD' "$programs/gan" --preset paper --b1 0.9
    refuses 1 'b2 is not for SGD' "$programs/cgan" --preset paper --b2 0.9
    refuses 1 'coding is not for --loss non-saturating' "$programs/lsgan" --loss non-saturating --coding pearson
    refuses 1 '60001 are more than the 60000 items' "$programs/gan" --batch-size 60001
    refuses 2 'needs checkpoints' "$programs/gan" --health roll-back --checkpoint-interval 0
    refuses 1 'there is no discriminator' "$programs/classifier" --d-lr 0.1
    refuses 2 'must be in 0 to 16' "$programs/infogan" --continuous 17
    refuses 2 'must be 28 with --preset keras' "$programs/infogan" --preset keras --size 32
    refuses 2 'is not one of hinge|logistic' "$programs/sngan" --loss wasserstein
    refuses 1 'not 128: give images with --data' "$programs/sngan" --preset imagenet
    refuses 1 'd-width is for' "$programs/sngan" --preset cnn --d-width 64
    refuses 1 'have no classes' "$programs/sngan" --preset resnet-conditional --data colours --batch-size 2
    refuses 2 'is not one of static|dynamic' "$programs/spectral_regularization" --method none
    refuses 2 'must be in 0 to 1' "$programs/spectral_regularization" --share 1.5
    refuses 1 'start is not for' "$programs/spectral_regularization" --differentiable --start 10
    refuses 1 'interval is not for --differentiable' "$programs/spectral_regularization" --differentiable --interval 10
    refuses 1 'share is not for --method dynamic' "$programs/spectral_regularization" --method dynamic --share 0.2
    refuses 2 'no such class' "$programs/sample" classes/model.safetensors --class 10
    refuses 2 'must be' "$programs/dcgan" --threads 0
    refuses 2 "'colours' is not for preset small, which has data of its own" "$programs/mixture" --data colours
    refuses 2 "'25' must be a multiple of the log's interval, which is 10" "$programs/dcgan" --judge-interval 25
    refuses 2 "'10' is not for preset slim, which makes its data of all images" "$programs/cogan" --preset slim --hold-out 10
    refuses 1 '--hold-out: the data have 60000 items: 60000 cannot be held back' "$programs/gan" --hold-out 60000
    refuses 1 'flip is not for preset small' "$programs/mixture" --flip
    refuses 2 'too long a path' "$programs/gan" --steps 1 --out "$(awk 'BEGIN { while (i++ < 4090) printf "x" }')"
    refuses 2 'not a flag' "$programs/dcgan" pictures
    refuses 1 'nowhere' "$programs/dcgan" --data nowhere --out refused
    refuses 1 'nowhere' "$programs/dcgan" --steps 1 --out refused --resume nowhere
    refuses 1 'refused/file' "$programs/dcgan" --steps 1 --out "$(mkdir -p refused && touch refused/file && echo refused/file)"
    refuses 1 '--resume digits' "$programs/dcgan" --steps 1 --out digits
    cmp digits/options.json options.kept && cmp digits/log.jsonl log.kept
    grep -q -- "the folder 'digits' holds another run" refusal
    refuses 2 'which model' "$programs/sample"
    refuses 2 'whole number' "$programs/sample" digits/model.safetensors --count 0
    refuses 1 'nowhere' "$programs/sample" nowhere
    refuses 1 'sheet.png' "$programs/sample" sheet.png
}

# Nothing is changed in a folder that holds another run, be it only the log and the best that it came to; what is allowed to
# be written over is.
another_runs_folder() {
    small_run='--steps 2 --batch-size 2 --threads 1 --sample-interval 0 --judge-count 0'
    for file in checkpoint-000001.safetensors best-checkpoint.safetensors best-model.safetensors model.safetensors; do
        rm -rf used kept
        mkdir used
        for name in log.jsonl options.json quality.txt $file; do echo "another run's $name" >used/$name; done
        cp -R used kept
        # shellcheck disable=SC2086
        refuses 1 '--resume used.*--overwrite.*--out' "$programs/gan" $small_run --out used
        diff -r used kept
    done
    # what a run left that was killed before its first checkpoint, beside what is none
    rm used/model.safetensors
    echo 'of somebody' >used/checkpoint-of-somebody.safetensors
    # shellcheck disable=SC2086
    "$programs/gan" $small_run --out used
    test "$(head -c 1 used/options.json)" = '{'
    test ! -e used/quality.txt
    grep -q somebody used/checkpoint-of-somebody.safetensors
    cp kept/* used
    # shellcheck disable=SC2086
    "$programs/gan" $small_run --steps 0 --out used --overwrite
    grep -q '"steps": 0,' used/options.json
    test ! -e used/quality.txt
}

helps() {
    if test -c /dev/full; then
        if "$programs/dcgan" --help >/dev/full 2>refusal; then return 1; fi
        grep -q 'cannot print' refusal
    fi
    for program in $all sample; do
        "$programs/$program" --help >help
        grep -q "^Usage: $program " help
        "$programs/$program" --version >version
        grep -qxE "$program \(libgan\) [0-9]+\.[0-9]+\.[0-9]+" version
    done
}

check files leaves_its_files
overwrites_when_told() {
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 1 --out twice
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 2 --out twice --overwrite
    test "$(grep -c '"loss_d":' twice/log.jsonl)" -eq 1
    test -s twice/checkpoint-000002.safetensors
}

# counts PROGRAM PRESET G D FLAG...: the networks of a preset have as many parameters as the papers' and programs' they name
counts() {
    program=$1
    preset=$2
    expected="$3 $4"
    shift 4
    found=$("$programs/$program" --preset "$preset" --describe --threads 1 "$@" | awk '$1 == "parameters" { printf "%s%s", sep, $2; sep = " " }')
    if [ "$found" != "$expected" ]; then
        echo "$program --preset $preset has $found parameters, not $expected"
        return 1
    fi
}

parameter_counts() {
    colour='--data colours --batch-size 2'
    mkdir -p colours
    cp digits/loss.png colours/a.png
    cp digits/loss.png colours/b.png
    for class in 0 1 2 3 4 5 6 7 8 9; do
        mkdir -p ten/$class
        cp digits/loss.png ten/$class
    done
    for class in $(seq 1000); do
        mkdir -p thousand/$class
        cp digits/loss.png thousand/$class
    done
    # shellcheck disable=SC2086
    {
        counts gan dense 1510032 533505
        counts gan pytorch-gan 1510032 533505
        counts gan paper 2503984 1231441
        counts dcgan 28 759681 138689
        counts dcgan mnist 6642241 6559169
        counts dcgan 32 1068928 663360 $colour
        counts dcgan 64 3574656 2763520
        counts dcgan 64 3576704 2765568 $colour
        counts dcgan paper 18885760 17232768 $colour
        counts dcgan pytorch-gan 1049985 98113
        counts cgan pytorch-gan 1511412 932965
        counts cgan pytorch-gan 1757412 1055845 --size 32
        counts cgan dcgan 6820538 6688202
        counts cgan mnist 6652481 6569409
        counts cgan paper 2413984 1224351
        counts lsgan mnist 6642241 6559169
        counts lsgan pytorch-gan 1049729 98113
        counts lsgan characters 8450689 20437275
        counts lsgan lsun 15591427 4333441 $colour
        counts lsgan stability 12702851 4316545 $colour
        counts lsgan stability-without 12702851 4314753 $colour
        counts wgan official 3576704 2765568 $colour
        counts wgan official-dense 6880768 794881 $colour
        counts wgan pytorch-gan 1510032 533505
        counts wgan_gp mnist 1554177 1030145
        counts wgan_gp infogan 6642241 6556865
        counts wgan_gp pytorch-gan 1510032 533505
        counts mixture small 17154 17025
        counts mixture lsgan 49666 17025
        counts mixture wgan-gp 527874 527361
        test "$("$programs/classifier" --describe | awk '$1 == "parameters" { print $2 }')" = 61706
        counts sngan mnist32 125441 66208
        counts sngan mnist32 126019 66848 $colour
        counts sngan infogan 6642241 6556865
        counts sngan 32 1068928 662977 $colour
        counts sngan 64 3576704 2764737 $colour
        counts sngan resnet 4276739 1053824 $colour
        counts sngan resnet 4276739 264768 $colour --d-width 64
        counts sngan cnn 3813379 2935873 $colour
        counts sngan chainer-cnn 3813379 5860865 $colour
        counts spectral_regularization resnet 4276739 4204800 $colour --d-width 256 --share 0.25
        # 1000 and 2250 that are not trained are counted
        counts improved_gan mnist 695568 1541020
        counts improved_gan mnist 695568 1667620 --minibatch-discrimination
        counts improved_gan cifar 4941958 1408244 --data ten --batch-size 10 --labels 10
        counts improved_gan two-moons 5122 8642
        counts improved_gan dcgan 759681 138689
        counts improved_gan dcgan 759681 195146 --labels 10
        counts veegan ring 49538 '33025 49662'
        counts veegan grid 49538 '33025 49662'
        counts veegan mnist 209936 '209409 209184'
        counts cogan paper 7842694 427593
        counts cogan slim 302966 427593
        counts cogan slim 604778 427593 --shared-layers 0
        counts cogan pytorch-gan 1126790 98914 --data ten --batch-size 2
        counts infogan official 6652481 6692173
        counts infogan paper 6652481 6692431
        counts infogan keras 3062849 2277451
        counts infogan pytorch-gan 836993 104269
        counts mixture small 18178 18057 --codes
        counts spectral_regularization resnet-conditional 4304387 1055104 --data ten --batch-size 2 --method dynamic
        counts sngan imagenet 41996931 30041857 --data thousand --batch-size 2
    }
}

# What presets say by themselves, and programs' own flags. Runs that are compared with golden numbers have batches,
# lengths and rates of their own, and know nothing of these.
preset_settings() {
    for program in $all; do
        presets=$("$programs/$program" --help | sed -nE '/^  --preset/d; /^  --/q; s/^ {28}([a-z0-9-]+): .*/\1/p')
        for preset in $presets; do
            "$programs/$program" --preset "$preset" --help | awk -v row="$program $preset:" '
                /^  --/ { flag = /^  --[a-z0-9-]+ [A-Z]/ ? substr($1, 3) : ""; common = common || flag == "data" }
                flag != "" && flag != "preset" && $NF ~ /^\(.*\)$/ {
                    value[flag] = substr($NF, 2, length($NF) - 2)
                    if (!common) own = own (own == "" ? "    " : ", ") flag " " value[flag]
                }
                END {
                    count = split("batch-size epochs latent-dim lr d-lr b1 b2", names)
                    for (i = 1; i <= count; i++) row = row (i > 1 ? ", " : " ") names[i] " " value[names[i]]
                    print row
                    if (own != "") print own
                }'
        done
    done >settings
    sed '/^#/d' "$here/presets.txt" | diff - settings
}

# Labels are drawn with z, and sheets have one class a row.
class_sheets() {
    # shellcheck disable=SC2086
    "$programs/cgan" --preset pytorch-gan $small --steps 2 --sample-interval 2 --out classes
    "$programs/sample" classes/model.safetensors --count 100 --columns 10 --out classes.png
    cmp classes.png classes/fakes-000002.png
    # one-hot vectors, in double precision
    # shellcheck disable=SC2086
    "$programs/cgan" --preset one-hot --f64 $small --steps 1 --sample-interval 1 --out doubles
    "$programs/sample" doubles/model.safetensors --count 100 --columns 10 --out doubles.png
    cmp doubles.png doubles/fakes-000001.png
    for model in classes doubles; do
        for class in 0 3; do
            "$programs/sample" $model/model.safetensors --class $class --count 10 --columns 10 --out $model-$class.png
        done
        "$programs/sample" $model/model.safetensors --count 10 --columns 10 --out $model-first.png
        cmp $model-0.png $model-first.png # the row of class 0
        differ $model-0.png $model-3.png
    done
}

# spectrum PROGRAM FLAG...: the singular value at half the rank, after six steps: a step of G and five of D, then one each
spectrum() {
    program=$1
    shift
    "$programs/$program" --threads 2 --batch-size 4 --steps 6 --judge-count 0 --out spectrum --overwrite "$@" >out
    test -s spectrum/spectrum.png
    test -s spectrum/spectrum-history.png
    sed -nE 's/.*"spectrum":([0-9.e-]+).*/\1/p' spectrum/log.jsonl | tail -1
}

# Singular values are what the weights say, and where they are lifted, they are lifted: to 1 directly after it, and close
# to it a step later.
spectra() {
    plain=$(spectrum sngan)
    told=$(spectrum sngan --preset resnet-conditional --d-width 16 --loss logistic --batch-size 2 --steps 1)
    every=$(spectrum spectral_regularization --interval 1)
    double=$(spectrum spectral_regularization --interval 1 --f64)
    fifth=$(spectrum spectral_regularization --interval 2)
    few=$(spectrum spectral_regularization --interval 1 --share 0.2)
    late=$(spectrum spectral_regularization --interval 1 --start 6)
    moving=$(spectrum spectral_regularization --interval 1 --method dynamic)
    formula=$(spectrum spectral_regularization --differentiable)
    echo "$plain $told $every $double $fifth $few $late $moving $formula"
    awk -v plain="$plain" -v told="$told" -v every="$every" -v double="$double" -v fifth="$fifth" -v few="$few" \
        -v late="$late" -v moving="$moving" -v formula="$formula" 'BEGIN {
        exit !(plain > 0.5 && plain < 0.9 && told > 0.5 && told < 0.9 && every > 0.999999 && every < 1.000001 &&
               double > 0.999999999 && double < 1.000000001 && fifth > 0.95 && fifth < 0.9999 && few > 0.5 && few < 0.9 &&
               late == plain && moving > plain && moving < 0.9 && formula > 0.5 && formula < 0.9)
    }'
}

# A few labels: two half circles are told apart, with all points better than with the labels alone.
few_labels() {
    flags='--preset two-moons --threads 2 --steps 600 --sample-interval 0 --judge-interval 200'
    # shellcheck disable=SC2086
    "$programs/improved_gan" $flags --out moons
    # shellcheck disable=SC2086
    "$programs/improved_gan" $flags --labels-only --out told-moons
    cat moons/quality.txt told-moons/quality.txt
    test "$(grep -c '"error":' moons/log.jsonl)" -eq 3
    with=$(sed -nE 's/.*classifier: error ([0-9.]+)% \([0-9]+ of 5000 items of others of their kind; 10 labels\)/\1/p' moons/quality.txt)
    without=$(sed -nE 's/.*classifier: error ([0-9.]+)%.*/\1/p' told-moons/quality.txt)
    test -n "$with" && test -n "$without"
    awk -v with="$with" -v without="$without" 'BEGIN { exit !(with < 3 && with < without / 3) }'
    test -s moons/points.png
    test -s moons/classifier.safetensors
    # shellcheck disable=SC2086
    "$programs/improved_gan" $small --steps 3 --labels 20 --d-ema 0.9 --out few
    test "$(grep -cE 'error [0-9.]+% \([0-9]+ of 10000 items of other built-in digits; 20 labels\)' few/quality.txt)" -eq 2
    test "$(grep -c 'its moving average' few/quality.txt)" -eq 1
}

# One z in two domains: figures and a picture of pairs, for either task.
twins() {
    for task in negative edges; do
        # shellcheck disable=SC2086
        "$programs/cogan" --task $task --batch-size 8 --threads 2 --steps 2 --sample-interval 0 --judge-count 20 --out twins-$task
        cat twins-$task/quality.txt
        # shellcheck disable=SC2046
        within 0 1 $(figures twins-$task/quality.txt \
            'pixels of pairs agree: ([01]\.[0-9]{4}); of images that are no pair: ([01]\.[0-9]{4}) \(20 pairs')
        test -s twins-$task/pairs.png
    done
    if cmp twins-negative/pairs.png twins-edges/pairs.png; then return 1; fi
}

# What codes came to mean, in figures and in pictures; of unlabelled images in pictures alone. Their sheets have a category
# a row whatever the data's classes are.
codes() {
    # shellcheck disable=SC2086
    "$programs/infogan" --batch-size 16 --threads 2 --steps 3 --sample-interval 3 --log-interval 1 --judge-count 50 --out codes
    cat codes/quality.txt
    grep -Eq 'categories 0 to 9 taken for( [0-9]){10}: [0-9.]+% wrong \([0-9]+ of 10000 images of other built-in digits\)' codes/quality.txt
    # no order of categories is wrong about more than all but a tenth, on average
    # shellcheck disable=SC2046
    within 0 90 $(figures codes/quality.txt 'taken for.*: ([0-9.]+)% wrong( )')
    for code in 1 2; do
        # shellcheck disable=SC2046
        within -1 1 $(figures codes/quality.txt "code $code: correlation (-*[0-9.]+) with the slant, (-*[0-9.]+) with")
    done
    test "$(grep -c '"category":.*"continuous":' codes/log.jsonl)" -eq 3
    test -s codes/code-1.png
    test -s codes/code-2.png
    if cmp codes/code-1.png codes/code-2.png; then return 1; fi
    "$programs/sample" codes/model.safetensors --count 100 --columns 10 --out codes.png
    cmp codes.png codes/fakes-000003.png
    "$programs/infogan" --preset keras --data colours --batch-size 2 --threads 2 --steps 1 --judge-count 50 --continuous 1 --out unlabelled
    test -s unlabelled/code-1.png
    test "$(grep -vc 'Too few images to judge' unlabelled/quality.txt)" -eq 0
    "$programs/mixture" --codes --steps 20 --out coded-points
    # shellcheck disable=SC2046
    within 0.125 1 $(figures coded-points/quality.txt ' of 2.0794 nats, purity ([0-9.]+)( )\(10000 points, seed 1')
    # shellcheck disable=SC2046
    within -1000 2.0795 $(figures coded-points/quality.txt 'codes: (-*[0-9.]+)( )of 2.0794 nats')
}

# Every program: killed between checkpoints, it goes on to the bit, with another number of threads as well.
every_program_resumes() {
    # behind a dash: other settings of the same program
    for name in dcgan gan cgan lsgan wgan wgan_gp mixture classifier sngan spectral_regularization infogan infogan-three improved_gan improved_gan-matching \
        veegan veegan-mnist cogan cogan-pytorch; do
        program=${name%-*}
        steps=12
        interval=5
        case $name in mixture | veegan) steps=600 interval=200 ;; esac # hundreds of steps a second
        flags="--batch-size 8 --sample-interval 0 --steps $steps --checkpoint-interval $interval --deterministic --judge-count 0"
        last=checkpoint-$(printf %06d $steps).safetensors
        case $name in
        sngan) flags="$flags --n-dis 3" ;; # the checkpoint is between two steps of G
        improved_gan) flags="$flags --historical 0.01 --generator-loss adversarial --virtual-batch-norm" ;;
        spectral_regularization) flags="$flags --n-dis 3 --method dynamic --interval 1" ;;
        veegan-mnist) flags="$flags --preset mnist" ;;
        infogan-three | cogan-pytorch) flags="$flags --preset pytorch-gan --size 32" ;;
        esac
        # shellcheck disable=SC2086
        "$programs/$program" $flags --threads 2 --out "$name-whole" >out
        for attempt in 1 2 3 4 5; do # until it was killed before its end
            # shellcheck disable=SC2086
            "$programs/$program" $flags --threads 1 --out "$name-killed" --overwrite >out &
            run=$!
            while kill -0 "$run" 2>/dev/null && [ ! -e "$name-killed/checkpoint-$(printf %06d $interval).safetensors" ]; do sleep 0.01; done
            kill -9 "$run" 2>/dev/null || true
            wait "$run" || true
            [ -e "$name-killed/$last" ] || break
            echo "$name had ended before it was killed, attempt $attempt"
            rm -r "$name-killed"
        done
        test -e "$name-killed/checkpoint-$(printf %06d $interval).safetensors"
        test ! -e "$name-killed/$last"
        # shellcheck disable=SC2086
        "$programs/$program" $flags --threads 1 --out "$name-killed" --resume "$name-killed" >out
        cmp "$name-whole/$last" "$name-killed/$last"
        cmp "$name-whole/model.safetensors" "$name-killed/model.safetensors"
    done
}

# The classifier's model judges what the others make: every figure with its features, its counts and the seed.
judges() {
    # shellcheck disable=SC2086
    "$programs/classifier" $small --steps 60 --sample-interval 0 --out judge
    grep -q 'accuracy .*of 10000 images of other built-in digits' judge/quality.txt
    weights=$(sed -nE 's/.*: weights ([0-9a-f]{8}): .*/\1/p' judge/quality.txt)
    test -n "$weights"
    # shellcheck disable=SC2086
    "$programs/cgan" --batch-size 16 --threads 2 --steps 3 --sample-interval 0 --judge judge/model.safetensors --judge-count 600 --out judged
    cat judged/quality.txt
    both='judge [0-9a-f]{8}, 600 real and 600 generated'
    grep -q "Fréchet distance .*(judge $weights, 600 real" judged/quality.txt
    number='[0-9.e+-]+'
    for line in "Fréchet distance $number \\($both, seed 20141203\\)" \
        "quality $number \\($both, seed 20141203\\)" \
        "classifier score $number \\+- $number \\(judge [0-9a-f]{8}, 600 generated, 10 splits, seed 20141203\\)" \
        "rarest class [0-9] with $number% of the samples; mean confidence $number \\(judge [0-9a-f]{8}, 600 generated, seed 20141203\\)" \
        "$number% are of the class that was asked for \\([0-9]+ of 600; judge [0-9a-f]{8}, seed 20141203\\)" \
        "precision $number \\($both, k = 3, seed 20141203\\)" "recall $number \\($both, k = 3, seed 20141203\\)" \
        "density $number \\($both, k = 5, seed 20141203\\)" "coverage $number \\($both, k = 5, seed 20141203\\)" \
        "kernel distance x 1000 $number \\+- $number \\($both, 100 subsets, seed 0\\)"; do
        if ! grep -qE -- ": +$line\$|; $line\$" judged/quality.txt; then
            echo "there is no line '$line'"
            return 1
        fi
    done
    distance_figures judged/quality.txt
    # shellcheck disable=SC2046
    {
        # the untrained network's pictures are hardly digits: few are real, and none covers them
        within 0 0.2 $(figures judged/quality.txt 'precision ([0-9.]+)( )') $(figures judged/quality.txt 'coverage ([0-9.]+)( )')
        # different subsets differ
        within 0.01 1e6 $(figures judged/quality.txt 'kernel distance x 1000 ([0-9.]+) \+- ([0-9.]+)')
        # 6 a percent
        figures judged/quality.txt ': ([0-9.]+)% are of the class that was asked for \(([0-9]+) of 600;' |
            awk '{ print; exit !(NF == 2 && 6 * $1 - $2 < 0.04 && $2 - 6 * $1 < 0.04) }'
    }
    # shellcheck disable=SC2086
    "$programs/dcgan" --batch-size 16 --steps 1 --sample-interval 0 --judge-count 200 --out unjudged
    grep -q 'pixels 1x14x14' unjudged/quality.txt
    refuses 1 'no model of the classifier' "$programs/dcgan" --preset 64 --judge judge/model.safetensors --out other
    # shellcheck disable=SC2086
    "$programs/mixture" --steps 20 --out points
    grep -q 'of 8 modes' points/quality.txt
    test -s points/points.png
    # modes by the rule of its paper, and triples of digits as the classifier sees them
    "$programs/veegan" --latent-dim 16 --batch-size 64 --steps 20 --out pairs
    grep -Eq '[0-9] of 8 modes; [0-9.]+% of high quality, KL to uniform [0-9.a-z]+ \(2500 points' pairs/quality.txt
    "$programs/veegan" --preset stacked-mnist --batch-size 16 --threads 2 --steps 2 --judge judge/model.safetensors --out stacks
    cat stacks/quality.txt
    grep -Eq '^step 2: [0-9]+ of 1000 triples of digits, KL to uniform [0-9.]+ nats \(26000 samples' stacks/quality.txt
    reals=$(sed -nE 's/^step 2: ([0-9]+) of 1000 triples.*26000 real stacks.*/\1/p' stacks/quality.txt)
    test "$reals" -ge 200 # after 60 steps the classifier knows some
}

# How far real images are from other real ones has nothing to do with the run.
floors() {
    for seed in 0 1; do
        "$programs/gan" --batch-size 16 --threads 2 --steps 0 --seed $seed --judge-count 50 --out floor-$seed
        sed -nE 's/.*: +([0-9.]+ of real images to other real ones \(.*\)), [0-9.]+ times that.*/\1/p' floor-$seed/quality.txt >floor-$seed/floor
    done
    cat floor-0/floor
    test -s floor-0/floor
    cmp floor-0/floor floor-1/floor
    differ floor-0/quality.txt floor-1/quality.txt
    # neither half of so few would do
    mkdir -p few
    for i in $(seq 1 18); do cp digits/reals.png few/$i.png; done
    "$programs/dcgan" --preset 28 --data few --batch-size 4 --steps 0 --judge-count 50 --out judged-few
    grep -q 'Too few images to judge' judged-few/quality.txt
}

# A generator that is told the class is asked for the classes of real images, as often as they occur: here all reals are
# the same image, so that a distance says nothing but what was asked for.
judges_by_classes() {
    for most in a b; do
        mkdir -p "mostly-$most/a" "mostly-$most/b"
        for i in 1 2; do cp digits/reals.png "mostly-$most/a/$i.png"; done
        cp "mostly-$most/a/"* "mostly-$most/b"
        for i in $(seq 3 38); do cp digits/reals.png "mostly-$most/$most/$i.png"; done
        "$programs/cgan" --preset dcgan --latent-dim 1 --batch-size 4 --threads 1 --steps 0 --data "mostly-$most" \
            --out "judged-$most"
    done
    cmp judged-a/model.safetensors judged-b/model.safetensors # nothing was trained
    a=$(figures judged-a/quality.txt 'distance ([0-9.]+) \(pixels 1x14x14, (20) real')
    b=$(figures judged-b/quality.txt 'distance ([0-9.]+) \(pixels 1x14x14, (20) real')
    test "${a#* }" -eq 20 && test "${b#* }" -eq 20
    test "$a" != "$b"
}

# On the way, a curve of the distance, and the training is none the worse for it; at the end, how likely other images are.
judges_on_the_way() {
    flags='--batch-size 16 --threads 1 --steps 40 --sample-interval 0'
    # shellcheck disable=SC2086
    "$programs/gan" $flags --judge-count 0 --out blind
    mkdir -p tested
    cp digits/reals.png tested/a.png
    cp digits/fakes-000004.png tested/b.png
    # shellcheck disable=SC2086
    "$programs/gan" $flags --judge-count 200 --judge-interval 10 --test tested --out watched
    cmp blind/model.safetensors watched/model.safetensors
    test "$(grep -c '"frechet":[0-9.]*}' watched/log.jsonl)" -eq 4
    test -s watched/quality.png
    cat watched/quality.txt
    grep -Eq 'Parzen log likelihood -?[0-9.]+ \+- [0-9.]+ nats of 2 images of tested, under 10000 samples, sigma [0-9.]+ \(by [0-9]+ images of the training data; pixels in \[0, 1\], seed 20140610\)$' watched/quality.txt
    grep -q 'under 10000 real images instead' watched/quality.txt
    distance_figures watched/quality.txt
    # the critic's estimate beside it: four points are the least
    # shellcheck disable=SC2086
    "$programs/wgan" $flags --judge-count 50 --judge-interval 10 --hold-out 59000 --test tested --out critic >critic.out
    grep -q '^1000 items of 1x28x28 from the built-in digits' critic.out
    grep -q '(by 1000 images held out; pixels in \[0, 1\], seed 20140610)$' critic/quality.txt
    distance_figures critic/quality.txt
    # shellcheck disable=SC2046
    within -1 1 $(figures critic/quality.txt 'correlation of wasserstein with frechet: (-?[0-9.]+), at 4( )steps')
    test -s critic/wasserstein.png
    refuses 1 'nowhere' "$programs/gan" --test nowhere --out untested
    refuses 1 'another size or other channels' "$programs/gan" --test tested --data colours --batch-size 2 --out untested
    test ! -e untested
}

# losses DIR: its log, without the clock
losses() {
    sed -E 's/"seconds":[^,]*,"images_per_second":[^,}]*//' "$1/log.jsonl"
}

# Flags that change a run, each beside the same run without it: what they change, and what they leave.
flags_change_runs() {
    flags='--batch-size 8 --threads 1 --deterministic --judge-count 0 --sample-interval 0 --log-interval 1'
    # shellcheck disable=SC2086
    run_of() { # NAME PROGRAM FLAG...
        name=$1
        program=$2
        shift 2
        "$programs/$program" $flags --out "flag-$name" "$@"
        losses "flag-$name" >"flag-$name/losses"
    }
    run_of plain gan --steps 1
    run_of ema gan --steps 1 --ema 0.9
    run_of d-lr gan --steps 1 --d-lr 0.01
    run_of flip gan --steps 1 --flip
    cmp flag-plain/losses flag-ema/losses
    differ flag-plain/model.safetensors flag-ema/model.safetensors
    cmp flag-plain/model.safetensors flag-d-lr/model.safetensors # D's step is after G's
    differ flag-plain/checkpoint-000001.safetensors flag-d-lr/checkpoint-000001.safetensors
    differ flag-plain/losses flag-flip/losses

    run_of critic wgan --steps 2
    run_of clip wgan --steps 2 --clip 0.02
    run_of n-critic wgan --steps 2 --n-critic 2
    test "$(sed 1q flag-critic/losses)" = "$(sed 1q flag-clip/losses)"
    differ flag-critic/losses flag-clip/losses
    test "$(grep -c '"loss_g"' flag-critic/losses)" -eq 0
    test "$(grep '"loss_g"' flag-n-critic/losses | sed -E 's/.*"step":([0-9]+),.*/\1/')" = 2

    run_of penalty wgan_gp --steps 2
    run_of gp-weight wgan_gp --steps 2 --gp-weight 20 --n-critic 2
    {
        figures flag-penalty/losses '"step":1,.*"penalty":([0-9.e+-]+)(})'
        figures flag-gp-weight/losses '"step":1,.*"penalty":([0-9.e+-]+)(})'
    } | awk '{ print; exit !(NF == 4 && $3 / $1 > 1.9999 && $3 / $1 < 2.0001) }'
    test "$(grep '"loss_g"' flag-gp-weight/losses | sed -E 's/.*"step":([0-9]+),.*/\1/')" = 2

    run_of filtered dcgan --steps 1 >filtered.out
    run_of exact dcgan --steps 1 --no-filtering
    if ! grep -q 'threads (reference)' filtered.out; then # which has no filtering
        differ flag-filtered/model.safetensors flag-exact/model.safetensors
    fi
    {
        figures flag-filtered/losses '"loss_d":([0-9.]+),"loss_g":([0-9.]+)'
        figures flag-exact/losses '"loss_d":([0-9.]+),"loss_g":([0-9.]+)'
    } | awk '{ print; exit !(NF == 4 && $3 / $1 > 0.999 && $3 / $1 < 1.001 && $4 / $2 > 0.999 && $4 / $2 < 1.001) }'

    run_of epochs mixture --points 100 --epochs 2 # 12 whole batches each
    test "$(tail -1 flag-epochs/log.jsonl | sed -E 's/.*"step":([0-9]+),.*/\1/')" = 24
    test -s flag-epochs/checkpoint-000024.safetensors

    run_of seconds mixture --seconds 0.2 --steps 20000
    last=$(tail -1 flag-seconds/log.jsonl | sed -E 's/.*"step":([0-9]+),.*/\1/')
    test "$last" -lt 20000
    test -s "flag-seconds/checkpoint-$(printf %06d "$last").safetensors"

    # the authors' coding of one of their runs
    run_of their-coding lsgan --preset stability-without --optimizer rmsprop --steps 1 --batch-size 2
    run_of pearson lsgan --preset stability-without --optimizer rmsprop --steps 1 --batch-size 2 --coding pearson
    run_of usual-coding lsgan --preset stability-without --optimizer rmsprop --steps 1 --batch-size 2 --coding 0-1
    cmp flag-their-coding/losses flag-pearson/losses
    differ flag-their-coding/losses flag-usual-coding/losses

    # 100 steps of a learning rate that is far too high, and one more
    run_of warned mixture --steps 101 --lr 1
    run_of lowered mixture --steps 101 --lr 1 --health lower
    grep -q '"step":100,.*"action":"goes on"}' flag-warned/log.jsonl
    grep -q '"step":100,.*"action":"goes on with lower learning rates"}' flag-lowered/log.jsonl
    differ flag-warned/model.safetensors flag-lowered/model.safetensors
    for run in warned lowered; do sed '/"step":101,/d; /"event"/d' flag-$run/losses >flag-$run/before; done
    cmp flag-warned/before flag-lowered/before
}

# What is in order is not complained of: critics and networks that guess codes have losses below 0.
healthy() {
    for flags in '--loss gradient-penalty' '--loss wasserstein' --codes; do
        rm -rf healthy
        # shellcheck disable=SC2086
        "$programs/mixture" $flags --threads 1 --steps 300 --judge-count 0 --health lower --out healthy
        test "$(grep -c '"event"' healthy/log.jsonl)" -eq 0
        test "$(grep -c '"gradient_norm"' healthy/log.jsonl)" -eq 3
        test -s healthy/diversity.png
        test -s healthy/gradient-norm.png
    done
    # what D is right about without the guesses
    test "$(grep -c '"adversarial":' healthy/log.jsonl)" -eq 30
    # with a rate that is far too high, D's singular values fall: it is told
    flags='--preset infogan --n-dis 1 --batch-size 4 --threads 2 --steps 100 --judge-count 0 --sample-interval 0 --checkpoint-interval 0'
    # shellcheck disable=SC2086
    "$programs/sngan" $flags --out healthy --overwrite
    test "$(grep -c '"what":"spectrum"' healthy/log.jsonl)" -eq 0
    # shellcheck disable=SC2086
    "$programs/sngan" $flags --lr 0.02 --out healthy --overwrite
    grep -q '"event":"unhealthy","step":100,.*"what":"spectrum".*"bound":0.3' healthy/log.jsonl
}

# A loss that is no number ends a run with a sentence, the newest checkpoint stays, and with --health roll-back it is tried three times more.
diverges() {
    flags='--preset paper --lr 10 --batch-size 16 --threads 1 --steps 60 --judge-count 0 --checkpoint-interval 2 --sample-interval 0'
    # shellcheck disable=SC2086
    refuses 1 'gan: optimizer: the loss is ' "$programs/gan" $flags --out diverged
    grep -q -- '--health roll-back' refusal
    test "$(find diverged -name 'checkpoint-*.safetensors' | wc -l)" -eq 2
    # shellcheck disable=SC2086
    refuses 1 'gan: optimizer: the loss is ' "$programs/gan" $flags --health roll-back --out diverged --overwrite
    test "$(grep -c -- '--health roll-back' refusal)" -eq 0
    test "$(grep -c '"event":"roll_back"' diverged/log.jsonl)" -eq 3
}

# The classifier, too, is measured on the way.
classifies_on_the_way() {
    # shellcheck disable=SC2086
    "$programs/classifier" $small --steps 20 --sample-interval 0 --judge-interval 10 --out measured
    test "$(grep -c '"accuracy":0.' measured/log.jsonl)" -eq 2
    test -s measured/quality.png
    differ judge/model.safetensors measured/model.safetensors
    test "$(sed -nE 's/.*: weights ([0-9a-f]{8}): .*/\1/p' measured/quality.txt)" != "$(sed -nE 's/.*: weights ([0-9a-f]{8}): .*/\1/p' judge/quality.txt)"
    # its last figure is the one at the end
    last=$(sed -nE 's/.*"accuracy":([0-9.]+).*/\1/p' measured/log.jsonl | tail -1)
    grep -q "($(awk -v a="$last" 'BEGIN { printf "%d", 10000 * a + 0.5 }') of 10000 images" measured/quality.txt
}

check presets preset_settings
check healthy healthy
check diverges diverges
check flags flags_change_runs
check sample samples_the_last_sheet
check judge judges
check classifies classifies_on_the_way
check floors floors
check judge-by-classes judges_by_classes
check counts parameter_counts
check judge-on-the-way judges_on_the_way
check classes class_sheets
check spectra spectra
check codes codes
check twins twins
check few-labels few_labels
check resume every_program_resumes
check colour-64 colour_folder_at_64
check killed killed_goes_on
check overwrite overwrites_when_told
check another-run another_runs_folder
check interrupted interrupted_says_how_to_go_on
check piped piped
check refusals refusals
check help helps
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
