#!/bin/sh
# Builds the fuzz targets with clang and runs them. See --help.
set -u

usage() {
    cat <<'TEXT'
usage: sh tests/fuzz/run.sh SECONDS [TARGET...]
       sh tests/fuzz/run.sh --merge [TARGET...]

Runs each target (all of them if none is named) until it has used SECONDS of processor time, JOBS of them side by side, starting from
tests/fuzz/corpus/TARGET, and prints one line for each: seconds, executions, edges covered, inputs in the working corpus, findings. Inputs that are findings (a sanitizer's report, a failed check, more
than 100 s or 2 GB) go to BUILD_DIR/findings. The working corpus stays in BUILD_DIR/corpus, so that a later run goes on from there. The exit status
is 0 if there was no finding.

--merge puts what BUILD_DIR/corpus has beyond tests/fuzz/corpus into the latter: at most 100 files and 300 kB a target.

environment:
  BUILD_DIR  default build/fuzz in the source tree
  CC         a clang; default clang
  JOBS       how many at once, of the build and of the targets; default 2
TEXT
}

merge=0
one=0
case ${1:-} in
    --help | -h | '') usage; exit 0 ;;
    --merge) merge=1 ;;
    --one) one=1 seconds=$2 && shift ;; # what this script calls itself with
    *[!0-9]*) echo "'$1' is not a number of seconds; see --help" >&2; exit 2 ;;
    *) seconds=$1 ;;
esac
shift

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${BUILD_DIR:-$source/build/fuzz}
mkdir -p "$build/findings" "$build/corpus" "$build/logs" || exit 1
build=$(cd "$build" && pwd)
[ $# -gt 0 ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')

if [ "$one" -eq 0 ] && ! { cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 \
    -DGAN_BUILD_FUZZERS=ON -DGAN_BUILD_TESTS=ON -DGAN_BUILD_EXAMPLES=OFF &&
    cmake --build "$build" -j "${JOBS:-2}" --target $(printf 'fuzz_%s ' "$@"); } >"$build/logs/build.log" 2>&1; then
    tail -n 30 "$build/logs/build.log"
    echo "the targets cannot be built, see $build/logs/build.log"
    exit 1
fi

# The allocator hook of the targets refuses what is too much; sanitizers must not end the process for what it asks of them.
ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1:quarantine_size_mb=16
UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS UBSAN_OPTIONS

size_of() { # FOLDER: bytes of its files
    find "$1" -type f -exec cat {} + 2>/dev/null | wc -c
}

# The smallest inputs first: libFuzzer's merge takes what each adds to those before it.
merge_one() {
    mkdir -p "$here/corpus/$1" "$build/corpus/$1"
    "$build/tests/fuzz/fuzz_$1" -merge=1 -rss_limit_mb=2048 -timeout=100 -max_len="$2" "$here/corpus/$1" "$build/corpus/$1" \
        >"$build/logs/merge-$1.log" 2>&1
    # what a merge adds has its digest as name; the most telling names, seeds and findings, stay in any case
    while [ "$(find "$here/corpus/$1" -type f | wc -l)" -gt 100 ] || [ "$(size_of "$here/corpus/$1")" -gt 300000 ]; do
        largest=$(find "$here/corpus/$1" -type f -name '[0-9a-f]*' -size -1000k -exec ls -S {} + | grep -E '/[0-9a-f]{40}$' | head -n 1)
        [ -n "$largest" ] || break
        rm "$largest"
    done
    echo "$1: $(find "$here/corpus/$1" -type f | wc -l) files, $(size_of "$here/corpus/$1") bytes"
}

# spent=: processor seconds of this shell's children so far (in a subshell `times` would know nothing of them)
measure() {
    times >"$log.times"
    spent=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); s += 60 * t[1] + t[2] } print int(s) }' "$log.times")
}

run_one() {
    mkdir -p "$build/corpus/$1" "$here/corpus/$1"
    log=$build/logs/$1.log
    dictionary=
    [ ! -e "$here/$1.dict" ] || dictionary=-dict=$here/$1.dict
    before=$(find "$build/findings" -name "$1-*" | wc -l)
    : >"$log"
    # On a busy machine the clock says little of the work done; libFuzzer knows only the clock: it goes on until the time is used.
    while measure && [ "$spent" -lt "$seconds" ]; do
        # shellcheck disable=SC2086
        nice -n 15 "$build/tests/fuzz/fuzz_$1" -max_total_time="$((seconds - spent))" -rss_limit_mb=2048 -malloc_limit_mb=2048 -timeout=100 -report_slow_units=100 \
            -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$build/findings/$1-" $dictionary "$build/corpus/$1" "$here/corpus/$1" \
            >>"$log" 2>&1 || break
    done
    rm -f "$log.times"
    found=$(($(find "$build/findings" -name "$1-*" | wc -l) - before))
    [ "$spent" -ge "$seconds" ] || [ "$found" -gt 0 ] || found=1
    executions=$(awk '/^stat::number_of_executed_units:/ { n += $2 } END { print n + 0 }' "$log")
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    printf '%-12s %5s s %10s executions  %-10s %6s inputs  %s findings\n' "$1" "$spent" "$executions" "${edges:-?}" \
        "$(find "$build/corpus/$1" -type f | wc -l)" "$found"
    [ "$found" -eq 0 ] || grep -m 3 -E 'finding:|ERROR|runtime error|SUMMARY' "$log"
    return "$found"
}

if [ "$one" -eq 1 ]; then
    run_one "$1"
elif [ "$merge" -eq 1 ]; then
    for target in "$@"; do merge_one "$target" 16384; done
else
    printf '%s\n' "$@" | xargs -P "${JOBS:-2}" -I '{}' env BUILD_DIR="$build" sh "$here/run.sh" --one "$seconds" '{}' &&
        echo "0 findings"
fi
