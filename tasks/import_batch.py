"""Task that imports objects of a batch, which stand in a grid in the end.

The worker reads one file after another, a few ahead. The main thread makes objects of them at every
pump, in no scene yet, so that the artist sees nothing until all are there, with one undo step.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..batch.rows import Row
from ..inference.errors import InputError, TripoSRError
from ..inference.machine.paths import local_path
from ..inference.message import Message
from ..inference.scene_code import SceneCode
from ..inference.texture.camera import Camera
from ..inference.types import MeshData
from ..preferences import preferences
from ..scene.glb import Reader, Skin, blenders_reader, read_glb
from ..scene.identity import is_local
from ..scene.imported import Traces, new_object, put_into_scene
from ..scene.kept_file import keep_file, keep_unseen_file
from ..scene.origin import Origin
from ..scene.placement import Placement, in_grid
from ..scene.undo import push_undo_step
from ..scene.viewports import show_colors, show_textures
from .batch_index import Index, Selection, file_in, read_index
from .generate import place_of, view_layer_of
from .queue import Outcome, Task
from .sources import title_of
from .stages import BATCH_STAGES

log = logging.getLogger(__name__)

AHEAD = 4
"""Objects that the worker reads ahead."""

BUDGET = 0.05
"""Seconds of a pump after which no other object is made."""

MAX_CODE = 256 << 20
"""Most bytes of a scene code that is read."""

UNDO_STEP = Message("Import Batch")

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Read:
    """Object, read from its files.

    Attributes:
        name: Name for the object.
        mesh: In the model's frame.
        skin: Its textures, or None.
        low, high: Corners of its bounding box, in the object's space.
        origin: What it was made of.
        picture: Path or URL of the picture.
        is_picture_here: Whether that file exists.
    """

    name: str
    mesh: MeshData
    skin: Skin | None
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    origin: Origin
    picture: str
    is_picture_here: bool


@dataclass
class Losses:
    """Objects and scene codes that could not be read.

    Attributes:
        objects: Number of objects whose files are missing or damaged.
        reason: What is wrong with the first of them.
        codes: Number of objects without a scene code.
    """

    objects: int = 0
    reason: str = ""
    codes: int = 0


def batch_import(
    context: bpy.types.Context, path: Path | str, is_clicked: bool, **chosen: float
) -> Task:
    """Make the task that imports objects of a batch; its result is the list of them.

    Args:
        path: The output folder, or the index in it.
        is_clicked: Whether the artist goes on working.
        chosen: See settings.BATCH.

    Raises:
        InputError: The scene belongs to a linked file.
        DependencyError: This Blender has no glTF importer.
    """
    if not is_local(context.scene):
        raise InputError("The scene belongs to a linked file", "Switch to a scene of this file")
    there = Path(os.path.abspath(bpy.path.abspath(local_path(str(path)))))
    folder = there.parent if there.suffix.lower() == ".jsonl" else there
    selection = Selection(chosen["match_from"], chosen["match_to"], int(chosen["maximum"]))
    delivery = _Delivery(context, title_of(folder.name) or folder.anchor)
    hand_over = delivery.wait_for_step if is_clicked else delivery.make_now
    work = partial(_work, there, selection, blenders_reader(), hand_over)
    return Task(
        title=delivery.name,
        stages=BATCH_STAGES,
        work=work,
        deliver=delivery,
        step=delivery.step,
        discard=delivery.discard,
    )


def _work(
    path: Path,
    selection: Selection,
    reader: Reader,
    hand_over: Callable[[Read, Callable[[], None]], None],
    tick: Progress,
) -> tuple[Index, Losses]:
    """Read the index and the files of all objects; each object is handed over at once."""
    index = read_index(path, selection, partial(tick, "load"))
    losses = Losses()
    for number, row in enumerate(index.rows):
        going_on = partial(tick, "copy", number / len(index.rows))
        going_on()
        try:
            read = _read(row, index, reader)
        except TripoSRError as error:
            log.warning("%s is not imported: %s", row.file, error)
            losses.objects += 1
            losses.reason = losses.reason or error.message
            continue
        losses.codes += not read.origin.packed
        hand_over(read, going_on)
    return index, losses


def _read(row: Row, index: Index, reader: Reader) -> Read:
    """Read the files of an object.

    Raises:
        InputError: Its mesh is missing or damaged; without the other files, it is still worth much.
    """
    glb = read_glb(file_in(index.folder, row.file), reader)
    placement = Placement(float(row.scale), tuple(map(float, row.base)))
    title = title_of(row.picture.replace("\\", "/").partition("?")[0].rpartition("/")[2])
    origin = Origin(
        packed=_code(row, index.folder),
        placement=placement,
        settings=index.settings,
        picture=title,
        digest=row.digest,
        is_draft=index.is_draft,
        camera=_camera(row.camera),
        match=float(row.match),
    )
    # Axis by axis: along the short side of an array, NumPy is ten times slower.
    low, high = (np.array([end(axis) for axis in glb.vertices.T]) for end in (np.min, np.max))
    mesh = MeshData(placement.unplace(glb.vertices), glb.faces, glb.colors)
    is_here = is_on_this_machine(row.picture) and os.path.isfile(row.picture)
    return Read(title, mesh, glb.skin, low, high, origin, row.picture, is_here)


def is_on_this_machine(picture: str) -> bool:
    """Whether a path may be looked up: an index from elsewhere must not make Windows log in at the
    machine of a path such as //machine/share.
    """
    is_absolute = picture.startswith("/") or bool(re.match(r"[A-Za-z]:[\\/]", picture))
    return is_absolute and not picture.startswith("//")


def _code(row: Row, folder: Path) -> bytes:
    """The packed scene code of an object; empty if it has none that can be read."""
    if not row.code:
        return b""
    try:
        path = file_in(folder, row.code)
        if not path.is_file() or path.stat().st_size > MAX_CODE:
            raise InputError("{name} is missing or damaged", "Run the batch again", name=path.name)
        return SceneCode.from_bytes(path.read_bytes()).to_bytes(half=True)
    except (TripoSRError, OSError) as error:
        log.warning("%s cannot be read: %s", row.code, error)
        return b""


def _camera(values: tuple[float, ...]) -> Camera | None:
    """The camera of a row; None if there is none, or one that no picture was taken with."""
    if not values:
        return None
    elevation, azimuth, fov, distance, x, y, width, height = map(float, values)
    if not (0 < fov < 180 and distance > 0 and width >= 1 and height >= 1):
        return None
    return Camera(elevation, azimuth, fov, distance, (x, y), int(width), int(height))


class _Delivery:
    """Objects of one import, in the scene of the click in the end.

    Args:
        name: Name for the collection.
    """

    def __init__(self, context: bpy.types.Context, name: str) -> None:
        self.name = name
        self._scene_uid = context.scene.session_uid
        self._ready: queue.Queue[Read] = queue.Queue(AHEAD)
        self._traces = Traces()
        self._uids: list[int] = []
        self._lows: list[NDArray[np.float32]] = []
        self._highs: list[NDArray[np.float32]] = []
        self._all_textured = True

    def wait_for_step(self, read: Read, going_on: Callable[[], None]) -> None:
        """Hand an object over to `step`, from the worker; `going_on` raises to stop waiting."""
        while True:
            try:
                self._ready.put(read, timeout=0.1)
                return
            except queue.Full:  # the main thread is busy, or Blender is rendering
                going_on()

    def make_now(self, read: Read, _going_on: Callable[[], None]) -> None:
        """Make an object while a script waits."""
        self._make(read)

    def step(self) -> None:
        """Make objects of what is ready, as long as Blender can wait."""
        end = time.monotonic() + BUDGET
        while not self._ready.empty():
            self._make(self._ready.get_nowait())
            if time.monotonic() >= end:
                break

    def _make(self, read: Read) -> None:
        self._check_still_there()
        with self._traces.following():
            new = new_object(read.name, read.mesh, read.skin, read.origin)
            if read.is_picture_here:
                keep_file(new, Path(read.picture))
            elif read.picture:
                keep_unseen_file(new, read.picture)
        self._uids.append(new.session_uid)
        self._lows.append(read.low)
        self._highs.append(read.high)
        self._all_textured &= read.skin is not None

    def _check_still_there(self) -> None:
        """Raise InputError if an undo has removed what was made so far."""
        if self._uids and self._uids[-1] not in {each.session_uid for each in bpy.data.objects}:
            raise InputError(
                "An undo has removed what was imported so far", "Import the batch again"
            )

    def discard(self) -> None:
        """Remove all that was made."""
        self._traces.remove()
        self._uids.clear()

    def __call__(self, result: tuple[Index, Losses]) -> Outcome:
        index, losses = result
        while not self._ready.empty():
            self._make(self._ready.get_nowait())
        if not self._uids:
            raise InputError(
                "None of the objects can be read: {reason}",
                "Run the batch again",
                reason=losses.reason,
            )
        self._check_still_there()
        by_uid = {each.session_uid: each for each in bpy.data.objects}
        objects = [by_uid[uid] for uid in self._uids]
        context = bpy.context
        window, scene = place_of(self._scene_uid)
        locations = in_grid(
            np.array(self._lows), np.array(self._highs), tuple(scene.cursor.location)
        )
        with (
            context.temp_override(**({"window": window} if window else {})),
            context.temp_override(scene=scene, view_layer=view_layer_of(context, scene)),
        ):
            put_into_scene(context, objects, locations, self.name)
            for each in objects:
                each.triposr.home = each.location
            if preferences(context).show_colors:
                show_colors(context)
                if self._all_textured:
                    show_textures(objects[0])
        push_undo_step(UNDO_STEP, window)
        return Outcome(_summary(len(objects), index, losses), objects)


def _summary(count: int, index: Index, losses: Losses) -> Message:
    """Summarize an import for the artist."""
    message = Message("1 object") if count == 1 else Message("{count:,} objects", count=count)
    if index.beyond:
        message = Message(
            "{summary}, {count:,} more left out by Maximum", summary=message, count=index.beyond
        )
    if index.failed == 1:
        message = Message(
            "{summary}; 1 picture failed: {reason}", summary=message, reason=index.reason
        )
    elif index.failed:
        message = Message(
            "{summary}; {count:,} pictures failed, the first: {reason}",
            summary=message,
            count=index.failed,
            reason=index.reason,
        )
    if losses.objects == 1:
        message = Message(
            "{summary}; 1 object cannot be read: {reason}", summary=message, reason=losses.reason
        )
    elif losses.objects:
        message = Message(
            "{summary}; {count:,} objects cannot be read, the first: {reason}",
            summary=message,
            count=losses.objects,
            reason=losses.reason,
        )
    if losses.codes:
        message = Message(
            "{summary}; without a scene code, which Refine needs: {count:,}",
            summary=message,
            count=losses.codes,
        )
    if index.damaged:
        message = Message(
            "{summary}; damaged lines in the index: {count:,}",
            summary=message,
            count=index.damaged,
        )
    return message
