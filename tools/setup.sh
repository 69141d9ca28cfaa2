#!/usr/bin/env bash
# Set up .venv: the locked packages, torch, this project, and the system libraries that Blender needs.
# Run by make on first use and when the lock files change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*"; }

find_python() {
    local name
    for name in python3.11 python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Python 3.11 is needed, as Blender 4.2 to 5.0 run it. On Debian 12: sudo apt-get install python3" >&2
    exit 1
}

apt_install() { # REASON PACKAGE...
    local reason=$1
    shift
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        say "$reason. Run this once, then make again:" >&2
        printf '  sudo apt-get install --no-install-recommends %s\n' "$*" >&2
        exit 1
    fi
    say "$reason: installing $*"
    local log
    export DEBIAN_FRONTEND=noninteractive
    log=$(apt-get -qq update 2>&1 && apt-get -qq install --no-install-recommends "$@" 2>&1) || {
        printf '%s\n' "$log" >&2
        exit 1
    }
}

if ! [ -x .venv/bin/pip ]; then
    base_python=$(find_python)
    "$base_python" -c 'import ensurepip, venv' 2>/dev/null ||
        apt_install "Python's venv module is missing" python3.11-venv
    say "creating .venv with $("$base_python" --version)"
    "$base_python" -m venv --clear .venv
fi
pip=(.venv/bin/pip --disable-pip-version-check -qq install)

say "installing Blender and the locked packages: about 800 MB to download the first time, some minutes"
"${pip[@]}" --no-deps --require-hashes -r requirements/lock.txt
say "installing what builds the documentation, and what batches of pictures need"
"${pip[@]}" --no-deps --require-hashes -r requirements/docs.txt -r requirements/batch.txt
say "installing $(grep '^torch' requirements/torch.txt)"
"${pip[@]}" -r requirements/torch.txt
say "installing this project"
"${pip[@]}" --no-deps --no-build-isolation --editable .

# A name for the checkout that mypy can find: the folder itself may be called anything.
mkdir -p .venv/src
ln -sfn ../.. .venv/src/triposr

bpy_library=.venv/lib/python3.11/site-packages/bpy/__init__.so
if ldd "$bpy_library" | grep -q 'not found'; then
    apt_install "Blender's system libraries are missing" \
        libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1
fi
say "trying Blender and torch"
.venv/bin/python -c 'import bpy, torch' || {
    say "the environment is there, but Blender or torch does not start" >&2
    exit 1
}
say "done"
