#!/bin/sh
# inroot.sh ROOT CMD...    Run CMD in the chroot ROOT with a clean environment.
# The mounts live in a private namespace and vanish with CMD, which is killed if its parent dies.
# BARE=1 hides the packages that pip installed, so that Blender has the distribution's only.
# SESSION=DIR in the environment shows DIR as /session, DIR/tmp as /tmp and DIR/locale as
# /usr/share/locale, so that nothing is written into ROOT and two sessions may share it.
set -e
if [ "$1" != --mounted ]; then
    exec unshare --mount "$0" --mounted "$@"
fi
root=$2
shift 2

mount -t proc proc "$root/proc"
mount --bind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/dev/shm"
if [ -n "$SESSION" ]; then
    mount --bind "$SESSION" "$root/session"
    mount --bind "$SESSION/tmp" "$root/tmp"
    mount --bind "$SESSION/locale" "$root/usr/share/locale"
fi
if [ -n "$BARE" ]; then
    mount -t tmpfs tmpfs "$root/usr/local/lib"
fi

# OpenBLAS misbehaves when only one of its two tuning variables is set.
[ -n "$OPENBLAS_CORETYPE" ] && [ -n "$OPENBLAS_L2_SIZE" ] || unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

exec setpriv --pdeathsig KILL chroot "$root" /usr/bin/env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    HOME=/session/home BLENDER_USER_RESOURCES=/session/blender LIBGL_ALWAYS_SOFTWARE=1 \
    ${OPENBLAS_CORETYPE:+OPENBLAS_CORETYPE="$OPENBLAS_CORETYPE" OPENBLAS_L2_SIZE="$OPENBLAS_L2_SIZE"} \
    "$@"
