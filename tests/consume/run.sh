#!/bin/sh
# Builds and runs programs that use libgan as its users do: from the installed tree by pkg-config and find_package, from a moved copy of it, and as
# a part of the user's own build.
#
# usage: run.sh BUILD_DIR WORK_DIR      BUILD_DIR: a complete build of libgan; WORK_DIR: emptied and used
# CC, CXX, CMAKE and PKG_CONFIG name the tools.
set -eu

build=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
cc=${CC:-cc}
cxx=${CXX:-c++}
cmake=${CMAKE:-cmake}
pkg_config=${PKG_CONFIG:-pkg-config}
passed=0
failed=0

rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)

# check NAME FUNCTION: runs FUNCTION in an empty folder; it must leave a program that prints OK.
check() {
    mkdir -p "$work/$1"
    set +e # in the condition of an `if`, the subshell's own -e would not count
    (set -e; cd "$work/$1"; "$2") >"$work/$1.log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        sed 's/^/      /' "$work/$1.log"
    fi
}

# says_ok PROGRAM...
says_ok() {
    "$@" >output
    cat output
    grep -q '^OK 0\.1\.' output
}

flags() {
    PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" "$pkg_config" "$@" libgan
}

"$cmake" --install "$build" --prefix "$work/installed" >"$work/install.log" 2>&1 || {
    tail -n 5 "$work/install.log"
    echo "$build cannot be installed: is it complete?"
    exit 1
}
libdir=$(cd "$work/installed" && find . -name libgan.pc | sed 's|^\./||; s|/pkgconfig/libgan.pc$||')
# Only a tree that can be moved is a package: everything below uses a moved copy.
mv "$work/installed" "$work/moved"
prefix=$work/moved
# pkg-config has no word for "static only where there is a choice": a tree without shared libraries stands for the users who have it so.
mkdir "$work/static"
cp -R "$prefix/." "$work/static/"
rm -f "$work/static/$libdir"/libgan.so* "$work/static/$libdir"/libgan*.dylib
LD_LIBRARY_PATH="$prefix/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH

c_shared() {
    # shellcheck disable=SC2046
    $cc -std=c99 -Wall -Wextra -Werror "$here/consumer.c" $(flags --cflags --libs) -o consumer
    says_ok ./consumer
}

c_static() {
    prefix=$work/static
    # shellcheck disable=SC2046
    $cc -std=c11 "$here/consumer.c" $(flags --cflags --libs --static) -o consumer
    says_ok env LD_LIBRARY_PATH= ./consumer
}

cpp_shared() {
    # shellcheck disable=SC2046
    $cxx -std=c++17 -Wall -Wextra -Werror "$here/consumer.cpp" $(flags --cflags --libs) -o consumer
    says_ok ./consumer
}

cpp_example() {
    # shellcheck disable=SC2046
    $cxx -std=c++17 -Wall -Wextra -Werror "$source/examples/cpp_app.cpp" $(flags --cflags --libs) -o cpp_app
    ./cpp_app 3
    test -s cpp_app.safetensors && test -s cpp_app.png && says_ok printf 'OK 0.1.\n'
}

private_hidden() {
    # A program that links the shared library must not link its dependencies.
    case " $(flags --libs) " in
        *-lpng* | *-lz\ * | *blas* | *lapack*) echo "libs: $(flags --libs)"; return 1 ;;
    esac
    echo 'int main(void) { return 0; }' >true.c
    $cc true.c -o true && says_ok printf 'OK 0.1.\n'
}

configure_package() { # LANGUAGE COMPONENT
    "$cmake" -S "$here/find_package" -B . -DLANGUAGE="$1" -DCOMPONENT="$2" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
        -DCMAKE_CXX_COMPILER="$cxx"
    "$cmake" --build .
    says_ok ./consumer
}
package_c() { configure_package C ''; }
package_cpp() { configure_package CXX ''; }
package_c_static() { configure_package C static; }
package_cpp_static() { configure_package CXX static; }

