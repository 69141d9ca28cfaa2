"""An object's surface follows the sliders in the panel, beside Blender.

While a slider moves, provisional surfaces are shown without undo steps. When it rests, the surface
that was asked for arrives, with its undo step. Blender's undo keeps in memory what did not change
between two steps; so provisional surfaces are taken back before an undo is over, and when the last
surface cannot be made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bmesh
import bpy
from bpy.app.handlers import persistent
from bpy.props import FloatProperty, PointerProperty

from ..inference.message import Message
from ..inference.types import MeshData, Options, SurfaceSettings, Tick
from ..preferences import machine
from ..properties import declared
from ..scene.anchors import remember_place
from ..scene.identity import with_uid
from ..scene.mesh import check_editable, fill, make_single_user, positions
from ..scene.placement import Placement
from ..scene.source import KEY, has_source, note_surface, source_of, surface_of
from ..scene.undo import push_undo_step
from ..settings import CLOSED, RESOLUTION, THRESHOLD
from .fit import fit_check
from .queue import Outcome, Task
from .session import engine, refinements
from .stages import REFINE_STAGES

COARSE = 96
"""Points per axis of the surface that comes first while a slider moves."""

UNDO_STEP = Message("Refine")


@dataclass
class Change:
    """An object whose surface follows the sliders.

    Attributes:
        wanted: What the sliders ask for now.
        running: What the running task extracts; None if no task of this object runs.
        shown: The provisional surface that it shows; None if it shows the one that it had.
        before: The mesh that it had; None if it shows it.
        found: Its state (see `_state_of`) when the running task began.
    """

    wanted: SurfaceSettings
    running: SurfaceSettings | None = None
    shown: SurfaceSettings | None = None
    before: bmesh.types.BMesh | None = None
    found: tuple[object, ...] = ()


_changes: dict[int, Change] = {}
"""By the session_uid of the object; the oldest first."""


def wanted_of(blender_object: bpy.types.Object) -> SurfaceSettings:
    """The surface that an object is to have, or has."""
    change = _changes.get(blender_object.session_uid)
    return surface_of(blender_object) if change is None else change.wanted


def want(blender_object: bpy.types.Object, **values: object) -> None:
    """Ask for another surface of an object."""
    wanted = replace(wanted_of(blender_object), **values)
    if wanted == wanted_of(blender_object):
        return
    change = _changes.setdefault(blender_object.session_uid, Change(wanted))
    change.wanted = wanted
    # What is quick is let through, so that the surface follows the slider.
    if change.running is not None and change.running.resolution > COARSE:
        refinements.drop("")
        change.running = None
    if not refinements.is_running():
        refinements.dismiss()
        _start(blender_object, may_be_coarse=True)


def _start(target: bpy.types.Object, may_be_coarse: bool) -> None:
    """Submit a task for the wanted surface; a coarse one first where that is quicker."""
    change = _changes[target.session_uid]
    wanted = change.wanted
    is_same = wanted.resolution == target.triposr.resolution
    if may_be_coarse and is_same and wanted.resolution > COARSE:
        wanted = replace(wanted, resolution=COARSE)
    try:
        check_editable(target.data)
        code, placement = source_of(target)
        check_fit = fit_check(target, code, placement)
    except Exception as error:  # the boundary at which the artist is told
        _end(target.session_uid)
        refinements.fail(error)
        return
    change.running, change.found = wanted, _state_of(target)
    this_machine, uid = machine(bpy.context, is_clicked=True), target.session_uid

    def work(tick: Tick) -> MeshData:
        engine.import_torch(this_machine.torch_folder)
        check_fit()
        return engine.extract(code, wanted, this_machine, tick)

    def deliver(mesh: MeshData) -> Outcome:
        return Outcome(_deliver(uid, wanted, mesh, placement))

    def on_failure() -> None:
        _fail(uid, wanted)

    refinements.submit(Task(target.name, REFINE_STAGES, work, deliver, on_failure=on_failure))


def _state_of(target: bpy.types.Object) -> tuple[object, ...]:
    """Fingerprint that changes when another tool edits the object's mesh or its source."""
    data, note = target.data, target.triposr
    size = len(data.vertices), len(data.polygons), len(data.loops)
    return data.session_uid, *size, hash(target[KEY]), note.scale, tuple(note.base)


