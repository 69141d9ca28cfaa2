"""Debian chroots with Blender in them, built once and cached outside the repository."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SUITES = {"4.3": "trixie", "5.2": "sid"}
NEWEST = "5.2"


def unavailable() -> str | None:
    """Say why this machine cannot build and enter a root, or None when it can."""
    if os.geteuid() != 0:
        return "a window test needs root: it builds and enters a chroot"
    if platform.freedesktop_os_release().get("ID") != "debian" or not shutil.which("apt-get"):
        return "a window test needs Debian: its apt configuration names the mirror"
    if platform.machine() != "x86_64":
        return "a window test needs an x86_64 machine: its wheels are pinned for that"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "a window test needs the right to mount (CAP_SYS_ADMIN)"
    return None


@contextmanager
def blender_root(suite: str) -> Iterator[Path]:
    """Yield the root for `suite`, built first when absent, and keep others from removing it."""
    cache = _cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"{suite}-{_recipe_hash(suite)}"
    with _locked(cache / f"{suite}.lock", fcntl.LOCK_EX):
        if not root.exists():
            _build(suite, root)
        in_use = _open_lock(root, fcntl.LOCK_SH)
        _remove_outdated(suite, root)
    try:
        yield root
    finally:
        os.close(in_use)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "triposr-blender", "roots")


def _recipe_hash(suite: str) -> str:
    digest = hashlib.sha256()
    for name in ("make_root.sh", "requirements-window.txt", f"requirements-{suite}.txt"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(suite: str, root: Path) -> None:
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    log = root.parent / f"{suite}.log"
    with log.open("w") as output:
        built = subprocess.run(
            [HERE / "make_root.sh", suite, partial],
            env={**os.environ, "PYTHON": sys.executable},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if built.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise RuntimeError(f"building the {suite} root failed, see {log}:\n{tail}")
    partial.rename(root)


def _remove_outdated(suite: str, current: Path) -> None:
    """Remove roots of other recipes, except those that another test session still uses."""
    for folder in current.parent.glob(f"{suite}-*"):
        if folder == current or not folder.is_dir():
            continue
        try:
            unused = _open_lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        shutil.rmtree(folder)
        os.close(unused)


def _open_lock(path: Path, kind: int) -> int:
    """Lock a file or folder until the returned descriptor is closed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    path.touch()
    descriptor = _open_lock(path, kind)
    try:
        yield
    finally:
        os.close(descriptor)