version_checked() {
    # 0.2 is not compatible with 0.1
    sed 's/find_package(gan 0\.1/find_package(gan 0.2/' "$here/find_package/CMakeLists.txt" >CMakeLists.txt
    if "$cmake" -S . -B build -DCMAKE_PREFIX_PATH="$prefix"; then return 1; fi
    says_ok printf 'OK 0.1.\n'
}

optional_static() {
    cat >CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.18)
project(optional C)
set(CMAKE_MODULE_PATH mine)
find_package(gan 0.1 ${REQUIRED} ${WORD} ${COMPONENT})
if(NOT gan_FOUND OR gan_static_FOUND OR NOT TARGET gan::gan OR TARGET gan::gan_static OR NOT CMAKE_MODULE_PATH STREQUAL "mine")
    message(FATAL_ERROR "found ${gan_FOUND}, static ${gan_static_FOUND}, modules ${CMAKE_MODULE_PATH}")
endif()
EOF
    without_png="-DCMAKE_PREFIX_PATH=$prefix -DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON"
    # shellcheck disable=SC2086
    "$cmake" -S . -B build $without_png -DWORD=OPTIONAL_COMPONENTS -DCOMPONENT=static
    # what is missing is named
    # shellcheck disable=SC2086
    if "$cmake" -S . -B needed $without_png -DREQUIRED=REQUIRED -DWORD=COMPONENTS -DCOMPONENT=static >refused 2>&1; then return 1; fi
    grep -q 'needed by the static library: PNG' refused
    # shellcheck disable=SC2086
    if "$cmake" -S . -B unknown $without_png -DREQUIRED=REQUIRED -DWORD=COMPONENTS -DCOMPONENT=dynamic >refused 2>&1; then return 1; fi
    grep -q 'there is no component dynamic' refused
    says_ok printf 'OK 0.1.\n'
}

in_usr() {
    # The system's folders are spelt as pkg-config knows them.
    "$cmake" -S "$source" -B . -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib/somewhere -DGAN_BUILD_TESTS=OFF -DGAN_BUILD_EXAMPLES=OFF \
        -DCMAKE_C_COMPILER="$cc"
    grep -q '^prefix=/usr$' libgan.pc
    says_ok printf 'OK 0.1.\n'
}

licence() {
    find "$prefix" -name LICENSE | grep -q '/doc/' && grep -q 'Serge Zaitsev' "$(find "$prefix" -name LICENSE)"
    says_ok printf 'OK 0.1.\n'
}

subdirectory() {
    "$cmake" -S "$here/subdirectory" -B . -DMETHOD=add_subdirectory -DGAN_SOURCE="$source" -DCMAKE_C_COMPILER="$cc"
    "$cmake" --build . -j "${JOBS:-2}"
    says_ok ./consumer_static
    says_ok ./consumer
}
fetch_content() {
    # The build is the same as above: configuring is what differs.
    "$cmake" -S "$here/subdirectory" -B . -DMETHOD=FetchContent -DGAN_SOURCE="$source" -DCMAKE_C_COMPILER="$cc"
    says_ok printf 'OK 0.1.\n'
}

check pkg-config-c c_shared
check pkg-config-c-static c_static
check pkg-config-private private_hidden
check cmake-c package_c
check cmake-c-static package_c_static
check cmake-version version_checked
check cmake-optional optional_static
check in-usr in_usr
check licence licence
if command -v "${cxx%% *}" >/dev/null 2>&1; then
    check pkg-config-c++17 cpp_shared
    check pkg-config-cpp_app cpp_example
    check cmake-c++ package_cpp
    check cmake-c++-static package_cpp_static
else
    echo "skip  the C++ consumers: no C++ compiler"
fi
check add_subdirectory subdirectory
check FetchContent fetch_content

echo "consumers: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
