"""Panels of the active object, if it was made from a picture: Refine, Mesh and Picture."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..inference.texture.camera import GOOD, POOR
from ..scene.identity import is_local
from ..scene.source import best_variant, has_source, variants_of
from ..tasks.session import cameras, edits, refinements
from ..texts import localized
from .layout import draw_message, draw_progress, draw_text
from .tab import SubPanel


class _ObjectPanel(SubPanel):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_source(context.object)


class TRIPOSR_PT_refine(_ObjectPanel, bpy.types.Panel):
    bl_label = "Refine"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        active, live = context.object, context.window_manager.triposr
        _draw_state(layout, active)
        _draw_variants(layout, active)
        column = layout.column()
        column.enabled = bpy.ops.triposr.refine.poll()
        if not column.enabled and not edits.is_running():
            draw_text(layout, _why_not(context), "INFO")
        split = column.column()
        split.use_property_split, split.use_property_decorate = True, False
        split.prop(live, "resolution")
        split.prop(live, "threshold", text="Threshold")
        split.prop(live, "tightness", text="Tighter", slider=True)
        split.prop(live, "closed")
        row = column.row(align=True)
        row.operator("triposr.refine", text="Extract Again", icon="FILE_REFRESH")
        row.operator("triposr.regenerate", text="Regenerate", icon="MESH_MONKEY")


def _why_not(context: bpy.types.Context) -> str:
    """Why the active object's surface cannot be changed now."""
    if not is_local(context.object, context.object.data):
        return iface_("The object is linked, or a library override: make it local first")
    return iface_("Switch to Object Mode to refine")


def _draw_variants(layout: bpy.types.UILayout, active: bpy.types.Object) -> None:
    """Draw the number of variants, and the button that keeps the active one."""
    variants = variants_of(active, bpy.context.scene)
    if len(variants) < 2:
        return
    box = layout.box()
    best = best_variant(variants)
    ratio, match = active.triposr.foreground_ratio, active.triposr.match
    text = iface_("One of {count} variants, foreground {ratio:.2f}, match {match:.2f}")
    if match <= 0:
        text = iface_("One of {count} variants, foreground {ratio:.2f}")
    text = text.format(count=len(variants), ratio=ratio, match=match)
    draw_text(box, text, "SOLO_ON" if active == best else "MOD_ARRAY")
    if active == best:
        draw_text(box, iface_("It matches the picture best"), "BLANK1")
    row = box.row(align=True)
    row.operator("triposr.keep_variant", text="Keep This One", icon="CHECKMARK")
    row.operator("triposr.best_variant", text="Best of Variants", icon="SOLO_ON")


def _draw_state(layout: bpy.types.UILayout, active: bpy.types.Object) -> None:
    """Draw the progress of a task or the size of the mesh, and any errors.

    Always one row without errors: the sliders below must not move away from the mouse.
    """
    state = refinements.state
    if edits.is_running():
        draw_progress(layout, edits.state.fraction, edits.state.label, "triposr.cancel_edit")
    elif refinements.is_running():
        layout.progress(factor=state.fraction, text=localized(state.label))
    else:
        text = iface_("{name}: {count:,} faces").format(
            name=active.name, count=len(active.data.polygons)
        )
        layout.label(text=text, icon="OUTLINER_OB_MESH", translate=False)
    for state in (refinements.state, edits.state):
        if not state.error:
            continue
        texts = (state.error, state.hint)
        draw_message(layout.box(), texts, "ERROR", "triposr.dismiss_refinement")


class TRIPOSR_PT_mesh(_ObjectPanel, bpy.types.Panel):
    bl_label = "Mesh"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator("triposr.clean_up", text="Clean Up", icon="BRUSH_DATA")
        row = layout.row(align=True)
        for kind, text, icon in (
            ("voxel", iface_("Voxel Remesh"), "MOD_REMESH"),
            ("quads", iface_("Quad Remesh"), "MESH_GRID"),
        ):
            remesh = row.operator("triposr.remesh", text=text, icon=icon, translate=False)
            remesh.kind, remesh.asks = kind, True
        row = layout.row(align=True)
        row.operator("triposr.mirror", text="Mirror", icon="MOD_MIRROR")
        row.operator("triposr.recolor", text="Recolor", icon="COLOR")
        layout.operator("triposr.texture", text="Texture", icon="TEXTURE")
        # Beside another button, its label would be cut off in a sidebar of the usual width.
        icon = "IMAGE_REFERENCE"
        photo = layout.operator("triposr.recolor", text="Photo on the Front", icon=icon)
        photo.photo = True
        state = edits.state
        if state.message and not edits.is_running():
            icon = "INFO" if state.canceled else "CHECKMARK"
            draw_message(layout.box(), (state.message,), icon, "triposr.dismiss_refinement")


class TRIPOSR_PT_picture(_ObjectPanel, bpy.types.Panel):
    bl_label = "Picture"

    def draw(self, context: bpy.types.Context) -> None:
        layout, state = self.layout, cameras.state
        match = context.object.triposr.match
        if cameras.is_running():
            draw_progress(layout, state.fraction, state.label, "triposr.cancel_camera")
        elif match:
            text = iface_("Match {percent:.0f} %").format(percent=100 * match)
            layout.label(text=text, icon=_icon_of(match), translate=False)
        if 0 < match < POOR:
            text = iface_("The object covers little of its subject: try Variants")
            draw_text(layout, text, "BLANK1")
        layout.operator(
            "triposr.camera_from_picture", text="Camera from Picture", icon="CAMERA_DATA"
        )
        texts = (state.error, state.hint) if state.error else (state.message,)
        if any(texts):
            icon = "ERROR" if state.error else "INFO"
            draw_message(layout.box(), texts, icon, "triposr.dismiss_camera")


def _icon_of(match: float) -> str:
    if match < POOR:
        return "ERROR"
    return "CHECKMARK" if match >= GOOD else "INFO"


classes = (TRIPOSR_PT_refine, TRIPOSR_PT_mesh, TRIPOSR_PT_picture)
