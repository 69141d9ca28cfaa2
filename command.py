"""Shell command: blender --command triposr PICTURE... -o OUT."""

from __future__ import annotations

import argparse
import glob
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from . import api
from .inference.errors import InputError, explain
from .inference.machine.paths import local_path
from .scene.export.names import check_length, destination, wrong_ending
from .scene.export.nodes import nodes_of
from .scene.export.report import ExportReport
from .scene.export.targets import TARGETS
from .settings import OBJECT, TARGET, checked, defaults_of
from .shell import add_settings, check_faces, given
from .tasks.export import colors_of

NAME = "triposr"


def _export_glb(path: str) -> ExportReport | None:
    """Export the active object for the web if it has a texture, else as Blender does."""
    if _has_texture():  # Blender's own exporter multiplies the vertex colors into it
        return api.export(bpy.context.object, path, "web")
    before = bpy.app.debug_value
    bpy.app.debug_value = 1  # the exporter then prints warnings only; its own setting fails in 4.5
    try:
        bpy.ops.export_scene.gltf(filepath=path, use_selection=True, export_vertex_color="ACTIVE")
    finally:
        bpy.app.debug_value = before
    return None


def _export_usdz(path: str) -> ExportReport | None:
    """Export the active object as phones show it if it has a texture, else as Blender does."""
    if _has_texture():
        return api.export(bpy.context.object, path, "iphone")
    bpy.ops.wm.usd_export(filepath=path, selected_objects_only=True)
    return None


def _export_obj(path: str) -> None:
    """Export the active object with its textures beside it, else with its vertex colors."""
    materials = bpy.context.object.data.materials
    nodes = [node for material in filter(None, materials) for node in nodes_of(material)]
    images = {node.image for node in nodes if node.type == "TEX_IMAGE" and node.image is not None}
    for number, image in enumerate(sorted(images, key=lambda image: image.name)):
        # The add-on's textures are packed PNG files, which the exporter only refers to.
        content = image.packed_file.data
        image.unpack(method="REMOVE")
        image.filepath = str(Path(path).with_suffix(f".{number}.png"))
        Path(image.filepath).write_bytes(content)
    bpy.ops.wm.obj_export(
        filepath=path,
        export_selected_objects=True,
        export_colors=not _has_texture(),
        path_mode="STRIP",
    )


def _has_texture() -> bool:
    return colors_of(bpy.context.object) in ("texture", "both")


EXPORTERS: dict[str, Callable[[str], object]] = {
    "glb": _export_glb,
    "obj": _export_obj,
    "stl": lambda path: bpy.ops.wm.stl_export(filepath=path, export_selected_objects=True),
    "ply": lambda path: bpy.ops.wm.ply_export(
        filepath=path, export_selected_objects=True, export_colors="SRGB"
    ),
    "usdz": _export_usdz,
    "blend": lambda path: bpy.ops.wm.save_as_mainfile(filepath=path, copy=True),
}
"""Functions that export the active object, which is selected; some return a report."""


def run(arguments: list[str]) -> int:
    """Convert pictures to files; return 0 if all worked, 1 if some failed, 2 for bad arguments."""
    try:
        options = _parser().parse_intermixed_args(arguments)
        pictures = _expanded(options.pictures)
        outputs = _outputs(pictures, options)
        settings = checked(OBJECT, _settings(options))
        if options.target is not None:
            for output in outputs:
                destination(output, TARGETS[options.target])
    except SystemExit as stop:  # argparse has printed the reason
        return int(stop.code or 0)
    except (ValueError, InputError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    failures = 0
    for number, (picture, output) in enumerate(zip(pictures, outputs, strict=True), 1):
        label = f"[{number}/{len(outputs)}] {picture.name}"
        try:
            with _without_warnings():
                built, report = _convert(picture, output, settings, options.target)
        except Exception as error:  # one bad picture does not stop the others
            failures += 1
            sys.stderr.write(f"{label}: {explain(error)}\n")
        else:
            note = built.triposr
            known = f", match {note.match:.2f}" if note.match else ""
            remark = f"; {note.remark}" if note.remark else ""
            sys.stdout.write(f"{label}: {output}{known}{remark}\n")
            if report is not None:
                sys.stdout.write(f"    {report.summary}\n")
        sys.stdout.flush()
    if failures and len(outputs) > 1:
        sys.stderr.write(f"{failures} of {len(outputs)} pictures failed\n")
    return 1 if failures else 0


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps what the functions warn of off the console: the picture's line says it, too."""
    level = api.log.level
    api.log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        api.log.setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"blender --command {NAME}",
        description="Turn pictures into meshes with vertex colors or textures, on this machine. "
        "The exit code is 0 if all became files, 1 if some failed, 2 if the arguments are wrong.",
        epilog="Textures: --texture SIZE asks for one; glb, usdz and blend files contain it, "
        "obj files come with it. Vertex colors: glb, ply, usdz and blend keep them, obj writes "
        "them beside the vertices, which few programs read, and stl has none.",
    )
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, or patterns")
    parser.add_argument(
        "-o", "--output", required=True, help="a file, or a folder for several pictures"
    )
    parser.add_argument(
        "--format", choices=tuple(EXPORTERS), help="default: by the output's ending, else glb"
    )
    parser.add_argument(
        "--target",
        choices=tuple(name for name, _, _ in TARGET.choices),
        help="where the files go, which decides their format and limits, instead of --format",
    )
    group = parser.add_argument_group("settings")
    add_settings(group, OBJECT)
    return parser


