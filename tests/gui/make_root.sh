#!/bin/sh
# make_root.sh trixie|sid ROOT    Build a Debian chroot with Blender (4.3 or 5.2), an X server with
# software GL and every Python package the add-on imports. Needs root on a Debian machine.
# The mirror and proxies come from apt's configuration, wheels through pip's ($PYTHON -m pip).
set -eu
suite=$1
root=$2
here=$(cd "$(dirname "$0")" && pwd)

step() { printf '%s  %s: %s\n' "$(date +%T)" "$suite" "$*"; }
inside() { SESSION='' "$here/inroot.sh" "$root" "$@"; }

if ! command -v debootstrap >/dev/null; then
    step "install debootstrap"
    apt-get update -q
    apt-get install -q -y --no-install-recommends debootstrap
fi

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$release" '$1 == release { print $2; exit }')
if [ -z "$mirror" ]; then
    step "apt is configured with no mirror of $release"
    exit 1
fi

step "debootstrap from apt's own mirror"
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >/dev/null

cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
ln -sf /proc/self/mounts "$root/etc/mtab"
mkdir -p "$root/session"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no services in a chroot
chmod +x "$root/usr/sbin/policy-rc.d"
printf 'path-exclude /usr/share/%s/*\n' doc man locale >"$root/etc/dpkg/dpkg.cfg.d/small"
{
    apt-config dump Acquire | grep -i '::proxy' || true
    # sid's release file may have expired on a mirror that stands still.
    cat <<'EOF'
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "false";
DPkg::Options { "--force-unsafe-io"; };
EOF
} >"$root/etc/apt/apt.conf.d/90window"

step "Blender, X and torch"
inside apt-get -q update
# Debian's Blender does not depend on all the Python modules its extension command imports;
# libopenblas0-pthread makes torch's matrix products 15 times faster than the reference BLAS.
inside apt-get -q -y install \
    blender python3-numpy python3-requests python3-zstandard python3-cattr \
    xvfb xdotool xclip imagemagick python3-xlib \
    libgl1 libegl1 libgl1-mesa-dri libglx-mesa0 libegl-mesa0 \
    python3-torch libopenblas0-pthread \
    python3-filelock python3-fsspec python3-packaging python3-platformdirs \
    python3-typing-extensions python3-httpx \
    g++ cython3 python3-dev python3-numpy-dev python3-pip python3-setuptools python3-wheel

step "wheels"
python=$(inside python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
abi=cp$(echo "$python" | tr -d .)
wheels=$root/srv/wheels
set --
for libc in 2_28 2_27 2_24 2_17; do
    set -- "$@" --platform "manylinux_${libc}_x86_64"
done
# Downloaded outside, where pip's index, proxy and certificates are configured; installed inside.
"${PYTHON:-python3}" -m pip download --quiet --no-deps --require-hashes \
    --requirement "$here/requirements-$suite.txt" --dest "$wheels" \
    --python-version "$python" --implementation cp --abi "$abi" --abi abi3 --abi none \
    "$@" --platform manylinux2014_x86_64
# PyMCubes has no wheel for these Pythons: its sdist is built here against Debian's numpy.
inside sh -c 'cd /srv/wheels && pip wheel --quiet --no-index --no-deps --no-build-isolation *.tar.gz'
inside sh -c 'pip install --quiet --no-index --no-deps --root-user-action=ignore \
    --target "$1" /srv/wheels/*.whl' sh "/usr/local/lib/python$python/dist-packages"
rm -r "$wheels"
inside apt-get clean

step "check"
inside python3 -c '
import cv2, huggingface_hub, mcubes, numpy, onnxruntime, PIL, safetensors, torch, transformers
print("numpy", numpy.__version__, "torch", torch.__version__, "transformers", transformers.__version__)
'
inside blender --version | head -n 1
step "done"
