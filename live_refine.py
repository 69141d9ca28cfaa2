"""An object's surface follows the sliders in the panel, beside Blender.

While a slider moves, a coarse surface comes within a tenth of a second or two; when it rests, the
one that was asked for, with an undo step. The sliders belong to the window manager: what they show
is the active object's, and undo has nothing to say about them but through the object.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, FloatProperty, IntProperty, PointerProperty

from .inference.types import MeshData, Options, SceneCode, Tick
from .preferences import preferences, torch_folder
from .properties import CLOSED, RESOLUTION, THRESHOLD
from .runner import Run
from .scene.mesh import check_editable, fill
from .scene.placement import Placement
from .scene.source import fitting_source_of, has_source, note_surface
from .session import REFINE_STAGES, engine, refinements

COARSE = 96
"""Points per axis of the surface that is shown while a slider moves."""

UNDO_STEP = "Refine"


@dataclass(frozen=True)
class Wanted:
    """The surface that the sliders ask for.

    Attributes:
        uid: session_uid of the object.
    """

    uid: int
    resolution: int
    threshold: float
    closed: bool


_wanted: Wanted | None = None
_is_coarse = False
"""Whether the run that is on its way is of a coarse surface."""


def wanted_of(blender_object: bpy.types.Object) -> Wanted:
    """What is asked for of an object, or what it has."""
    if _wanted is not None and _wanted.uid == blender_object.session_uid:
        return _wanted
    source = blender_object.triposr
    return Wanted(blender_object.session_uid, source.resolution, source.threshold, source.closed)


def want(blender_object: bpy.types.Object, **changes: object) -> None:
    """Ask for another surface of an object."""
    global _wanted
    changed = replace(wanted_of(blender_object), **changes)
    if changed == wanted_of(blender_object):
        return
    # What is quick is let through, so that the surface follows the slider.
    if refinements.is_running() and not _is_coarse and changed.resolution > COARSE:
        refinements.drop("")
    _wanted = changed
    if not refinements.is_running():
        _start(blender_object, changed, True)


def _start(target: bpy.types.Object, wanted: Wanted, may_be_coarse: bool) -> None:
    """Submit a run for what is wanted; of a coarse surface first where that is quicker."""
    global _wanted, _is_coarse
    is_same = wanted.resolution == target.triposr.resolution
    _is_coarse = may_be_coarse and is_same and wanted.resolution > COARSE
    try:
        check_editable(target.data)
        code, placement = fitting_source_of(target)
    except Exception as error:  # the boundary at which the artist is told
        _wanted = None
        refinements.fail(error)
        return
    refinements.submit(_run(target.name, wanted, _is_coarse, code, placement))


def _run(title: str, wanted: Wanted, is_coarse: bool, code: SceneCode, placement: Placement) -> Run:
    resolution = COARSE if is_coarse else wanted.resolution
    chosen, folder = preferences(bpy.context), torch_folder(bpy.context)
    device, threads = chosen.device, chosen.threads

    def work(tick: Tick) -> MeshData:
        return engine.extract(
            code, resolution, wanted.threshold, wanted.closed, device, tick, threads, folder
        )

    def deliver(mesh: MeshData) -> str:
        return _deliver(wanted, is_coarse, mesh, placement)

    return Run(title, REFINE_STAGES, work, deliver)


def _deliver(wanted: Wanted, is_coarse: bool, mesh: MeshData, placement: Placement) -> str:
    """Show the surface, and go on if it is not yet the one that is wanted by now."""
    global _wanted
    target = next((each for each in bpy.data.objects if each.session_uid == wanted.uid), None)
    if target is None or _wanted is None or target.mode != "OBJECT":
        _wanted = None  # deleted, undone or being edited by now
        return ""
    fill(target.data, mesh, placement)
    if _wanted.uid == wanted.uid and (is_coarse or _wanted != wanted):
        _start(target, _wanted, _wanted != wanted)
        return ""
    _wanted = None
    note_surface(target, wanted.resolution, wanted.threshold, wanted.closed)
    windows = bpy.context.window_manager.windows
    with bpy.context.temp_override(**({"window": windows[0]} if windows else {})):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=UNDO_STEP)
    return f"{target.name}: {len(mesh.faces):,} triangles"


@persistent
def _forget(*_: object) -> None:
    """What was wanted is of a state that is gone: undone, redone, or of another file."""
    global _wanted
    if _wanted is not None:
        _wanted = None
        refinements.drop("")


def _active() -> bpy.types.Object | None:
    active = bpy.context.object
    return active if has_source(active) else None


def _get(name: str) -> Callable[[bpy.types.PropertyGroup], Any]:
    def get(_: bpy.types.PropertyGroup) -> Any:
        active = _active()
        return DEFAULTS[name] if active is None else getattr(wanted_of(active), name)

    return get


def _set(name: str) -> Callable[[bpy.types.PropertyGroup, Any], None]:
    def set_(_: bpy.types.PropertyGroup, value: Any) -> None:
        if (active := _active()) is not None:
            want(active, **{name: value})

    return set_


DEFAULTS = {
    "resolution": Options.resolution,
    "threshold": Options.threshold,
    "closed": Options.closed,
}

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


HANDLERS = (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post)


def register() -> None:
    # On the window manager, for which Blender takes no undo step of its own at each release.
    bpy.types.WindowManager.triposr = PointerProperty(type=TripoSRLive)
    for handlers in HANDLERS:
        handlers.append(_forget)


def unregister() -> None:
    for handlers in HANDLERS:
        handlers.remove(_forget)
    del bpy.types.WindowManager.triposr


classes = (TripoSRLive,)
