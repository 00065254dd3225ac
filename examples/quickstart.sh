#!/bin/sh
# From nothing to a trained GAN in about four minutes: installs what is missing, builds libgan, trains a DCGAN on 28x28 digits for two minutes and
# says where the pictures are.
#
#   sh examples/quickstart.sh                    digits that libgan draws itself: no file, no download
#   sh examples/quickstart.sh --data FOLDER      MNIST's files or a folder of PNG images
#
# All arguments go to the example program dcgan (see dcgan --help); BUILD_DIR names another place for the build than build/quickstart.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$source/build/quickstart}
build=${build#"$PWD/"} # what is printed below stays short
# shellcheck source=cmake/packages.sh
. "$source/cmake/packages.sh"

install_packages '' compiler cmake pkg-config png zlib blas || {
    # BLAS is a help, not a need; what is really needed, CMake names below.
    have cmake && have "${CC:-cc}" || exit 1
}

# has OPTION ARGUMENT...: is the option among the arguments?
has() {
    option=$1
    shift
    for argument in "$@"; do
        case $argument in "$option" | "$option"=*) return 0 ;; esac
    done
    return 1
}

# value OPTION ARGUMENT...: the last value of an option
value() {
    option=$1
    shift
    result=
    previous=
    for argument in "$@"; do
        case $argument in "$option"=*) result=${argument#*=} ;; esac
        [ "$previous" = "$option" ] && result=$argument
        previous=$argument
    done
    printf '%s' "$result"
}

echo "Building libgan in $build"
mkdir -p "$build"
log=$build/quickstart.log
if ! { cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DGAN_BUILD_TESTS=OFF -DGAN_BUILD_EXAMPLES=ON &&
    cmake --build "$build" -j "$(processors)" --target dcgan sample; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "The build failed; the whole log is in $log" >&2
    exit 1
fi

dcgan=$build/examples/dcgan
sample=$build/examples/sample
if has --help "$@" || has -h "$@"; then
    exec "$dcgan" --help
fi

# What the arguments leave open.
if ! has --out "$@"; then
    if ! has --resume "$@" && ! has --overwrite "$@"; then
        set -- --overwrite "$@" # the folder is this script's own
    fi
    set -- --out "$build/digits" "$@"
fi
if ! has --seconds "$@" && ! has --steps "$@" && ! has --epochs "$@"; then
    set -- --seconds 120 --judge-count 1000 "$@"
fi
out=$(value --out "$@")

"$dcgan" "$@"

# dcgan has just named the pictures and the model.
echo "More:     $sample $out/model.safetensors --count 64 --seed 1 --out $out/sample.png"
