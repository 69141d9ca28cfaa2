"""Live refinement: an object's surface follows the sliders in the panel, beside Blender.

While a slider moves, provisional surfaces are shown without undo steps. When it rests, the wanted
surface arrives with its undo step. Blender's undo does not reload data that is the same in both
steps, so the original mesh is restored before an undo ends, and when the wanted surface fails.
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

from ..inference.engine import engine
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
from .session import refinements
from .stages import REFINE_STAGES

COARSE = 96
"""Points per axis of the provisional surface while a slider moves."""

UNDO_STEP = Message("Refine")


@dataclass
class Change:
    """Pending change of an object's surface.

    Attributes:
        wanted: Surface that the sliders ask for now.
        running: Surface that the running task extracts; None if no task of this object runs.
        shown: Provisional surface that the object shows; None if it shows its original one.
        before: Original mesh of the object; None if the object shows it.
        found: State of the object (see `_state_of`) when the running task began.
    """

    wanted: SurfaceSettings
    running: SurfaceSettings | None = None
    shown: SurfaceSettings | None = None
    before: bmesh.types.BMesh | None = None
    found: tuple[object, ...] = ()


_changes: dict[int, Change] = {}
"""Changes by the session_uid of the object, the oldest first."""


def wanted_of(blender_object: bpy.types.Object) -> SurfaceSettings:
    """Surface that an object will have, or has if no change is pending."""
    change = _changes.get(blender_object.session_uid)
    return surface_of(blender_object) if change is None else change.wanted


def want(blender_object: bpy.types.Object, **values: object) -> None:
    """Ask for another surface of an object."""
    wanted = replace(wanted_of(blender_object), **values)
    if wanted == wanted_of(blender_object):
        return
    change = _changes.setdefault(blender_object.session_uid, Change(wanted))
    change.wanted = wanted
    # Coarse tasks are quick: they go on, so that the surface follows the slider.
    if change.running is not None and change.running.resolution > COARSE:
        refinements.drop("")
        change.running = None
    if not refinements.is_running():
        refinements.dismiss()
        _start(blender_object, may_be_coarse=True)


def _start(target: bpy.types.Object, may_be_coarse: bool) -> None:
    """Submit the task of the wanted surface, or of a coarse one first if that is quicker."""
    change = _changes[target.session_uid]
    wanted = change.wanted
    is_same = wanted.resolution == target.triposr.resolution
    if may_be_coarse and is_same and wanted.resolution > COARSE:
        wanted = replace(wanted, resolution=COARSE)
    try:
        check_editable(target.data)
        code, placement = source_of(target)
        check_fit = fit_check(target, code, placement)
    except Exception as error:  # the boundary at which errors are reported
        _end(target.session_uid)
        refinements.fail(error)
        return
    change.running, change.found = wanted, _state_of(target)
    this_machine, uid = machine(bpy.context, is_clicked=True), target.session_uid

    def work(tick: Tick) -> MeshData:
        engine.import_torch(this_machine.torch_folder, this_machine.gpu_builds)
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
    """Show a surface, and go on if the sliders want another one by now."""
    change, target = _changes.get(uid), with_uid(bpy.data.objects, uid)
    if change is None or not has_source(target) or _state_of(target) != change.found:
        _end(uid)  # deleted, undone, or changed by another tool, whose work stays
        return _go_on()
    if target.mode != "OBJECT":
        if change.shown is not None:  # she is editing the provisional surface
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
    # A mesh that other objects share changes only with the undo step.
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
    """Start the next pending change, if there is one; return an empty message."""
    for uid in tuple(_changes):
        if (target := with_uid(bpy.data.objects, uid)) is not None:
            _start(target, may_be_coarse=False)
            break
        _end(uid)
    return ""


def _take_back(uid: int) -> None:
    """Restore an object's original mesh if it shows a provisional surface."""
    change, target = _changes[uid], with_uid(bpy.data.objects, uid)
    is_ours = target is not None and has_source(target) and _state_of(target) == change.found
    if change.before is not None and is_ours and target.mode == "OBJECT":
        change.before.to_mesh(target.data)
        target.data.update()
        remember_place(target.data, positions(target.data))


def _end(uid: int) -> None:
    """Forget the pending change of an object."""
    change = _changes.pop(uid, None)
    if change is not None and change.before is not None:
        change.before.free()


@persistent
def _on_undo(*_: object) -> None:
    """Drop all changes, which belong to a state that is gone."""
    if not _changes:
        return
    for uid in tuple(_changes):
        _take_back(uid)
        _end(uid)
    refinements.drop("")


@persistent
def _on_load(*_: object) -> None:
    """Forget all changes: their objects are gone with the previous file."""
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
"""Values of the sliders if no object made from a picture is active."""

SPAN = 5.0
"""Factor by which the ends of the logarithmic slider differ from the default threshold."""


def _get_tightness(group: TripoSRLive) -> float:
    return min(max(math.log(group.threshold / Options.threshold, SPAN), -1.0), 1.0)


def _set_tightness(group: TripoSRLive, value: float) -> None:
    group.threshold = Options.threshold * SPAN**value


class TripoSRLive(bpy.types.PropertyGroup):
    """Sliders of the active object's surface."""

    resolution: declared(RESOLUTION, get=_get("resolution"), set=_set("resolution"))
    threshold: declared(THRESHOLD, get=_get("threshold"), set=_set("threshold"))
    tightness: FloatProperty(
        name="Looser, Tighter",
        description="The density threshold on a logarithmic scale: drag left to keep thin parts, "
        "right to remove haze. The surface follows, and replaces edits made by hand",
        min=-1.0,
        max=1.0,
        precision=2,
        get=_get_tightness,
        set=_set_tightness,
    )
    closed: declared(CLOSED, get=_get("closed"), set=_set("closed"))


def register() -> None:
    # On the window manager: changes of its properties push no undo steps of their own.
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
