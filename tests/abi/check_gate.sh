#!/bin/sh
# Shows that the comparison of ABIs can fail: a part of the library is built as it is and with changed public headers, and check_abidiff.sh has to let
# the allowed changes pass and refuse the others.
#
# usage: check_gate.sh CC      leaves with 77 (skipped) without abidiff
set -eu

cc=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build NAME FILE...: a library of some files, with debug information and headers from $work/NAME
build() {
    name=$1
    shift
    (cd "$root/lib/api" &&
        "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 -fPIC -shared -fvisibility=hidden -I"$work/$name" -I"$root/lib" "$@" -o "$work/$name.so")
}
# variant NAME FILE SED_SCRIPT: public headers in which one file is changed
variant() {
    cp -R "$root/include" "$work/$1"
    sed "$3" "$root/include/gan/$2" >"$work/$1/gan/$2"
    if [ -n "$3" ] && cmp -s "$root/include/gan/$2" "$work/$1/gan/$2"; then
        echo "$1: the change does not apply to $2 any more"
        exit 1
    fi
    build "$1" optimizer.c base.c
}
compare() { # NAME
    GAN_ABI_BASELINE=$work/baseline.abi GAN_ABI_INCLUDE=$work/$1 sh "$here/check_abidiff.sh" "$work/$1.so" >"$work/$1.log" 2>&1
}
failed=0
expect() { # pass|fail NAME
    status=0
    compare "$2" || status=$?
    case $1$status in
        pass0 | fail[1-9] | fail[1-9][0-9]) echo "ok: $2: $1" ;;
        *77) echo "$2: skipped"; cat "$work/$2.log"; exit 77 ;;
        *) echo "FAILED: $2 should $1, status $status"; cat "$work/$2.log"; failed=1 ;;
    esac
    # a crash of abidiff is no verdict
    if [ "$status" -gt 120 ]; then echo "FAILED: $2: abidiff died"; cat "$work/$2.log"; failed=1; fi
}

command -v abidiff >/dev/null || { echo "no abidiff (Debian: abigail-tools)"; exit 77; }
variant same optimizer.h ''
GAN_ABI_BASELINE=$work/baseline.abi GAN_ABI_INCLUDE=$work/same sh "$here/check_abidiff.sh" "$work/same.so" --write
expect pass same

variant appended optimizer.h '/^} gan_adam_options;/i double appended;'
expect pass appended
variant inserted optimizer.h '/^typedef struct gan_adam_options {/,/^}/s/^ *double beta2;/double inserted; &/'
expect fail inserted
variant retyped optimizer.h '/^typedef struct gan_adam_options {/,/^}/s/^ *double epsilon;/float epsilon; int32_t other;/'
expect fail retyped
variant shape base.h '/^typedef struct gan_shape {/,/^}/s/int32_t rank;/int64_t rank;/'
expect fail shape
cp -R "$root/include" "$work/function_removed"
build function_removed optimizer.c
expect fail function_removed
cp -R "$root/include" "$work/function_added"
build function_added optimizer.c base.c image.c
expect pass function_added
exit "$failed"
