#!/bin/sh
# The example programs as their users run them: what they leave, what they refuse, and that a killed run goes on as if
# nothing had happened.
#
# usage: run.sh PROGRAMS WORK_DIR      PROGRAMS: folder with dcgan and sample; WORK_DIR: emptied and used
set -eu

programs=$(cd "$1" && pwd)
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

small='--batch-size 16 --threads 2'

leaves_its_files() {
    # shellcheck disable=SC2086
    "$programs/dcgan" $small --steps 4 --sample-interval 2 --checkpoint-interval 2 --out digits
    for file in options.json log.jsonl reals.png fakes-000000.png fakes-000002.png fakes-000004.png loss.png model.safetensors \
        checkpoint-000002.safetensors checkpoint-000004.safetensors; do
        test -s "digits/$file"
    done
    test "$(grep -c '"loss_d":' digits/log.jsonl)" -ge 1
}

samples_the_last_sheet() {
    "$programs/sample" digits/model.safetensors --out sheet.png
    cmp sheet.png digits/fakes-000004.png
    "$programs/sample" digits/model.safetensors --seed 5 --count 12 --columns 6 --interpolate --out walk.png
    test -s walk.png
}

colour_folder_at_64() {
    mkdir -p pictures/a pictures/b
    cp digits/*.png pictures/a
    cp digits/loss.png pictures/b
    "$programs/dcgan" --size 64 --data pictures --batch-size 2 --steps 1 --out colour
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

refusals() {
    cp digits/options.json options.kept
    cp digits/log.jsonl log.kept
    refuses 2 'not-a-flag' "$programs/dcgan" --not-a-flag
    refuses 2 'whole number' "$programs/dcgan" --steps many
    refuses 2 'must be in' "$programs/dcgan" --batch-size 1
    refuses 2 'must be in' "$programs/dcgan" --b1 1
    refuses 2 '28 or 64' "$programs/dcgan" --size 30
    refuses 2 'must be' "$programs/dcgan" --threads 0
    refuses 2 'not a flag' "$programs/dcgan" pictures
    refuses 1 'nowhere' "$programs/dcgan" --data nowhere --out refused
    refuses 1 'nowhere' "$programs/dcgan" --steps 1 --out refused --resume nowhere
    refuses 1 'refused/file' "$programs/dcgan" --steps 1 --out "$(mkdir -p refused && touch refused/file && echo refused/file)"
    refuses 1 '--resume digits' "$programs/dcgan" --steps 1 --out digits
    cmp digits/options.json options.kept && cmp digits/log.jsonl log.kept
    refuses 2 'which model' "$programs/sample"
    refuses 2 'whole number' "$programs/sample" digits/model.safetensors --count 0
    refuses 1 'nowhere' "$programs/sample" nowhere
    refuses 1 'sheet.png' "$programs/sample" sheet.png
}

helps() {
    for program in "$programs/dcgan" "$programs/sample"; do
        "$program" --help >help
        grep -q 'usage\|Usage' help
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

check sample samples_the_last_sheet
check colour-64 colour_folder_at_64
check killed killed_goes_on
check overwrite overwrites_when_told
check interrupted interrupted_says_how_to_go_on
check refusals refusals
check help helps
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
