"""An object's surface follows the sliders in the panel, beside Blender.

While a slider moves, surfaces come that are on their way only: they are shown, but no undo step
holds them. When it rests, the one that was asked for comes with its undo step. Blender's undo takes
what did not change between two steps for what is in memory; so what is shown in between is taken
back before an undo is over, and when the last surface cannot come.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bmesh
import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, FloatProperty, IntProperty, PointerProperty

from .inference.message import Message
from .inference.types import MeshData, Options, Tick
from .preferences import preferences, torch_folder
from .properties import CLOSED, RESOLUTION, THRESHOLD
from .runner import Run, push_undo_step
from .scene.anchors import remember_place
from .scene.fit import fit_check
from .scene.identity import with_uid
from .scene.mesh import check_editable, fill, make_single_user, positions
from .scene.placement import Placement
from .scene.source import KEY, has_source, note_surface, source_of
from .session import REFINE_STAGES, engine, refinements

COARSE = 96
"""Points per axis of the surface that comes first while a slider moves."""

UNDO_STEP = Message("Refine")


@dataclass(frozen=True)
class Surface:
    """What the sliders ask for."""

    resolution: int
    threshold: float
    closed: bool


@dataclass
class Change:
    """An object on its way to another surface.

    Attributes:
        wanted: What its sliders say now.
        running: What the run that is on its way extracts; None if none of this object is.
        shown: What it shows without an undo step; None if that is what it had before.
        before: The mesh that it had before; None if it shows it.
        found: Its state (see `_state_of`) from which the change goes on.
    """

    wanted: Surface
    running: Surface | None = None
    shown: Surface | None = None
    before: bmesh.types.BMesh | None = None
    found: tuple[object, ...] = ()


_changes: dict[int, Change] = {}
"""By the session_uid of the object; the oldest first."""


def surface_of(blender_object: bpy.types.Object) -> Surface:
    """What is asked for of an object, or what it has."""
    if change := _changes.get(blender_object.session_uid):
        return change.wanted
    note = blender_object.triposr
    return Surface(note.resolution, note.threshold, note.closed)


def want(blender_object: bpy.types.Object, **values: object) -> None:
    """Ask for another surface of an object."""
    wanted = replace(surface_of(blender_object), **values)
    if wanted == surface_of(blender_object):
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
    """Submit a run for what is wanted of an object; coarse first where that is quicker."""
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
    chosen, folder = preferences(bpy.context), torch_folder(bpy.context)
    device, threads, uid = chosen.device, chosen.threads, target.session_uid

    def work(tick: Tick) -> MeshData:
        engine.import_torch(folder)
        check_fit()
        return engine.extract(
            code,
            wanted.resolution,
            wanted.threshold,
            wanted.closed,
            device,
            tick,
            threads,
            folder,
        )

    def deliver(mesh: MeshData) -> str:
        return _deliver(uid, wanted, mesh, placement)

    run = Run(target.name, REFINE_STAGES, work, deliver, on_failure=lambda: _fail(uid, wanted))
    refinements.submit(run)


def _state_of(target: bpy.types.Object) -> tuple[object, ...]:
    """What is another one when somebody else has changed the object's mesh, or its source."""
    data, note = target.data, target.triposr
    size = len(data.vertices), len(data.polygons), len(data.loops)
    return data.session_uid, *size, hash(target[KEY]), note.scale, tuple(note.base)


def _deliver(uid: int, made: Surface, mesh: MeshData, placement: Placement) -> str:
    """Show a surface, and go on if it is not yet the one that is wanted by now."""
    change, target = _changes.get(uid), with_uid(bpy.data.objects, uid)
    if change is None or not has_source(target) or _state_of(target) != change.found:
        _end(uid)  # deleted, undone, or changed by another tool, whose work stays
        return _go_on()
    if target.mode != "OBJECT":
        if change.shown is not None:  # that is what she edits now
            _note(target, change.shown)
        _end(uid)
        return _go_on()
    change.running = None
    if made == change.wanted:
        make_single_user(target)
        fill(target.data, mesh, placement)
        _note(target, made)
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


def _fail(uid: int, made: Surface) -> None:
    """A run has failed, and that was told; a fine surface may exist where no coarse one does."""
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


def _note(target: bpy.types.Object, surface: Surface) -> None:
    note_surface(target, surface.resolution, surface.threshold, surface.closed)


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
        return getattr(USUAL if active is None else surface_of(active), name)

    return get


def _set(name: str) -> Callable[[bpy.types.PropertyGroup, Any], None]:
    def set_(_: bpy.types.PropertyGroup, value: Any) -> None:
        if (active := _active()) is not None:
            want(active, **{name: value})

    return set_


USUAL = Surface(Options.resolution, Options.threshold, Options.closed)
"""What the sliders show where no object is active."""

SPAN = 5.0
"""The threshold at the ends of its logarithmic slider, over the usual one, and under it."""


def _get_tightness(group: TripoSRLive) -> float:
    return min(max(math.log(group.threshold / Options.threshold, SPAN), -1.0), 1.0)


def _set_tightness(group: TripoSRLive, value: float) -> None:
    group.threshold = Options.threshold * SPAN**value


class TripoSRLive(bpy.types.PropertyGroup):
    """The sliders: what is wanted of the active object."""

    resolution: IntProperty(**RESOLUTION, get=_get("resolution"), set=_set("resolution"))
    threshold: FloatProperty(**THRESHOLD, get=_get("threshold"), set=_set("threshold"))
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
    closed: BoolProperty(**CLOSED, get=_get("closed"), set=_set("closed"))


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
