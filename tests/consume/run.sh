#!/bin/sh
# Builds and runs programs that use libgan as its users do: from an installed tree by pkg-config and find_package, and as a part of the user's own
# build.
#
# usage: run.sh BUILD_DIR WORK_DIR        installs a complete build of libgan, moves the tree and uses it, whole and in parts
#        run.sh --installed WORK_DIR      uses what is installed where plain pkg-config and find_package find it: for tests of packages
# WORK_DIR is emptied and used. CC, CXX, CMAKE and PKG_CONFIG name the tools; WERROR=-Werror makes warnings errors.
set -eu

build=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
cc=${CC:-cc}
cxx=${CXX:-c++}
cmake=${CMAKE:-cmake}
pkg_config=${PKG_CONFIG:-pkg-config}
warnings="-Wall -Wextra ${WERROR:-}"
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

flags() { # PKG_CONFIG_OPTION...
    "$pkg_config" "$@" libgan
}

# Users of an installed tree.

c_shared() {
    # shellcheck disable=SC2046,SC2086
    $cc -std=c99 $warnings "$here/consumer.c" $(flags --cflags --libs) -o consumer
    says_ok ./consumer
}

c_static() {
    # pkg-config has no word for "static only where there is a choice": a folder without a shared library comes first.
    mkdir alone
    cp "$(flags --variable=libdir)/libgan.a" alone/
    # shellcheck disable=SC2046
    $cc -std=c11 "$here/consumer.c" -Lalone $(flags --cflags --libs --static) -o consumer
    says_ok env LD_LIBRARY_PATH= ./consumer
}

cpp_shared() {
    # shellcheck disable=SC2046,SC2086
    $cxx -std=c++17 $warnings "$here/consumer.cpp" $(flags --cflags --libs) -o consumer
    says_ok ./consumer
}

cpp_example() {
    # shellcheck disable=SC2046,SC2086
    $cxx -std=c++17 $warnings "$(find "$source/examples" -name cpp_app.cpp)" $(flags --cflags --libs) -o cpp_app
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
    "$cmake" -S "$here/find_package" -B . -DLANGUAGE="$1" -DCOMPONENT="$2" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx"
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
    if "$cmake" -S . -B build >refused 2>&1; then return 1; fi
    grep -q 'version: 0\.1\.' refused
    says_ok printf 'OK 0.1.\n'
}

# found EXPECTED BUILD CMAKE_OPTION...: asks for libgan in a folder BUILD; EXPECTED: which of "gan shared static" are found. Makes a program with gan::gan.
found() {
    expected=$1
    folder=$2
    shift 2
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(found C)
set(CMAKE_MODULE_PATH mine)
find_package(gan 0.1 ${ASK})
set(found "")
foreach(part gan gan_shared gan_static)
    if(${part}_FOUND)
        string(APPEND found " ${part}")
    endif()
endforeach()
if(NOT "${found}" STREQUAL " ${EXPECTED}" OR NOT CMAKE_MODULE_PATH STREQUAL "mine")
    message(FATAL_ERROR "found${found}, not ${EXPECTED}; modules ${CMAKE_MODULE_PATH}: ${gan_NOT_FOUND_MESSAGE}")
endif()
if(gan_FOUND)
    add_executable(consumer "${SOURCE}")
    target_link_libraries(consumer PRIVATE gan::gan)
endif()
END
    "$cmake" -S . -B "$folder" -DEXPECTED="$expected" -DSOURCE="$here/consumer.c" -DCMAKE_C_COMPILER="$cc" "$@"
    "$cmake" --build "$folder"
}
# refused SENTENCE CMAKE_OPTION...: libgan is REQUIRED, and SENTENCE says why it is not found
refused() {
    sentence=$1
    shift
    if found "gan" refused -DCMAKE_FIND_PACKAGE_WARN_NO_MODULE=OFF "$@" >refused.log 2>&1; then return 1; fi
    rm -rf refused
    tr -s ' \n' ' ' <refused.log | grep -q "$sentence"
}

optional_static() {
    without_png=-DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON
    found 'gan gan_shared' optional $without_png '-DASK=OPTIONAL_COMPONENTS;static'
    # what is missing is named
    refused 'needed by the static library: PNG' $without_png '-DASK=REQUIRED;COMPONENTS;static'
    refused 'there is no component dynamic' $without_png '-DASK=REQUIRED;COMPONENTS;dynamic'
    says_ok optional/consumer
}

use_installed() {
    check pkg-config-c c_shared
    check pkg-config-private private_hidden
    check cmake-c package_c
    check cmake-version version_checked
    static=1
    [ -e "$(flags --variable=libdir)/libgan.a" ] || static=0
    if [ "$static" -eq 1 ]; then
        check pkg-config-c-static c_static
        check cmake-c-static package_c_static
        check cmake-optional optional_static
    else
        echo "skip  the static library is not installed"
    fi
    if command -v "${cxx%% *}" >/dev/null 2>&1; then
        check pkg-config-c++17 cpp_shared
        check pkg-config-cpp_app cpp_example
        check cmake-c++ package_cpp
        if [ "$static" -eq 1 ]; then check cmake-c++-static package_cpp_static; fi
    else
        echo "skip  the C++ consumers: no C++ compiler"
    fi
}

