#!/bin/sh
# Compares the library with the ABI that this minor version was shipped with: tests/abi/libgan-MAJOR.MINOR.abi. Any difference but an addition fails.
#
# usage: check_abidiff.sh LIBGAN_SO           leaves with 77 (skipped) without abidiff, debug information or a baseline
#        check_abidiff.sh LIBGAN_SO --write   writes the baseline, once, when a minor version is released
# GAN_ABI_BASELINE names another baseline.
set -eu

library=$1
here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "$here/../../include" && pwd)
minor=$(awk '/#define GAN_VERSION_(MAJOR|MINOR) / { printf "%s%s", dot, $3; dot = "." }' "$include/gan/version.h")
baseline=${GAN_ABI_BASELINE:-$here/libgan-$minor.abi}

command -v abidiff >/dev/null || { echo "no abidiff (Debian: abigail-tools)"; exit 77; }
readelf -SW "$library" | grep -q '\.debug_info' || { echo "$library has no debug information (-g)"; exit 77; }

# describe FILE: what the public headers show of the library; insides of handles and paths of this machine left out
describe() {
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --drop-private-types --headers-dir "$include" --out-file "$1" "$library"
    sed "s| path='[^']*'||" "$1" >"$1.tmp"
    mv "$1.tmp" "$1"
}

if [ "${2:-}" = --write ]; then
    describe "$baseline"
    exit
fi
[ -e "$baseline" ] || { echo "$baseline: version $minor is not released yet"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
describe "$work/now.abi"
# abidiff calls a member inserted in the middle no more than "changed", so every status but 0 is a failure; and an addition is not a change.
abidiff --no-added-syms --suppressions "$here/append_only.suppr" "$baseline" "$work/now.abi"
