#!/bin/sh
# libgan against PyTorch's best, side by side: rounds that alternate, so that both meet the same load on a shared machine.
#
# Usage: compare.sh GAN-BENCH [CASE ...]        cases: mlp dcgan28 dcgan28cpp infogan28 wgangp32 dcgan64 cyclegan128 (all)
#                                               and without a mark: dcgan64-g dcgan64-g-b1 cyclegan256-g
# Environment: ROUNDS (9, at least 3), STEPS (10), WARMUP (2), TRIAL_STEPS (5), THREADS (0: one for each processor), PYTHON.
#
# PyTorch's speed depends on how it is run, so for each case its fastest configuration is found first: each build of
# OpenBLAS that is installed (pthread, openmp), 1 thread or THREADS, and memory given back to the system or kept.
# Prints, for each case, the medians over rounds of both sides' images a second and of their ratio in the same round, the
# ratio's quartiles, and libgan's rate in multiply-adds of the definition against the peak measured before and after. A
# case passes when the median meets its mark and the lower quartile 95% of it.
# Exit status: 0 if all pass, 1 if not, 77 if there is no PyTorch.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ] || [ "$1" = --help ] || [ "$1" = -h ]; then
    sed -n '2,14s/^# \{0,1\}//p' "$0"
    [ $# -ge 1 ] && exit 0 || exit 2
fi
bench=$1
shift
[ -x "$bench" ] || { echo "compare.sh: $bench is not a program" >&2; exit 2; }
[ $# -gt 0 ] || set -- mlp dcgan28 dcgan28cpp infogan28 wgangp32 dcgan64 cyclegan128
rounds=${ROUNDS:-9} steps=${STEPS:-10} warmup=${WARMUP:-2} trial=${TRIAL_STEPS:-5} threads=${THREADS:-0}
[ "$rounds" -ge 3 ] || { echo "compare.sh: ROUNDS must be at least 3" >&2; exit 2; }

mark_of() {
    case $1 in
        dcgan64 | cyclegan128) echo 3 ;;
        wgangp32 | dcgan28cpp | dcgan28) echo 2.5 ;;
        infogan28 | mlp) echo 2 ;;
        dcgan64-g | dcgan64-g-b1 | cyclegan256-g) echo - ;;
        *) echo "compare.sh: there is no case '$1'" >&2; exit 2 ;;
    esac
}
for label in "$@"; do mark_of "$label" >/dev/null; done

# PATH's python3 may be one without PyTorch where the distribution's has it.
python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import torch' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "compare.sh: no Python with PyTorch; nothing to compare with" >&2; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# member NAME: its number in lines of JSON
member() { sed -n "s/.*\"$1\": \\([0-9.]*\\).*/\\1/p"; }
gan() { "$bench" "$1" --steps "$steps" --warmup "$warmup" --threads "$threads"; }
# peer CASE STEPS CONFIGURATION: a line "threads NAME=VALUE ..."
peer() {
    # shellcheck disable=SC2086
    set -- "$1" "$2" $3
    peer_case=$1 peer_steps=$2 peer_threads=$3
    shift 3
    env "$@" "$python" "$here/torch_peer.py" "$peer_case" --steps "$peer_steps" --warmup "$warmup" --threads "$peer_threads"
}

# Every way to run PyTorch, a line each. Where alternatives are no folders of their own, the default is all there is.
configurations() {
    kept="MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=34359738368 MALLOC_TOP_PAD_=268435456"
    for count in 1 "$threads"; do
        found=0
        for library in /usr/lib/*-linux-gnu/openblas-pthread /usr/lib/*-linux-gnu/openblas-openmp; do
            [ -e "$library/libblas.so.3" ] || continue
            found=1
            echo "$count LD_LIBRARY_PATH=$library"
            echo "$count LD_LIBRARY_PATH=$library $kept"
        done
        if [ $found = 0 ]; then
            echo "$count"
            echo "$count $kept"
        fi
    done
}

# best CASE: the fastest configuration; each is tried twice, for others may use the machine too
best() {
    { configurations; configurations; } | while IFS= read -r line; do
        rate=$(peer "$1" "$trial" "$line" 2>/dev/null </dev/null | member images_per_s) || rate=
        if [ -n "$rate" ]; then echo "$rate $line"; fi
    done | sort -rn | sed -n '1s/^[^ ]* //p'
}

# The peak at the level and with the threads of a line of gan-bench.
peak() {
    level=$(echo "$1" | sed -n 's/.*"level": "\([^"]*\)".*/\1/p')
    "$bench" --peak --threads "$threads" | grep "\"level\": \"$level\", \"threads\": $(echo "$1" | member threads)," | member gflop_per_s
}

# Reads a round a line: libgan's images/s, PyTorch's, libgan's GFLOP/s. Prints the case's row; status 1 if it fails.
# shellcheck disable=SC2016
summary='
    function sort(a,   i, j, t) {
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
    }
    function at(a, share,   p, i) {
        p = 1 + share * (n - 1)
        i = int(p)
        return i < n ? a[i] + (p - i) * (a[i + 1] - a[i]) : a[n]
    }
    { n++; g[n] = $1; t[n] = $2; f[n] = $3; r[n] = $1 / $2 }
    END {
        sort(g); sort(t); sort(f); sort(r)
        good = mark == "-" || (at(r, .5) >= mark && at(r, .25) >= .95 * mark)
        printf "%-14s %9.2f %9.2f %7.2f %7.2f %7.2f %5s %-5s %8.1f %6.0f\n", label, at(g, .5), at(t, .5), at(r, .5), at(r, .25),
            at(r, .75), mark, mark == "-" ? "-" : good ? "pass" : "FAIL", at(f, .5), 100 * at(f, .5) / peak
        exit !good
    }'

echo "images/s, medians of $rounds rounds of $steps steps"
printf '%-14s %9s %9s %7s %7s %7s %5s %-5s %8s %6s\n' case libgan PyTorch ratio lower upper mark "" GFLOP/s '% peak'
status=0
for label in "$@"; do
    configuration=$(best "$label")
    [ -n "$configuration" ] || { echo "compare.sh: $label: PyTorch gave no figure" >&2; exit 1; }
    before=$(peak "$("$bench" "$label" --steps 1 --warmup 0 --threads "$threads")")
    : >"$folder/rounds"
    round=0
    while [ "$round" -lt "$rounds" ]; do
        # who begins alternates too: the second may find a warmer or a busier machine
        if [ $((round % 2)) -eq 0 ]; then order="gan torch"; else order="torch gan"; fi
        for who in $order; do
            if [ "$who" = gan ]; then
                line=$(gan "$label")
            else
                torch=$(peer "$label" "$steps" "$configuration" | member images_per_s)
            fi
        done
        rates="$(echo "$line" | member images_per_s) $torch $(echo "$line" | member gflop_per_s)"
        case $rates in
            *[0-9]" "[0-9]*" "[0-9]*) echo "$rates" >>"$folder/rounds" ;;
            *) echo "compare.sh: $label: a round gave no figure" >&2; exit 1 ;;
        esac
        round=$((round + 1))
    done
    after=$(peak "$line")
    higher=$(printf '%s\n%s\n' "$before" "$after" | sort -n | tail -1)
    awk -v label="$label" -v mark="$(mark_of "$label")" -v peak="$higher" "$summary" "$folder/rounds" || status=1
    echo "               PyTorch: threads $configuration"
done
exit $status
