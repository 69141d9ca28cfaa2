"""Task that exports an object for a target; a second Blender does the work."""

from __future__ import annotations

import errno
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ..inference.errors import InputError, TripoSRError
from ..inference.message import Message
from ..inference.types import Tick
from ..preferences import machine
from ..scene.beside import run_beside, second_blender
from ..scene.export import program
from ..scene.export.colors import Colors, colors_shown_by
from ..scene.export.names import destination
from ..scene.export.object_copy import check_exportable, write_copy
from ..scene.export.report import ExportReport, summary_of
from ..scene.export.targets import TARGETS, Target
from ..scene.source import has_source
from ..scene.temporary import in_temporary_place
from ..settings import TARGET, TEXTURE, defaults_of
from .queue import Outcome, Task
from .stages import EXPORT_STAGES
from .texture import texturing

log = logging.getLogger(__name__)


def export(
    context: bpy.types.Context,
    blender_object: bpy.types.Object,
    path: Path | str,
    target: str,
    is_clicked: bool,
) -> Task:
    """Make the task that exports an object; its result is an `ExportReport`.

    Args:
        blender_object: Any mesh object. It stays as it is, and so does its scene.
        path: The file to write, or for a page the folder; a missing ending is added.
        target: A choice of `settings.TARGET`.
        is_clicked: Whether the artist goes on working; if not, an object made from a picture that
            needs a texture for the target gets one on the way.

    Raises:
        InputError: The object or the path cannot be used.
    """
    rules = TARGETS[str(TARGET.checked(target))]
    check_exportable(blender_object)
    file = destination(path, rules)
    ending = file.suffix.lower()
    with textured(context, blender_object, rules, ending, is_clicked) as (exported, remarks):
        folder = in_temporary_place(
            partial(_with_job, exported, blender_object.name, file.name, rules.name)
        )
    command = second_blender()

    def work(tick: Tick) -> ExportReport:
        tick("export", 0.0)
        return _exported(command, Path(folder.name), file, rules, remarks, tick)

    def deliver(report: ExportReport) -> Outcome:
        folder.cleanup()
        return Outcome(report.summary, report)

    return Task(file.name, EXPORT_STAGES, work, deliver)


def colors_of(blender_object: bpy.types.Object) -> Colors:
    """What an object shows: a texture, vertex colors, or neither."""
    materials = [slot.material for slot in blender_object.material_slots]
    return colors_shown_by(materials, blender_object.data)


@contextmanager
def textured(
    context: bpy.types.Context,
    blender_object: bpy.types.Object,
    rules: Target,
    ending: str,
    is_clicked: bool,
) -> Iterator[tuple[bpy.types.Object, tuple[Message, ...]]]:
    """Gives the object to export: one that has a texture, if the target shows no vertex colors.

    For a script that waits, that is a copy, which is removed in the end. With it come remarks on
    its texture.

    Raises:
        InputError: It would arrive gray.
    """
    shown = colors_of(blender_object)
    if ending in rules.shows_vertex_colors or shown not in ("vertex", "both"):
        yield blender_object, ()
        return
    if not is_clicked and has_source(blender_object) and shown == "vertex":
        with _textured_copy(context, blender_object) as made:
            yield made
        return
    label = next(Message(label) for name, label, _ in TARGET.choices if name == rules.name)
    values = {"name": blender_object.name, "target": label}
    if shown == "both":
        raise InputError(
            "Parts of {name} have vertex colors, and {target} shows no vertex colors",
            "Bake its colors into a texture, or choose Web and Engines",
            **values,
        )
    raise InputError(
        "{name} has no texture, and {target} shows no vertex colors",
        "Click Texture first"
        if has_source(blender_object)
        else "Bake its colors into a texture, or choose Web and Engines",
        **values,
    )


@contextmanager
def _textured_copy(
    context: bpy.types.Context, blender_object: bpy.types.Object
) -> Iterator[tuple[bpy.types.Object, tuple[Message, ...]]]:
    """Gives a copy of an object, in no scene, with a texture, and remarks on that.

    The object's own settings say how large that is and how many faces there are, otherwise they
    are the usual ones.
    """
    note = blender_object.triposr
    settings = defaults_of(TEXTURE) | {"faces": note.texture_faces}
    if note.texture != "none":
        settings["size"] = note.texture
    before = [set(blocks) for blocks in _blocks()]
    try:
        copy = blender_object.copy()
        copy.data = blender_object.data.copy()
        made = texturing(context, copy, machine(context, False), False, **settings).do()
        names = {copy.name: blender_object.name}
        yield (
            copy,
            tuple(
                Message("In its texture, {remark}", remark=_renamed(each, names))
                for each in made.remarks
            ),
        )
    finally:
        for blocks, old in zip(_blocks(), before, strict=True):
            bpy.data.batch_remove(set(blocks) - old)


def _renamed(message: Message, names: dict[str, str]) -> Message:
    """A message about one object as one about another."""
    values = {
        key: _renamed(value, names) if isinstance(value, Message) else names.get(value, value)
        for key, value in message.values.items()
    }
    return Message(message.template, **values)


