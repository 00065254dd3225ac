# Shell functions (POSIX sh) that find and install what a build needs. Sourced by tests/run.sh and examples/quickstart.sh.

# have COMMAND
have() {
    command -v "$1" >/dev/null 2>&1
}

# have_library PKG_CONFIG_NAME
have_library() {
    if have pkg-config; then
        pkg-config --exists "$1"
    elif have pkgconf; then
        pkgconf --exists "$1"
    else
        return 1
    fi
}

# have_cblas: cblas.h and a library with its functions
have_cblas() {
    # shellcheck disable=SC2046
    printf '#include <cblas.h>\nint main(void) { return (int)cblas_sdot(0, 0, 1, 0, 1); }\n' |
        ${CC:-cc} -x c - -o /dev/null $(pkg-config --cflags --libs blas 2>/dev/null || echo -lblas) >/dev/null 2>&1 ||
        printf '#include <cblas.h>\nint main(void) { return (int)cblas_sdot(0, 0, 1, 0, 1); }\n' |
        ${CC:-cc} -x c - -o /dev/null $(pkg-config --cflags --libs openblas 2>/dev/null || echo -lopenblas) >/dev/null 2>&1
}

# missing_packages WHAT...: the Debian packages of what is not there. WHAT: any word below
missing_packages() {
    for what in "$@"; do
        case $what in
            compiler) have "${CC:-cc}" && have make || echo build-essential ;;
            c++) have "${CXX:-c++}" || echo g++ ;;
            cmake) have cmake || echo cmake ;;
            pkg-config) have pkg-config || echo pkg-config ;;
            png) have_library libpng || echo libpng-dev ;;
            zlib) have_library zlib || echo zlib1g-dev ;;
            jpeg) have_library libjpeg || echo libjpeg-dev ;;
            blas) have_cblas || echo libopenblas-dev ;;
            cmocka) have_library cmocka || echo libcmocka-dev ;;
            python) have python3 || echo python3 ;;
            readelf) have readelf || echo binutils ;;
            abidiff) have abidiff || echo abigail-tools ;;
            lcov) have lcov || echo lcov ;;
            clang) have clang || echo clang libclang-rt-dev ;;
            valgrind) have valgrind || echo valgrind ;;
            every-blas) # names of Debian alone; elsewhere the tests take what is there
                have dpkg || continue
                for library in libopenblas0-openmp libblis4-openmp libblis4-pthread libatlas3-base libblas3; do
                    dpkg -s "$library" >/dev/null 2>&1 || echo "$library"
                done ;;
            arm64) have aarch64-linux-gnu-g++ || echo g++-aarch64-linux-gnu
                   have qemu-aarch64-static || echo qemu-user-static ;;
        esac
    done
}

# The same packages under the names of other systems.
name_packages() {
    echo "Please install a C compiler, make, cmake (3.18 or newer), pkg-config and the development files of libpng, zlib, OpenBLAS$1:"
    echo "  Fedora:  dnf install gcc make cmake pkgconf-pkg-config libpng-devel zlib-devel openblas-devel${1:+ libcmocka-devel python3}"
    echo "  Arch:    pacman -S base-devel cmake pkgconf libpng zlib openblas cblas${1:+ cmocka python}"
    echo "  Alpine:  apk add build-base cmake pkgconf libpng-dev zlib-dev openblas-dev${1:+ cmocka-dev python3}"
    echo "  macOS:   brew install cmake pkg-config libpng openblas${1:+ cmocka python}"
}

# install_packages EXTRA WHAT...: installs what is missing on Debian and its relatives, names it elsewhere. EXTRA is "" or ", CMocka and Python".
# Where a password may not be asked for, SUDO is "sudo -n".
install_packages() {
    extra=$1
    shift
    missing=$(missing_packages "$@" | sort -u | tr '\n' ' ')
    missing=${missing% }
    [ -n "$missing" ] || return 0
    if ! have apt-get; then
        name_packages "$extra" >&2
        return 1
    fi
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo; then
            echo "Missing: $missing. Please run, as root: apt-get install $missing" >&2
            return 1
        fi
        sudo=${SUDO:-sudo}
        echo "You are not root, so this is installed with $sudo: $missing"
    else
        echo "Installing: $missing"
    fi
    # shellcheck disable=SC2086
    if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null; then
        # The lists of packages may be old, or there may be none yet.
        $sudo apt-get update </dev/null || return 1
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null || return 1
    fi
    # cc, pkg-config: what was not there before can be looked for now
    still=$(missing_packages "$@" | sort -u | tr '\n' ' ')
    [ -z "$still" ] || echo "Still missing after the installation: $still" >&2
}

# Number of jobs to build with.
processors() {
    if have nproc; then
        nproc
    else
        getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
    fi
}
