#!/bin/sh
# Compares the library with the ABI that this minor version promises: tests/abi/libgan-MAJOR.MINOR.abi. Any difference but an addition fails.
#
# usage: check_abidiff.sh LIBGAN_SO           leaves with 77 (skipped) without abidiff or debug information, and on other machines than the baseline's
#        check_abidiff.sh LIBGAN_SO --write   writes the baseline: once a minor version; while it is unreleased, with each intended change of the interface
# GAN_ABI_BASELINE and GAN_ABI_INCLUDE name another baseline and other public headers.
set -eu

library=$1
here=$(cd "$(dirname "$0")" && pwd)
include=${GAN_ABI_INCLUDE:-$(cd "$here/../../include" && pwd)}
minor=$(awk '/#define GAN_VERSION_(MAJOR|MINOR) / { printf "%s%s", dot, $3; dot = "." }' "$include/gan/version.h")
baseline=${GAN_ABI_BASELINE:-$here/libgan-$minor.abi}

command -v abidiff >/dev/null || { echo "no abidiff (Debian: abigail-tools)"; exit 77; }
readelf -SW "$library" | grep -q '\.debug_info' || { echo "$library has no debug information (-g)"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Handles are opaque: what is in them is nobody's business. abidw knows private types by the names of their files only, and lib/ has an optimizer.h too.
sed -n 's/^typedef struct \(gan_[a-z0-9_]*\) \1;$/\1/p' "$include"/gan/*.h | sort -u >"$work/declared"
sed -n 's/^\(typedef \)*struct \(gan_[a-z0-9_]*\) {$/\2/p' "$include"/gan/*.h | sort -u >"$work/defined"
comm -23 "$work/declared" "$work/defined" | while read -r handle; do
    printf '[suppress_type]\n  type_kind = struct\n  name = %s\n' "$handle"
done >"$work/allowed.suppr"
# The one change that may pass: a member appended to a struct that says its own size.
awk '/^typedef struct gan_/ { name = $3 } /^    size_t struct_size;/ { print name }' "$include"/gan/*.h | while read -r growing; do
    printf '[suppress_type]\n  type_kind = struct\n  name = %s\n  has_data_member_inserted_at = end\n' "$growing"
done >>"$work/allowed.suppr"

# describe FILE: what the public headers show of the library; insides of handles, libraries it was linked with and paths of this machine left out
describe() {
    abidw --exported-interfaces-only --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --drop-undefined-syms --drop-private-types \
        --headers-dir "$include" --out-file "$1" "$library"
    sed "s| path='[^']*/lib/| path='lib/|" "$1" >"$1.tmp"
    mv "$1.tmp" "$1"
}

if [ "${2:-}" = --write ]; then
    describe "$baseline"
    exit
fi
[ -e "$baseline" ] || { echo "$baseline is missing: write it with --write"; exit 1; }

describe "$work/now.abi"
architecture() { sed -n "s/.*<abi-corpus .*architecture='\([^']*\)'.*/\1/p" "$1"; }
[ "$(architecture "$baseline")" = "$(architecture "$work/now.abi")" ] || { echo "the baseline is of another architecture"; exit 77; }
# abidiff calls a member inserted in the middle no more than "changed", so every status but 0 is a failure; and an addition is not a change.
abidiff --no-added-syms --suppressions "$work/allowed.suppr" "$baseline" "$work/now.abi"
