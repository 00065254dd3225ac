#!/bin/sh
# Builds libgan for AArch64 and runs operations, gradients and golden numbers under qemu's user-mode emulation.
#
# usage: sh tests/arm64.sh FOLDER
# Wants gcc- and g++-aarch64-linux-gnu and qemu-user-static; libpng, zlib and CMocka for arm64 come with apt into FOLDER, and nothing of
# this system changes.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
packages='libpng-dev libpng16-16 zlib1g-dev zlib1g libcmocka-dev libcmocka0'
triple=aarch64-linux-gnu

# apt for another architecture, with lists of its own
foreign_apt() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::Lists="$folder/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@"
}

if [ ! -e "$folder/sysroot/complete" ]; then
    rm -rf "$folder/sysroot" "$folder/packages"
    mkdir -p "$folder/lists/partial" "$folder/sysroot" "$folder/packages"
    foreign_apt update
    # shellcheck disable=SC2086
    (cd "$folder/packages" && foreign_apt download $packages)
    for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$folder/sysroot"; done
    touch "$folder/sysroot/complete"
fi

root=$folder/sysroot/usr
cat >"$folder/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER $triple-gcc)
set(CMAKE_CXX_COMPILER $triple-g++)
set(CMAKE_C_FLAGS_INIT "-isystem $root/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L$root/lib/$triple -Wl,-rpath-link,$root/lib/$triple:$folder/sysroot/lib/$triple")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "\${CMAKE_EXE_LINKER_FLAGS_INIT}")
set(CMAKE_FIND_ROOT_PATH $folder/sysroot /usr/$triple)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE $triple)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L /usr/$triple -E LD_LIBRARY_PATH=$root/lib/$triple:$folder/sysroot/lib/$triple)
END
export PKG_CONFIG_SYSROOT_DIR="$folder/sysroot" PKG_CONFIG_LIBDIR="$root/lib/$triple/pkgconfig:$root/share/pkgconfig"
cmake -S "$source" -B "$folder/build" -DCMAKE_TOOLCHAIN_FILE="$folder/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release -DGAN_BLAS=none -DGAN_WERROR=ON \
    -DGAN_BUILD_EXAMPLES=OFF
cmake --build "$folder/build" -j "${JOBS:-2}"
cd "$folder/build"
ctest --output-on-failure -j "${JOBS:-2}" -L '^ops$' --no-tests=error
GAN_TEST_STRIDE=16 ctest --output-on-failure -j "${JOBS:-2}" -R '^unit[.]kernel_' --no-tests=error
# the largest network is left out: emulated, it takes a quarter of an hour
GAN_TEST_STRIDE=16 ctest --output-on-failure -R '^golden[.]dcgan$' --no-tests=error
