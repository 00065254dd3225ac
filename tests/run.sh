#!/bin/sh
# Builds libgan in several ways and runs its tests. See --help.
set -u

usage() {
    cat <<'EOF'
usage: sh tests/run.sh [--full | --long | --coverage] [--no-install] [--help]

Without options (a quarter of an hour on two cores): release build with warnings as errors and every test in it (units, operations against numerical
derivatives, golden numbers, faults, ABI, rules about sources, programs that use the installed library); units, operations, faults and fuzz corpora again under AddressSanitizer
and UndefinedBehaviorSanitizer, the long sweeps in part; library and programs built with clang, if it is there; build, units and operations in plain C, without CBLAS and libjpeg.

  --full         also: every test with clang, every test under the sanitizers, unit tests under valgrind and ThreadSanitizer, every failure of the
                 sweeps, every CBLAS implementation that is installed, each fuzz target for a minute, operations and golden numbers on AArch64 under
                 qemu, and, as root with debootstrap, both README commands on a freshly made Debian
  --long         only: a release build, and the example programs trained on toy problems with five seeds, held against marks (three quarters of an hour)
  --coverage     only: every test with coverage measured, and the shares of lines and branches of lib/ that they reach (kernels of one CPU family left
                 out); fails below 95% of lines or 90% of branches
  --no-install   install nothing; what is missing is named
  --help         this text

Missing packages are installed with apt on Debian and its relatives, with sudo if you are not root; on other systems they are named.

environment:
  BUILD_DIR      where build trees go; default build/ in the source tree
  CC, CXX        compilers; default cc and c++
  JOBS           parallel jobs; default: the number of processors
  GAN_TEST_DATA  a folder with real data sets; tests that want some are skipped without it

The last line says how many tests and build stages passed and failed; the exit status is 0 if none failed. Logs are in BUILD_DIR/logs.
EOF
}

full=0
coverage=0
long=0
install=1
for argument in "$@"; do
    case $argument in
        --full) full=1 ;;
        --coverage) coverage=1 ;;
        --long) long=1 ;;
        --no-install) install=0 ;;
        --help | -h) usage; exit 0 ;;
        *) echo "unknown option $argument; see --help" >&2; exit 2 ;;
    esac
done

source=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$source/build}
mkdir -p "$build/logs" || exit 1
build=$(cd "$build" && pwd)
cc=${CC:-cc}
cxx=${CXX:-c++}
# shellcheck source=cmake/packages.sh
. "$source/cmake/packages.sh"

passed=0
failed=0
skipped=0
runner=
summary=$build/logs/summary
: >"$summary"
exec </dev/null

note() { # RESULT NAME DETAIL
    printf '%-5s %-28s %s\n' "$1" "$2" "$3" | tee -a "$summary"
}

finish() {
    if [ "$skipped" -gt 0 ]; then
        echo "$skipped skipped (what they need is not here)"
    fi
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

# stage NAME COMMAND...: runs a command with its output in a log, which is shown if it fails.
stage() {
    name=$1
    shift
    log=$build/logs/$name.log
    started=$(date +%s)
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        note ok "$name" "$(($(date +%s) - started)) s"
        return 0
    fi
    failed=$((failed + 1))
    note FAIL "$name" "$(($(date +%s) - started)) s, see $log"
    grep -nE 'error|Error|FAIL|warning:' "$log" | head -n 15 | sed 's/^/      /'
    tail -n 25 "$log" | sed 's/^/      /'
    return 1
}

build_tree() { # TREE CMAKE_OPTION...
    tree=$build/$1
    shift
    cmake -S "$source" -B "$tree" -DGAN_WERROR=ON "$@" && cmake --build "$tree" -j "$JOBS"
}

# run_ctest NAME TREE CTEST_OPTION...: runs tests; each one counts.
run_ctest() {
    name=$1
    tree=$build/$2
    shift 2
    log=$build/logs/$name.log
    started=$(date +%s)
    (cd "$tree" && $runner ctest --output-on-failure -j "$JOBS" "$@") >"$log" 2>&1
    status=$?
    # "12/40 Test  #3: unit.tensor ....   Passed    0.02 sec": count results, trust nothing else
    counts=$(awk '/^ *[0-9]+\/[0-9]+ +Test +#/ {
            if (/\*\*\*Skipped/) s++; else if (/ Passed /) p++; else f++
        } END { print p + 0, f + 0, s + 0 }' "$log")
    # shellcheck disable=SC2086
    set -- $counts
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    took="$(($(date +%s) - started)) s"
    if [ "$status" -eq 0 ] && [ "$2" -eq 0 ] && [ "$1" -gt 0 ]; then
        note ok "$name" "$1 passed, $3 skipped, $took"
        return
    fi
    if [ "$2" -eq 0 ]; then # no test ran, or ctest itself failed
        failed=$((failed + 1))
    fi
    note FAIL "$name" "$1 passed, $2 failed, $took, see $log"
    grep -A 60 -E '\*\*\*(Failed|Timeout|Exception|Not Run)' "$log" | head -n 150 | sed 's/^/      /'
}

# under_valgrind TREE: every unit test; programs run some fifty times slower there, so the longest sweeps take every 16th case,
# and not every failure: those are under the address sanitizer
under_valgrind() {
    GAN_TEST_STRIDE=16
    full_before=$GAN_TEST_FULL
    GAN_TEST_FULL=0
    export GAN_TEST_STRIDE GAN_TEST_FULL
    cd "$build/$1/tests/unit" || return 1
    programs() { find . -name 'test_*' -type f -perm -u+x | sort; }
    longest='kernel_|checkpoint|guard' # first: begun last, one of them would keep the others waiting
    # shellcheck disable=SC2016
    { programs | grep -E "$longest"; programs | grep -Ev "$longest"; } | xargs -P "$JOBS" -I '{}' sh -c '
        valgrind -q --fair-sched=yes --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$1" >"$1.valgrind" 2>&1
        status=$?
        case $status in 0 | 77) echo "ok $1"; exit 0 ;; esac
        echo "FAIL $1: status $status"
        tail -n 40 "$1.valgrind"
        exit 1' sh '{}'
    status=$?
    unset GAN_TEST_STRIDE
    GAN_TEST_FULL=$full_before
    cd "$source" || return 1
    return "$status"
}

