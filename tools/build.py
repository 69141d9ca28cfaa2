"""Build the extension's zip from this checkout with Blender's own tool, under plain Python.

The zip holds the add-on without the Python packages that it needs; tools/package/package.py builds
the zips for artists.
"""

import argparse
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(out: Path) -> Path:
    """Build the extension into the folder `out`, validate it and return the zip's path.

    Raises RuntimeError with the output of Blender's tool if the tool fails.
    """
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    return build_from(ROOT, out / f"{manifest['id']}-{manifest['version']}.zip")


def build_from(source: Path, path: Path) -> Path:
    """Build the extension in the folder `source` into the zip `path` and validate it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blender_extension("build", "--source-dir", source, "--output-filepath", path)
    blender_extension("validate", path)
    return path


def blender_extension(command: str, *arguments: str | Path) -> str:
    """Run `blender --command extension ...` with its script alone, without Blender.

    Returns its output.
    """
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise RuntimeError("bpy is not installed: run this with .venv/bin/python")
    [scripts] = Path(spec.origin).parent.glob("[0-9]*/scripts")
    script = scripts / "addons_core/bl_pkg/cli/blender_ext.py"
    tags = scripts / "modules/_bpy_internal/extensions/tags.py"
    checks = [f"--valid-tags={tags}"] if command in ("build", "validate") else []
    done = subprocess.run(
        [sys.executable, script, command, *checks, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"blender_ext.py {command} failed:\n{done.stdout.strip()}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder (default: dist)")
    path = build(parser.parse_args().out)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
