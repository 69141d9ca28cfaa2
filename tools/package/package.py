"""Build the zips that artists install: the add-on with every Python package it needs.

`make package` runs this. For each target, it fetches wheels into wheels/ as the hashed lock says,
checks them against the target, and packs them with their licenses and a generated manifest into
dist/KIND/ by Blender's own tool. There, index.json makes the folder a repository that Blender can
install from. The same sources and wheels give the same bytes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from build import ROOT, blender_extension, build, build_from

from bundle import KINDS, OFFICIAL, TARGETS, Kind, Target
from check import check, metadata
from dlls import check_dlls
from licenses import collect
from weights import bundle_weights
from wheels import fetch

GPU_BUILDS = "inference/machine/gpu_builds.json"
"""The catalog of *Use My GPU*, which offers nothing without it."""


def package(
    kind: Kind,
    target: Target,
    out: Path,
    weights: Path | None = None,
    gpu_downloads: bool = True,
) -> Path:
    """Build one zip into the folder `out` and return its path.

    Args:
        kind: What the zip bundles.
        target: The Blenders that it is for.
        weights: A folder from `bundle_weights`; for `full` only.
        gpu_downloads: Whether *Use My GPU* is in it, which downloads programs. Platforms for
            extensions may forbid that.

    Raises:
        RuntimeError: A wheel is not available or does not fit, or Blender's tool fails.
    """
    for old in out.glob(f"*-{target.platform}-{target.blenders}.zip"):
        old.unlink()
    wheels = fetch(target, with_torch=kind != "light")
    check(target, {wheel.name: metadata(wheel) for wheel in wheels})
    if target.runtime:
        print(check_dlls(target, wheels), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder, "stage")
        with zipfile.ZipFile(build(Path(folder))) as addon:
            addon.extractall(stage)
        if not gpu_downloads:
            (stage / GPU_BUILDS).unlink()
        if weights is not None:
            shutil.copytree(weights, stage / "models" / "triposr")
        collect(wheels, stage / "licenses")
        (stage / "wheels").mkdir()
        for wheel in wheels:
            _link(wheel, stage / "wheels" / wheel.name)
        name = _write_manifest(stage, kind, target)
        built = build_from(stage, Path(folder, name))
        out.mkdir(parents=True, exist_ok=True)
        partial = out / f".{name}"
        _write_reproducibly(built, partial)
    blender_extension("validate", partial)
    return partial.replace(out / name)


def _link(wheel: Path, target: Path) -> None:
    """Copy a wheel as a hard link, which takes no disk space, where the disk supports it."""
    try:
        os.link(wheel, target)
    except OSError:
        shutil.copyfile(wheel, target)


def _write_manifest(stage: Path, kind: Kind, target: Target) -> str:
    """Complete the manifest for a target; return the zip's name."""
    path = stage / "blender_manifest.toml"
    manifest = tomlkit.parse(path.read_text(encoding="utf-8"))
    manifest["blender_version_min"] = target.first
    if target.end is not None:
        manifest.add("blender_version_max", target.end)
    manifest.add("platforms", [target.platform])
    wheels = sorted(f"./wheels/{wheel.name}" for wheel in (stage / "wheels").iterdir())
    manifest.add("wheels", tomlkit.item(wheels).multiline(True))
    del manifest["build"]  # The files that it excludes are gone already.
    path.write_text(tomlkit.dumps(manifest), encoding="utf-8")
    suffix = "" if kind == "standard" else f"-{kind}"
    return f"{manifest['id']}{suffix}-{manifest['version']}-{target.platform}-{target.blenders}.zip"


def _write_reproducibly(source: Path, target: Path) -> None:
    """Copy a zip without its traces of disk and clock: order, times, permissions.

    (Blender's tool can keep a given order of files, but then adds each wheel twice; 4.5.)
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in sorted(old.infolist(), key=lambda entry: entry.filename):
            same = zipfile.ZipInfo(entry.filename)  # dated January 1, 1980
            same.compress_type = entry.compress_type
            same.create_system = 3  # Unix, for the permissions
            same.external_attr = 0o644 << 16
            same.file_size = entry.file_size
            with old.open(entry) as reading, new.open(same, "w") as writing:
                shutil.copyfileobj(reading, writing, 1 << 20)


def write_index(folder: Path) -> None:
    """Make a folder of zips a repository: write index.json, which lists the zips for Blender.

    Raises:
        RuntimeError: Two zips are for the same Blender, or one is no extension.
    """
    told = blender_extension("server-generate", "--repo-dir", folder)
    if warnings := [line for line in told.splitlines() if line.startswith("WARN")]:
        raise RuntimeError("\n".join(warnings))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help=f"of {', '.join(TARGETS)}; default: all official",
    )
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="default: standard and light"
    )
    parser.add_argument("--weights", type=Path, help="published weights, for the full zips")
    parser.add_argument(
        "--without-gpu-downloads",
        action="store_true",
        help="leave out Use My GPU, for platforms that forbid add-ons to download programs",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.targets) - set(TARGETS)):
        parser.error(f"no target {', '.join(unknown)}; choose of {', '.join(TARGETS)}")
    kinds = options.kind or ["standard", "light", *(["full"] if options.weights else [])]
    if ("full" in kinds) != (options.weights is not None):
        parser.error("full zips need --weights, and other zips have no use for it")

    problems: dict[str, str] = {}
    folders = set()
    with tempfile.TemporaryDirectory() as place:
        try:
            weights = bundle_weights(options.weights, Path(place)) if options.weights else None
        except RuntimeError as error:
            parser.error(str(error))
        for kind, name in itertools.product(kinds, options.targets or OFFICIAL):
            target = TARGETS[name]
            if kind != "light" and not target.torch:
                continue
            # A repository has one zip per Blender, and cannot tell a distribution's Blender apart.
            out = options.out / (kind if target.torch else f"{kind}-{name}")
            try:
                path = package(
                    kind,
                    target,
                    out,
                    weights if kind == "full" else None,
                    gpu_downloads=not options.without_gpu_downloads,
                )
            except RuntimeError as error:
                problems[f"{kind} {name}"] = str(error)
                continue
            folders.add(out)
            size = path.stat().st_size
            print(f"{size / 1e6:7.1f} MB  {path}", flush=True)
            if kind == "standard" and size > target.budget:
                limit = f"{target.budget / 1e6:.0f} MB"
                problems[f"{kind} {name}"] = f"larger than the {limit} that it may have"
    for folder in sorted(folders):
        try:
            write_index(folder)
        except RuntimeError as error:
            problems[f"{folder.name}/index.json"] = str(error)
    for what, problem in problems.items():
        print(f"Not built: {what}\n  {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
