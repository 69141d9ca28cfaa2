"""Build the extension's zip from this checkout with Blender's own tool, under plain Python."""

import argparse
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(out: Path) -> Path:
    """Build the extension into the folder `out`, validate it and return the zip's path.

    Raises RuntimeError with what Blender's tool has to say when it refuses.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    path = out / f"{manifest['id']}-{manifest['version']}.zip"
    _run_blender_ext("build", "--source-dir", ROOT, "--output-filepath", path)
    _run_blender_ext("validate", path)
    return path


def _run_blender_ext(command: str, *arguments: str | Path) -> None:
    """Run `blender --command extension ...` without Blender: its script needs none."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise RuntimeError("bpy is not installed: run this with .venv/bin/python")
    [scripts] = Path(spec.origin).parent.glob("[0-9]*/scripts")
    script = scripts / "addons_core/bl_pkg/cli/blender_ext.py"
    tags = scripts / "modules/_bpy_internal/extensions/tags.py"
    done = subprocess.run(
        [sys.executable, script, command, f"--valid-tags={tags}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"blender_ext.py {command} failed:\n{done.stdout.strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder (default: dist)")
    path = build(parser.parse_args().out)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