# uses_blas TREE FOLDER: does the library load the libblas of this folder?
uses_blas() {
    LD_LIBRARY_PATH=$2 ldd "$build/$1/libgan.so" | grep -q "=> $2/libblas"
}

# measure_coverage TREE: how much of lib/ the tests that ran in this tree have reached
measure_coverage() {
    info=$build/coverage.info
    lcov="lcov -q --rc lcov_branch_coverage=1"
    $lcov --capture --directory "$build/$1" --output-file "$info.all" &&
        $lcov --extract "$info.all" "$source/lib/*" --output-file "$info.lib" &&
        $lcov --remove "$info.lib" "$source/lib/kernel/x86/*" "$source/lib/kernel/neon/*" --output-file "$info" || return 1
    # the worst files first, then the sums
    awk -F'[:,]' -v root="$source/" '
        /^SF:/ { file = $2; sub(root, "", file); lines = hit = branches = taken = 0 }
        /^LF:/ { lines = $2 } /^LH:/ { hit = $2 } /^BRF:/ { branches = $2 } /^BRH:/ { taken = $2 }
        /^end_of_record/ { printf "%4d lines, %4d branches not reached: %s\n", lines - hit, branches - taken, file
            L += lines; H += hit; B += branches; T += taken }
        END { printf "coverage of lib/: %.2f%% of %d lines, %.2f%% of %d branches\n", 100 * H / L, L, 100 * T / B, B > "/dev/stderr"
            exit !(H >= 0.95 * L && T >= 0.90 * B) }' "$info" 2>"$build/coverage.sums" >"$build/coverage.files"
    status=$?
    sort -rn "$build/coverage.files" | head -n 30
    cat "$build/coverage.sums"
    return "$status"
}

needs='compiler cmake pkg-config png zlib jpeg blas cmocka python readelf abidiff'
if [ "$coverage" -eq 1 ]; then needs="$needs lcov"; fi
if [ "$full" -eq 1 ]; then needs="$needs clang valgrind arm64 every-blas"; fi
if [ "$install" -eq 1 ]; then
    # shellcheck disable=SC2034,SC2086
    SUDO='sudo -n'
    # shellcheck disable=SC2086
    stage packages install_packages ', CMocka and Python' $needs c++
else
    # shellcheck disable=SC2086
    missing=$(missing_packages $needs | tr '\n' ' ')
    [ -z "$missing" ] || echo "Missing (names of Debian packages): $missing"
fi
JOBS=${JOBS:-$(processors)}
export JOBS CC="$cc" CXX="$cxx"

sanitizers='-DGAN_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1'
# Tests of failing allocations ask for sizes that no machine has.
export ASAN_OPTIONS="${ASAN_OPTIONS:-allocator_may_return_null=1:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

echo "Building in $build, $JOBS jobs"
if [ "$full" -eq 1 ] || [ "$coverage" -eq 1 ]; then
    # every site of the sweeps
    GAN_TEST_FULL=1
    export GAN_TEST_FULL
fi

