#!/bin/sh
# libgan against PyTorch, side by side: rounds that alternate, so that both meet the same load on a shared machine.
#
# Usage: compare.sh GAN-BENCH [CASE ...]        cases: mlp dcgan28 dcgan28cpp dcgan64 (all)
# Environment: ROUNDS (9), STEPS (10), WARMUP (2), THREADS (0: one for each processor, both sides' default), PYTHON.
# Prints, for each case, the medians over rounds of both sides' images a second and of their ratio in the same round,
# with the ratio's quartiles. Leaves with status 77 if there is no PyTorch.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ] || [ "$1" = --help ] || [ "$1" = -h ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    [ $# -ge 1 ] && exit 0 || exit 2
fi
bench=$1
shift
[ -x "$bench" ] || { echo "compare.sh: $bench is not a program" >&2; exit 2; }
[ $# -gt 0 ] || set -- mlp dcgan28 dcgan28cpp dcgan64
rounds=${ROUNDS:-9} steps=${STEPS:-10} warmup=${WARMUP:-2} threads=${THREADS:-0}
[ "$rounds" -ge 3 ] || { echo "compare.sh: ROUNDS must be at least 3" >&2; exit 2; }

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

flags="--steps $steps --warmup $warmup --threads $threads"
rate() { sed -n 's/.*"images_per_s": \([0-9.]*\).*/\1/p'; }

printf '%-11s %12s %12s %8s %19s   (%d rounds of %d steps)\n' case libgan PyTorch ratio quartiles "$rounds" "$steps"
for case in "$@"; do
    : > "$folder/rates"
    round=0
    while [ "$round" -lt "$rounds" ]; do
        # who begins alternates too: the second may find a warmer or a busier machine
        if [ $((round % 2)) -eq 0 ]; then order="gan torch"; else order="torch gan"; fi
        for who in $order; do
            if [ $who = gan ]; then
                gan=$("$bench" "$case" $flags | rate)
            else
                torch=$("$python" "$here/torch_peer.py" "$case" $flags | rate)
            fi
        done
        [ -n "$gan" ] && [ -n "$torch" ] || { echo "compare.sh: $case: a round gave no figure" >&2; exit 1; }
        echo "$gan $torch" >> "$folder/rates"
        round=$((round + 1))
    done
    awk -v label="$case" '
        function sort(a,   i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        }
        function at(a, share,   p, i) {
            p = 1 + share * (n - 1)
            i = int(p)
            return i < n ? a[i] + (p - i) * (a[i + 1] - a[i]) : a[n]
        }
        { n++; g[n] = $1; t[n] = $2; r[n] = $1 / $2 }
        END {
            sort(g); sort(t); sort(r)
            printf "%-11s %8.1f /s %8.1f /s %8.2f", label, at(g, .5), at(t, .5), at(r, .5)
            printf " %9.2f %9.2f\n", at(r, .25), at(r, .75)
        }
    ' "$folder/rates"
done