def _settings(options: argparse.Namespace) -> dict[str, object]:
    """The values of all settings, by name.

    Raises:
        ValueError: An option would have no effect.
    """
    values = given(OBJECT, options)
    target = TARGETS.get(options.target)
    if target is None or target.endings[0] in target.shows_vertex_colors:  # else it gets a texture
        check_faces(values)
    return defaults_of(OBJECT) | values


def _expanded(pictures: list[str]) -> list[Path]:
    """Expand patterns into files, for shells that leave that to the program, as on Windows."""
    found: list[Path] = []
    for picture in map(local_path, pictures):
        is_pattern = glob.has_magic(picture) and not os.path.lexists(picture)
        matching = sorted(glob.glob(picture)) if is_pattern else [picture]
        if not matching:
            raise ValueError(f"No file matches {picture}")
        found += map(Path, matching)
    return found


def _endings(options: argparse.Namespace) -> tuple[str, ...]:
    """Endings that the output may have, the default one first; "" for a folder of each picture.

    Raises:
        ValueError: Two options exclude each other.
    """
    if options.target is None:
        return tuple(EXPORTERS)
    if options.format is not None:
        raise ValueError("Choose --format or --target: a target decides the format")
    return tuple(ending.removeprefix(".") for ending in TARGETS[options.target].endings)


def _outputs(pictures: list[Path], options: argparse.Namespace) -> list[Path]:
    """Output for each picture.

    Raises:
        ValueError: The files cannot be written, or the options exclude each other.
        InputError: A name has another target's ending, or is too long.
    """
    endings, chosen = _endings(options), options.format
    path = Path(options.output).absolute()
    ending = path.suffix.lower().removeprefix(".")
    is_folder = os.path.isdir(path) or options.output.endswith(("/", os.sep))
    if endings == ("",):  # a page is a folder
        is_one = len(pictures) == 1 and not is_folder
        outputs = [path] if is_one else [path / picture.stem for picture in pictures]
    elif not is_folder and ending in endings:
        if len(pictures) > 1:
            raise ValueError("For several pictures, the output must be a folder")
        if chosen not in (None, ending):
            raise ValueError(f"{path.name} does not end with .{chosen}, which --format asks for")
        outputs = [path]
    elif not is_folder and ending and options.target is not None:
        raise wrong_ending(path, TARGETS[options.target])
    elif not is_folder and ending:
        formats = ", ".join(endings)
        raise ValueError(
            f"{path.name}: there is no format {ending!r}. Choose one of {formats}, "
            "or end the name of a folder with /"
        )
    else:
        outputs = [path / f"{picture.stem}.{chosen or endings[0]}" for picture in pictures]
    if len(set(outputs)) < len(outputs):
        raise ValueError("Two pictures have the same name: write them to different folders")
    for each in outputs:
        check_length(each)
    folder = outputs[0].parent
    try:  # find out now, not after all the work
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"Nothing can be written to {folder} ({error.strerror}): choose another output"
        ) from error
    return outputs


def _convert(
    picture: Path, output: Path, settings: dict[str, object], target: str | None
) -> tuple[bpy.types.Object, ExportReport | None]:
    """Build one object in an empty file and export it; no partial file appears.

    Returns:
        The object, and what is to be said of the export, if it was checked.
    """
    bpy.ops.wm.read_homefile(use_empty=True)
    built = api.image_to_object(picture.absolute(), **settings)
    if target is not None:
        return built, api.export(built, output, target)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".triposr-") as folder:
        done = EXPORTERS[output.suffix.lower().removeprefix(".")](str(Path(folder, output.name)))
        for file in Path(folder).iterdir():  # an .obj comes with a file of materials
            file.replace(output.parent / file.name)
    return built, done if isinstance(done, ExportReport) else None


_registered: list[object] = []


def register() -> None:
    _registered.append(bpy.utils.register_cli_command(NAME, run))


def unregister() -> None:
    bpy.utils.unregister_cli_command(_registered.pop())
