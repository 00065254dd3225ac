#!/bin/sh
# gan-bench: every case runs, has PyTorch's number of parameters, does the operations it needs and no others, and
# allocates nothing from the fourth step on; what gan-bench prints, and what it refuses. Batches and images are small.
#
# usage: check.sh GAN-BENCH
set -u

bench=$1
failed=0
passed=0

check() { # NAME COMMAND...: passes when the command does
    name=$1
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
        echo "$output" | sed 's/^/      /'
    fi
}

prints() { # PATTERN ARGUMENT...: succeeds, and a line matches
    pattern=$1
    shift
    line=$("$bench" "$@") || return 1
    echo "$line"
    echo "$line" | grep -q "$pattern"
}

refuses() { # WORDS ARGUMENT...: leaves with status 2 and a sentence with the words
    words=$1
    shift
    status=0
    text=$("$bench" "$@" 2>&1) || status=$?
    echo "status $status, $text"
    [ "$status" -eq 2 ] && echo "$text" | head -1 | grep -q -- "$words"
}

# case, parameters, operations of the definition in GFLOP, flags
counts='
mlp            2043537 0.03183  --batch 2
dcgan28         898370 0.295035 --batch 2
dcgan28cpp     1496960 0.500785 --batch 2
infogan28     13344654 0.574638 --batch 2
wgangp32       1850884 1.0519   --batch 2
dcgan64        6342272 4.54925  --batch 2
cyclegan128   21204872 20.8027  --size 32
dcgan64-g      3576704 0.209256 --batch 1
dcgan64-g-b1   3576704 0.209256 --batch 1
cyclegan256-g 11378179 1.54848  --size 32
'
while read -r case parameters gflop flags; do
    [ -n "$case" ] || continue
    # shellcheck disable=SC2086
    check "$case: counts" prints "\"parameters\": $parameters, \"gflop\": $gflop, \"gflop_done\": $gflop, \"allocations\": 0}" --count "$case" $flags
done <<EOF
$counts
EOF

number='[0-9][0-9.e+-]*'
check "a line of steps" prints "^{\"case\": \"mlp\", \"batch\": 4, \"threads\": 1, \"level\": \"[a-z0-9]*\", \"s_per_step\": $number, \
\"images_per_s\": $number, \"parameters\": 2043537, \"gflop\": 0.06366, \"gflop_per_s\": $number, \"cpu_s_per_step\": $number, \
\"rss_mb\": $number}\$" mlp --steps 1 --warmup 0 --threads 1 --batch 4
check "a line of generating" prints '"images_per_s"' dcgan64-g-b1 --steps 2 --warmup 1
check "layers: filtering" prints 'conv 64x14x14 -> 128x7x7 4/2 *forward *3  [Fd]' --layers dcgan28 --batch 2
check "layers: without" prints 'conv 64x14x14 -> 128x7x7 4/2 *weight *2  direct' --layers dcgan28 --batch 2 --filtering 0
check "roofline" prints 'dense 6272 -> 1 *input *3 .* memory ' --roofline dcgan28 --batch 2
check "peak" prints '^{"level": "reference", "threads": 1, "gflop_per_s": [0-9.]*}$' --peak --threads 1

for flag in --steps --warmup --threads --batch --size --blas --level --filtering; do
    check "$flag without a number" refuses "$flag needs a number" mlp $flag
    check "$flag with a word" refuses "$flag needs a number" mlp $flag many
done
check "help" prints 'Usage' --help
check "no steps" refuses '--steps needs a number from 1' mlp --steps 0
check "no case" refuses 'which case' --steps 2
check "no case for layers" refuses 'which case' --layers
check "an unknown case" refuses "no case 'nothing'" nothing
check "an unknown flag" refuses "what is '--fast'" mlp --fast
check "two cases" refuses "what is 'dcgan28'" mlp dcgan28
check "two modes" refuses "what is '--peak'" --layers mlp --peak
check "a peak of a case" refuses '--peak has no case' mlp --peak
check "the size of a case that has one" refuses 'have one size' dcgan64 --size 32
check "an odd size" refuses 'multiple of 4' cyclegan128 --size 30

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
