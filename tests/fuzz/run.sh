#!/bin/sh
# Builds the fuzz targets with clang and runs them. See --help.
set -u

usage() {
    cat <<'TEXT'
usage: sh tests/fuzz/run.sh SECONDS [TARGET...]
       sh tests/fuzz/run.sh --merge [TARGET...]

Runs each target (all of them if none is named) for SECONDS, starting from tests/fuzz/corpus/TARGET, and prints one line for each: executions,
executions a second, edges covered, inputs in the working corpus, findings. Inputs that are findings (a sanitizer's report, a failed check, more
than 20 s or 2 GB) go to BUILD_DIR/findings. The working corpus stays in BUILD_DIR/corpus, so that a later run goes on from there. The exit status
is 0 if there was no finding.

--merge puts what BUILD_DIR/corpus has beyond tests/fuzz/corpus into the latter: at most 100 files and 300 kB a target.

environment:
  BUILD_DIR  default build/fuzz in the source tree
  CC         a clang; default clang
  JOBS       of the build; default 2
TEXT
}

merge=0
case ${1:-} in
    --help | -h | '') usage; exit 0 ;;
    --merge) merge=1 ;;
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

if ! { cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 \
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
    "$build/tests/fuzz/fuzz_$1" -merge=1 -rss_limit_mb=2048 -timeout=20 -max_len="$2" "$here/corpus/$1" "$build/corpus/$1" \
        >"$build/logs/merge-$1.log" 2>&1
    # what a merge adds has its digest as name; the most telling names, seeds and findings, stay in any case
    while [ "$(find "$here/corpus/$1" -type f | wc -l)" -gt 100 ] || [ "$(size_of "$here/corpus/$1")" -gt 300000 ]; do
        largest=$(find "$here/corpus/$1" -type f -name '[0-9a-f]*' -size -1000k -exec ls -S {} + | grep -E '/[0-9a-f]{40}$' | head -n 1)
        [ -n "$largest" ] || break
        rm "$largest"
    done
    echo "$1: $(find "$here/corpus/$1" -type f | wc -l) files, $(size_of "$here/corpus/$1") bytes"
}

run_one() {
    mkdir -p "$build/corpus/$1" "$here/corpus/$1"
    log=$build/logs/$1.log
    dictionary=
    [ ! -e "$here/$1.dict" ] || dictionary=-dict=$here/$1.dict
    before=$(find "$build/findings" -name "$1-*" | wc -l)
    # shellcheck disable=SC2086
    nice -n 15 "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -rss_limit_mb=2048 -malloc_limit_mb=2048 -timeout=20 -use_value_profile=1 \
        -print_final_stats=1 -artifact_prefix="$build/findings/$1-" $dictionary "$build/corpus/$1" "$here/corpus/$1" >"$log" 2>&1
    status=$?
    found=$(($(find "$build/findings" -name "$1-*" | wc -l) - before))
    [ "$status" -eq 0 ] || [ "$found" -gt 0 ] || found=1
    [ "$found" -eq 0 ] || findings=$((findings + found))
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    printf '%-12s %10s executions %8s/s  %-10s %6s inputs  %s findings\n' "$1" "${executions:-?}" "${rate:-?}" "${edges:-?}" \
        "$(find "$build/corpus/$1" -type f | wc -l)" "$found"
    [ "$found" -eq 0 ] || grep -m 3 -E 'finding:|ERROR|runtime error|SUMMARY' "$log"
}

findings=0
for target in "$@"; do
    if [ "$merge" -eq 1 ]; then
        merge_one "$target" 16384
    else
        run_one "$target"
    fi
done
[ "$merge" -eq 1 ] || echo "$findings findings"
[ "$findings" -eq 0 ]
