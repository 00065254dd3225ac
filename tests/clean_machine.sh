#!/bin/sh
# Runs the README's two commands, sh examples/quickstart.sh and sh tests/run.sh, on a freshly made Debian: what a new user has.
#
# usage: clean_machine.sh FOLDER [SUITE]      as root, with debootstrap. FOLDER is made and removed. SUITE: bookworm (default), bullseye ...
# Packages come from this machine's own mirror, as its sources list names it. The committed state of the repository is what is tested.
set -eu

folder=$1
suite=${2:-bookworm}
source=$(cd "$(dirname "$0")/.." && pwd)
if [ "$(id -u)" -ne 0 ]; then
    echo "clean_machine.sh must be root" >&2
    exit 1
fi
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
if [ -e "$folder" ]; then
    echo "$folder is already there" >&2
    exit 1
fi

# The first http(s) mirror of the Debian archive in the sources list, in either of its formats.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    awk '$1 == "URIs:" { print $2 } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; break } }' |
    grep -E '/debian/?$' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}

# The new system's mounts must never outlive this program, nor be seen by any other: whoever removes a build folder must not reach through a forgotten
# mount. So everything runs in a mount namespace of its own, which ends with it, and nothing of this machine is mounted into the new one:
# debootstrap makes its device nodes.
if [ "${GAN_PRIVATE_MOUNTS:-}" != yes ]; then
    exec unshare --mount --propagation private env GAN_PRIVATE_MOUNTS=yes sh "$0" "$@"
fi

cleanup() {
    umount "$folder/proc" 2>/dev/null || true
    if grep -q " $folder/" /proc/mounts; then
        echo "$folder is left: something is still mounted in it" >&2
        return
    fi
    rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

debootstrap --variant=minbase "$suite" "$folder" "$mirror"
mount -t proc proc "$folder/proc"
for file in /etc/resolv.conf /etc/hosts; do
    if [ -e "$file" ]; then cp -L "$file" "$folder$file"; fi
done
# The machine's own way to its mirror: proxies and certificates.
if ls /etc/apt/apt.conf.d/*proxy* >/dev/null 2>&1; then cp /etc/apt/apt.conf.d/*proxy* "$folder/etc/apt/apt.conf.d/"; fi
if [ -e /etc/apt/apt.conf ]; then cp /etc/apt/apt.conf "$folder/etc/apt/"; fi

git clone --quiet "$source" "$folder/root/libgan"
in_chroot() {
    chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CI=true LC_ALL=C \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} sh -c "$1" </dev/null
}
in_chroot 'cd /root/libgan && sh examples/quickstart.sh --seconds 20'
in_chroot 'cd /root/libgan && sh tests/run.sh'
left=$(git -C "$folder/root/libgan" status --porcelain)
if [ -n "$left" ]; then
    echo "the commands left files in the source tree: $left" >&2
    exit 1
fi
