"""The shell command: blender --command triposr PICTURE... -o OUT."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import bpy

from . import api
from .inference.errors import reported
from .inference.types import Options

NAME = "triposr"

EXPORTERS: dict[str, Callable[[str], object]] = {
    "glb": lambda path: bpy.ops.export_scene.gltf(
        filepath=path, use_selection=True, export_vertex_color="ACTIVE"
    ),
    "obj": lambda path: bpy.ops.wm.obj_export(
        filepath=path, export_selected_objects=True, export_colors=True
    ),
    "stl": lambda path: bpy.ops.wm.stl_export(filepath=path, export_selected_objects=True),
    "ply": lambda path: bpy.ops.wm.ply_export(
        filepath=path, export_selected_objects=True, export_colors="SRGB"
    ),
    "usdz": lambda path: bpy.ops.wm.usd_export(filepath=path, selected_objects_only=True),
    "blend": lambda path: bpy.ops.wm.save_as_mainfile(filepath=path, copy=True),
}


def run(arguments: list[str]) -> int:
    """Convert pictures to files; 0 if all worked, 1 if some failed, 2 for wrong arguments."""
    try:
        options = _parser().parse_intermixed_args(arguments)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    outputs = _outputs(options)
    if isinstance(outputs, str):
        sys.stderr.write(f"{outputs}\n")
        return 2
    settings = {"resolution": options.resolution, "threshold": options.threshold}
    failures = 0
    for number, (picture, output) in enumerate(zip(options.pictures, outputs, strict=True), 1):
        told = f"[{number}/{len(outputs)}] {picture.name}"
        try:
            _convert(picture, output, options.format, settings)
        except Exception as error:  # one bad picture does not stop the others
            failures += 1
            sys.stderr.write(f"{told}: {reported(error)}\n")
        else:
            sys.stdout.write(f"{told}: {output}\n")
        sys.stdout.flush()
    if failures:
        sys.stderr.write(f"{failures} of {len(outputs)} pictures failed\n")
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"blender --command {NAME}",
        description="Turn pictures into meshes with vertex colors, on this machine.",
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="a file, or a folder for several pictures"
    )
    parser.add_argument(
        "--format", choices=tuple(EXPORTERS), help="default: by the output's ending"
    )
    parser.add_argument("--resolution", type=int, default=Options.resolution)
    parser.add_argument("--threshold", type=float, default=Options.threshold)
    return parser


def _outputs(options: argparse.Namespace) -> list[Path] | str:
    """The file for each picture, or what is wrong with the arguments."""
    ending = options.output.suffix.lower().removeprefix(".")
    is_file = ending in EXPORTERS and not options.output.is_dir()
    options.format = options.format or (ending if is_file else "glb")
    if is_file:
        if len(options.pictures) > 1:
            return "Several pictures need a folder as the output"
        return [options.output.absolute()]
    names = [picture.stem for picture in options.pictures]
    if len(set(names)) < len(names):
        return "Two pictures have the same name: give them folders of their own"
    return [(options.output / f"{name}.{options.format}").absolute() for name in names]


def _convert(picture: Path, output: Path, format: str, settings: dict[str, object]) -> None:
    """Build one object in an empty file, and export it."""
    bpy.ops.wm.read_homefile(use_empty=True)
    api.image_to_object(picture.absolute(), **settings)
    output.parent.mkdir(parents=True, exist_ok=True)
    EXPORTERS[format](str(output))


_registered: list[object] = []


def register() -> None:
    _registered.append(bpy.utils.register_cli_command(NAME, run))


def unregister() -> None:
    bpy.utils.unregister_cli_command(_registered.pop())