if [ "$coverage" -eq 1 ]; then
    # unoptimised: an inlined branch counts as many
    if stage coverage-build build_tree coverage -DCMAKE_BUILD_TYPE=Debug '-DCMAKE_C_FLAGS=-O0 --coverage -fprofile-update=atomic' \
        -DCMAKE_EXE_LINKER_FLAGS=--coverage -DCMAKE_SHARED_LINKER_FLAGS=--coverage; then
        find "$build/coverage" -name '*.gcda' -exec rm -f {} +
        run_ctest coverage-tests coverage -L '^(unit|ops|golden|fault|fuzz|examples)$'
        stage coverage-measure measure_coverage coverage
        cat "$build/logs/coverage-measure.log"
    fi
    finish
fi

if [ "$long" -eq 1 ]; then
    if stage release build_tree release -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS=-g; then
        GAN_TEST_SEEDS=5
        export GAN_TEST_SEEDS
        run_ctest long-tests release -L '^long$'
        stage marks python3 "$source/tests/long/marks.py" "$build/release/examples" "$build/marks" --jobs "$JOBS"
        cat "$build/logs/marks.log"
    fi
    finish
fi

if stage release build_tree release -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS=-g -DGAN_INSTALL_EXAMPLES=ON; then
    run_ctest release-tests release
fi

# programs are run under the sanitizers with --full only
if [ "$full" -eq 0 ]; then sanitizers="$sanitizers -DGAN_BUILD_EXAMPLES=OFF"; fi
# shellcheck disable=SC2086
if stage sanitize build_tree sanitize $sanitizers; then
    if [ "$full" -eq 1 ]; then
        run_ctest sanitize-tests sanitize
    else
        runner='env GAN_TEST_STRIDE=5' # the long sweeps have been run whole above, or are with --full
        run_ctest sanitize-tests sanitize -L '^(unit|ops|fault|fuzz)$'
        runner=
    fi
fi

if stage plain build_tree plain -DCMAKE_BUILD_TYPE=Release -DGAN_BLAS=none -DGAN_JPEG=off -DGAN_SIMD=off -DGAN_BUILD_EXAMPLES=OFF; then
    if [ "$full" -eq 0 ]; then runner='env GAN_TEST_STRIDE=5'; fi
    run_ctest plain-tests plain -L '^(unit|ops)$'
    runner=
fi

if have clang; then
    if [ "$full" -eq 1 ]; then
        stage clang build_tree clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang && run_ctest clang-tests clang
    else
        stage clang build_tree clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DGAN_BUILD_TESTS=OFF
    fi
else
    note skip clang 'not installed'
fi

if [ "$full" -eq 1 ]; then
    if have valgrind; then
        stage valgrind-build build_tree valgrind -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DGAN_BUILD_EXAMPLES=OFF &&
            stage valgrind under_valgrind valgrind
    else
        note skip valgrind 'not installed'
    fi

    if stage tsan build_tree tsan -DGAN_SANITIZE=thread -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DGAN_BUILD_EXAMPLES=OFF; then
        # ThreadSanitizer of gcc before 14 does not know the address spaces of newer kernels unless they are laid out plainly.
        # Its sweeps take a stride: ten times slower, at every site, they would take a quarter of an hour.
        runner='env GAN_TEST_FULL=0'
        if setarch "$(uname -m)" -R true 2>/dev/null; then runner="$runner setarch $(uname -m) -R"; fi
        # nothing is known of what threads do inside a library that was built without it
        OPENBLAS_NUM_THREADS=1
        export OPENBLAS_NUM_THREADS
        run_ctest tsan-tests tsan -L '^(unit|fault)$'
        unset OPENBLAS_NUM_THREADS
        runner=
    fi

    for folder in /usr/lib/*/openblas-* /usr/lib/*/blis-* /usr/lib/*/atlas /usr/lib/*/blas; do
        if [ -e "$folder/libblas.so.3" ] && uses_blas release "$folder"; then
            LD_LIBRARY_PATH=$folder
            export LD_LIBRARY_PATH
            # the programs' golden numbers would take as long as all else, and call no product that the others do not
            run_ctest "blas-$(basename "$folder")" release -L '^(unit|ops|golden)$' -E '^golden\.programs$'
            unset LD_LIBRARY_PATH
        fi
    done

    if have clang; then
        BUILD_DIR="$build/fuzz" stage fuzz env CC=clang sh "$source/tests/fuzz/run.sh" 60
    else
        note skip fuzz 'needs clang'
    fi

    if have aarch64-linux-gnu-gcc && have qemu-aarch64-static && have apt-get; then
        stage arm64 sh "$source/tests/arm64.sh" "$build/arm64"
    else
        note skip arm64 'needs apt, a cross compiler and qemu-user-static'
    fi

    if [ "$(id -u)" -eq 0 ] && have debootstrap; then
        stage clean-machine sh "$source/tests/clean_machine.sh" "$build/clean-machine"
    else
        note skip clean-machine 'needs root and debootstrap'
    fi
fi

echo
echo "Summary"
cat "$summary"
finish