finish() {
    echo "consumers: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

if [ "$build" = --installed ]; then
    use_installed
    finish
fi

# Who installs it, or has it in a tree of his own.

documents() {
    # the terms of all that is in it, and the documents where they find each other
    folder=$(find "$prefix" -name LICENSE)
    folder=${folder%/LICENSE}
    grep -q 'Serge Zaitsev' "$folder/LICENSE"
    test -s "$folder/README.md" && test -s "$folder/CHANGELOG.md" && test -s "$folder/docs/packaging.md"
    says_ok printf 'OK 0.1.\n'
}

programs() {
    # with GAN_INSTALL_EXAMPLES: they are linked with the shared library, and find it from where they lie
    env LD_LIBRARY_PATH= ldd "$prefix/bin/gan-dcgan" | grep "libgan.*=> $prefix/"
    env LD_LIBRARY_PATH= "$prefix/bin/gan-sample" --help >help
    grep -q '^Usage: gan-sample ' help # by the name that it has there
    env LD_LIBRARY_PATH= "$prefix/bin/gan-dcgan" --steps many 2>&1 | grep -q "^Try 'gan-dcgan --help'"
    says_ok printf 'OK 0.1.\n'
}

# Packages may divide the installed tree.
without() { # FILE...
    rm -rf part
    cp -R "$prefix" part
    for file in "$@"; do
        # shellcheck disable=SC2086
        [ -z "$file" ] || rm -f part/$libdir/$file
    done
}
parts() {
    here_only=-Dgan_DIR=$PWD/part/$libdir/cmake/gan
    for rest in '' 'cmake/gan/gan-static*'; do
        without 'libgan.a' "$rest"
        found 'gan gan_shared' no-static "$here_only" '-DASK=OPTIONAL_COMPONENTS;static'
        says_ok no-static/consumer
        refused 'the static library is not installed' "$here_only" '-DASK=REQUIRED;COMPONENTS;static'
    done
    for rest in '' 'cmake/gan/gan-shared*'; do
        without 'libgan*.so*' 'libgan*.dylib' "$rest"
        found 'gan gan_static' no-shared "$here_only"
        says_ok env LD_LIBRARY_PATH= no-shared/consumer
        refused 'the shared library is not installed' "$here_only" '-DASK=REQUIRED;COMPONENTS;shared'
    done
    without 'libgan*.so*' 'libgan*.dylib' 'libgan.a'
    refused 'no library is installed' "$here_only" -DASK=REQUIRED
}

configured() {
    # what a configured tree tells: nothing is built here
    cblas=$(sed -n 's/^CBLAS_LIBRARIES:[A-Z]*=//p' "$build/CMakeCache.txt")
    configure() {
        "$cmake" -S "$source" -DGAN_BUILD_TESTS=OFF -DGAN_BUILD_EXAMPLES=OFF -DCMAKE_C_COMPILER="$cc" "$@"
    }
    # the system's folders are spelt as pkg-config knows them; what a named CBLAS needs goes to who links the static library
    configure -B . -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib/somewhere ${cblas:+"-DCBLAS_LIBRARIES=$cblas"}
    grep -q '^prefix=/usr$' libgan.pc
    if [ -n "$cblas" ]; then
        grep -q "^Libs.private:.* ${cblas##*;} " libgan.pc
        if configure -B . -DCBLAS_LIBRARIES=m >refused.log 2>&1; then return 1; fi
        grep -q "No CBLAS in CBLAS_LIBRARIES='m'" refused.log
        configure -B . -DCBLAS_LIBRARIES="$cblas"
    fi
    # without the shared library nothing is private
    grep -q '^Requires: *$' libgan.pc
    configure -B . -DGAN_BUILD_SHARED=OFF
    grep -q '^Requires: libpng, zlib' libgan.pc && grep -q '^Libs: .*-lgan .*-lm' libgan.pc && grep -q '^Libs.private: *$' libgan.pc
    if configure -B . -DGAN_BUILD_STATIC=OFF >refused.log 2>&1; then return 1; fi
    # the distribution's level of optimisation can be the only one
    configure -B . -DGAN_BUILD_SHARED=ON -DGAN_TUNED_FLAGS=OFF -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS= -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    grep -q '/lib/kernel/' compile_commands.json
    if grep -e ' -O' compile_commands.json; then return 1; fi
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

build=$(cd "$build" && pwd)
"$cmake" --install "$build" --prefix "$work/installed" >"$work/install.log" 2>&1 || {
    tail -n 5 "$work/install.log"
    echo "$build cannot be installed: is it complete?"
    exit 1
}
libdir=$(cd "$work/installed" && find . -name libgan.pc | sed 's|^\./||; s|/pkgconfig/libgan.pc$||')
# Only a tree that can be moved is a package: everything below uses a moved copy.
mv "$work/installed" "$work/moved"
prefix=$work/moved
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export CMAKE_PREFIX_PATH="$prefix${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
export LD_LIBRARY_PATH="$prefix/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

# As a package's test does it: by the environment alone.
sh "$0" --installed "$work/users" || failed=$((failed + 1))
check documents documents
if [ -e "$prefix/bin/gan-dcgan" ]; then check programs programs; fi
check parts parts
check configured configured
check add_subdirectory subdirectory
check FetchContent fetch_content
finish