def _deliver(uid: int, made: SurfaceSettings, mesh: MeshData, placement: Placement) -> str:
    """Show a surface, and go on if another one is wanted by now."""
    change, target = _changes.get(uid), with_uid(bpy.data.objects, uid)
    if change is None or not has_source(target) or _state_of(target) != change.found:
        _end(uid)  # deleted, undone, or changed by another tool, whose work stays
        return _go_on()
    if target.mode != "OBJECT":
        if change.shown is not None:  # that is what she edits now
            note_surface(target, change.shown)
        _end(uid)
        return _go_on()
    change.running = None
    if made == change.wanted:
        make_single_user(target)
        fill(target.data, mesh, placement)
        note_surface(target, made)
        _end(uid)
        push_undo_step(UNDO_STEP)
        _go_on()
        return Message("{name}: {count:,} triangles", name=target.name, count=len(mesh.faces))
    # A mesh that other objects show too changes with the undo step only.
    if target.data.users == 1:
        if change.before is None:
            change.before = bmesh.new()
            change.before.from_mesh(target.data)
        fill(target.data, mesh, placement)
        change.shown = made
    is_at_rest = made == replace(change.wanted, resolution=made.resolution)
    _start(target, may_be_coarse=not is_at_rest)
    return ""


def _fail(uid: int, made: SurfaceSettings) -> None:
    """Go on after a failed task: a fine surface may exist where no coarse one does."""
    change, target = _changes.get(uid), with_uid(bpy.data.objects, uid)
    if change is None or target is None:
        _end(uid)
        return
    change.running = None
    if made != change.wanted:
        _start(target, may_be_coarse=False)
    else:
        _take_back(uid)
        _end(uid)
        _go_on()


def _go_on() -> str:
    """Start with another object that waits, if there is one."""
    for uid in tuple(_changes):
        if (target := with_uid(bpy.data.objects, uid)) is not None:
            _start(target, may_be_coarse=False)
            break
        _end(uid)
    return ""


def _take_back(uid: int) -> None:
    """Give an object the mesh back that it had before the sliders moved, if it shows another."""
    change, target = _changes[uid], with_uid(bpy.data.objects, uid)
    is_ours = target is not None and has_source(target) and _state_of(target) == change.found
    if change.before is not None and is_ours and target.mode == "OBJECT":
        change.before.to_mesh(target.data)
        target.data.update()
        remember_place(target.data, positions(target.data))


def _end(uid: int) -> None:
    """Forget what was wanted of an object."""
    change = _changes.pop(uid, None)
    if change is not None and change.before is not None:
        change.before.free()


@persistent
def _on_undo(*_: object) -> None:
    """What was wanted is of a state that is gone."""
    if not _changes:
        return
    for uid in tuple(_changes):
        _take_back(uid)
        _end(uid)
    refinements.drop("")


@persistent
def _on_load(*_: object) -> None:
    """Objects of another file: nothing of the last one's is left to be taken back."""
    for uid in tuple(_changes):
        _end(uid)


def _active() -> bpy.types.Object | None:
    active = bpy.context.object
    return active if has_source(active) else None


def _get(name: str) -> Callable[[bpy.types.PropertyGroup], Any]:
    def get(_: bpy.types.PropertyGroup) -> Any:
        active = _active()
        return getattr(USUAL if active is None else wanted_of(active), name)

    return get


def _set(name: str) -> Callable[[bpy.types.PropertyGroup, Any], None]:
    def set_(_: bpy.types.PropertyGroup, value: Any) -> None:
        if (active := _active()) is not None:
            want(active, **{name: value})

    return set_


USUAL = SurfaceSettings()
"""What the sliders show where no object is active."""

SPAN = 5.0
"""The threshold at the ends of its logarithmic slider, over the usual one, and under it."""


def _get_tightness(group: TripoSRLive) -> float:
    return min(max(math.log(group.threshold / Options.threshold, SPAN), -1.0), 1.0)


def _set_tightness(group: TripoSRLive, value: float) -> None:
    group.threshold = Options.threshold * SPAN**value


class TripoSRLive(bpy.types.PropertyGroup):
    """The sliders: what is wanted of the active object."""

    resolution: declared(RESOLUTION, get=_get("resolution"), set=_set("resolution"))
    threshold: declared(THRESHOLD, get=_get("threshold"), set=_set("threshold"))
    tightness: FloatProperty(
        name="Looser, Tighter",
        description="The density threshold on a logarithmic scale: to the left thin parts stay, to "
        "the right haze goes. The surface follows, and what was edited by hand is replaced",
        min=-1.0,
        max=1.0,
        precision=2,
        get=_get_tightness,
        set=_set_tightness,
    )
    closed: declared(CLOSED, get=_get("closed"), set=_set("closed"))


def register() -> None:
    # On the window manager, for which Blender takes no undo step of its own at each release.
    bpy.types.WindowManager.triposr = PointerProperty(type=TripoSRLive)
    bpy.app.handlers.undo_post.append(_on_undo)
    bpy.app.handlers.redo_post.append(_on_undo)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_on_load)
    bpy.app.handlers.redo_post.remove(_on_undo)
    bpy.app.handlers.undo_post.remove(_on_undo)
    _on_undo()
    del bpy.types.WindowManager.triposr


classes = (TripoSRLive,)