def _blocks() -> tuple[bpy.types.bpy_prop_collection, ...]:
    """The kinds of data-blocks of which a textured copy consists."""
    return bpy.data.objects, bpy.data.meshes, bpy.data.materials, bpy.data.images


def _with_job(
    exported: bpy.types.Object, name: str, file: str, target: str, place: str
) -> tempfile.TemporaryDirectory[str]:
    """A new folder in `place` with all that the second Blender needs, but for the place to write.

    Raises:
        OSError: Nothing can be written there.
    """
    folder = tempfile.TemporaryDirectory(prefix="triposr_", dir=place, ignore_cleanup_errors=True)
    try:
        written = write_copy(exported, Path(folder.name))
        job = {"name": name, "file": file, "target": target, **asdict(written)}
        Path(folder.name, "job.json").write_text(json.dumps(job), encoding="utf-8")
    except BaseException:
        folder.cleanup()
        raise
    return folder


def _exported(
    command: list[str],
    folder: Path,
    file: Path,
    rules: Target,
    remarks: tuple[Message, ...],
    tick: Tick,
) -> ExportReport:
    """Let the second Blender write into a folder beside the file, then move what it wrote.

    Args:
        remarks: Of what was done before, for the report.
    """
    with _writing_to(file.parent):
        out = tempfile.TemporaryDirectory(
            dir=file.parent, prefix=".triposr-", ignore_cleanup_errors=True
        )
    with out:
        answer = _answer(command, folder, Path(out.name), tick)
        with _writing_to(file.parent):
            if answer.get("errno"):
                raise OSError(answer["errno"], os.strerror(answer["errno"]))
            files = _moved(Path(out.name), file, partial(tick, "export"))
            size = sum(path.stat().st_size for path in files)
    remarks = (*map(_unpacked, answer["remarks"]), *remarks)
    about = answer["triangles"], answer["colors"], answer["side"]
    summary = summary_of(file.name, rules, *about, size, answer["is_ready"], remarks)
    return ExportReport(files, answer["triangles"], size, remarks, summary)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Turns errors of the disk into a sentence about the folder that the artist has chosen."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise InputError(
            "Nothing can be written to {folder}: {reason}",
            "Choose another folder, or make room on the disk"
            if is_full
            else "Choose another folder",
            folder=str(folder),
            # Folders such as /proc are there, and say that they are not.
            reason=Message("the system refuses it")
            if error.errno == errno.ENOENT
            else error.strerror or str(error),
        ) from error


def _answer(command: list[str], folder: Path, out: Path, tick: Tick) -> dict[str, Any]:
    """What the second Blender answers; an error that it has nothing else to say about is raised."""
    job = folder / "job.json"
    try:
        settings = json.loads(job.read_text(encoding="utf-8"))
        job.write_text(json.dumps({**settings, "out": str(out)}), encoding="utf-8")
    except OSError as error:
        raise _no_temporary_file() from error
    try:
        has_ended = run_beside(command, program.__file__, folder, partial(tick, "export"))
    except OSError as error:
        raise TripoSRError(
            "Blender cannot be started a second time, to export: {reason}",
            "Save your work and restart Blender",
            reason=str(error),
        ) from error
    if not has_ended:
        raise TripoSRError(
            "The second Blender, which exports the object, has failed",
            "Try again with fewer faces; what it wrote is in Blender's console",
        )
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    if "problem" in answer:
        log.error("The second Blender reports:\n%s", answer["traceback"])
        if answer["is_temporary_full"]:
            raise _no_temporary_file()
        if not answer["errno"]:
            raise TripoSRError(*map(_unpacked, answer["problem"]))
    return answer


def _no_temporary_file() -> InputError:
    return InputError(
        "No temporary file can be written",
        "Choose a folder for them in Blender's preferences, under File Paths",
    )


def _unpacked(packed: Any) -> Message:
    """A message that came as JSON; see `packed` in scene/export/work.py."""
    if isinstance(packed, str):
        return Message("{text}", text=packed)  # a reason in a program's own words
    template, values = packed
    return Message(
        template,
        **{k: _unpacked(v) if isinstance(v, list) else v for k, v in values.items()},
    )


def _moved(out: Path, file: Path, tick: Callable[[float], None]) -> tuple[Path, ...]:
    """Move what was written into a folder to its place, the file itself last.

    Each file replaces an older one at once. Folders, such as that of textures, are merged. The last
    moment to cancel is before the first file is replaced.

    Raises:
        InputError: Another program has one of the older files open, as Windows does not allow.
        OSError: The disk is full, or nothing may be written there.
    """
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    for path in files:
        _flush(path)
    first = out / file.name
    if first.is_dir():
        first /= "index.html"
    files.remove(first)
    tick(1.0)
    moved = []
    for path in (*files, first):
        there = file.parent / path.relative_to(out)
        there.parent.mkdir(exist_ok=True)
        try:
            os.replace(path, there)
        except PermissionError as error:
            raise InputError(
                "{file} cannot be replaced",
                "Close the program that has it open, or choose another name",
                file=there.name,
            ) from error
        moved.append(there)
    return (moved.pop(), *moved)


def _flush(path: Path) -> None:
    """Bring a file to the disk, so that not even a power cut leaves half of it under its name."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
