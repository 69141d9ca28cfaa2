"""The TripoSR tab in the sidebar of the 3D viewport (N)."""

from __future__ import annotations

import bpy

from .. import preview
from ..inference.catalog import TRIPOSR
from ..inference.errors import NO_SUBJECT
from ..inference.types import RESOLUTION_RANGE
from ..preferences import draw_offline, draw_upkeep, uses_starter
from ..scene.source import has_source
from ..session import engine, previews, runs, upkeep
from ..texts import draw_message, draw_progress, draw_text

ADDON = __package__.rpartition(".")[0]
DISMISS = "triposr.dismiss"


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "TripoSR"


class TRIPOSR_PT_generate(_Sidebar, bpy.types.Panel):
    bl_label = "Image to 3D"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.triposr
        layout.template_ID_preview(settings, "image", open="image.open", rows=3, cols=6)
        if runs.is_running():
            self._draw_progress(layout)
        else:
            row = layout.row()
            row.scale_y = 1.5
            row.enabled = settings.image is not None
            row.operator("triposr.generate", text="Generate", icon="MESH_MONKEY")
            if settings.image is None:
                layout.label(text="Open or drop a picture to begin", icon="INFO")
        self._draw_outcome(layout)
        self._draw_model(context, layout)

    def _draw_progress(self, layout: bpy.types.UILayout) -> None:
        state = runs.state
        draw_progress(layout, state.fraction, state.label, "triposr.cancel").scale_y = 1.5
        for number, title in enumerate(runs.waiting()):
            row = layout.row(align=True)
            row.label(text=title, icon="SORTTIME")
            for icon, by in (("TRIA_UP", -1), ("TRIA_DOWN", 1)):
                move = row.operator("triposr.move_waiting", text="", icon=icon, emboss=False)
                move.number, move.by = number, by
            row.operator("triposr.remove_waiting", text="", icon="X", emboss=False).number = number

    def _draw_model(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        """Which model a run uses, on what, and how to get the better one."""
        row = layout.row()
        is_starter = uses_starter(context)
        if is_starter:
            row.label(text="Model: Starter (Draft)", icon="INFO")
        else:
            row.label(text="Model: TripoSR", icon="CHECKMARK")
        row.operator("preferences.addon_show", text="", icon="PREFERENCES").module = ADDON
        if is_starter and not upkeep.is_running():
            text = f"Download TripoSR, {TRIPOSR.size / 1e9:.1f} GB"
            layout.operator("triposr.download_model", text=text, icon="IMPORT").model = TRIPOSR.name
            draw_offline(layout)
        draw_upkeep(layout)
        for problem in (device.problem for device in engine.devices if device.problem):
            draw_text(layout, problem, "ERROR")

    def _draw_outcome(self, layout: bpy.types.UILayout) -> None:
        state = runs.state
        if state.error:
            box = layout.box()
            draw_message(box, (state.error, state.hint), "ERROR", DISMISS)
            for number, title in enumerate(runs.failed()):
                row = box.row(align=True)
                row.label(text=title, icon="BLANK1")
                row.operator("triposr.retry", text="Retry", icon="FILE_REFRESH").number = number
        elif state.message and not runs.is_running():
            icon = "INFO" if state.canceled else "CHECKMARK"
            draw_message(layout, (state.message,), icon, DISMISS)


class TRIPOSR_PT_preview(_Sidebar, bpy.types.Panel):
    bl_label = "Preview"
    bl_parent_id = "TRIPOSR_PT_generate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.triposr.image is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        scene = context.scene
        preview.request(scene)
        if previews.state.error:
            box = layout.box()
            draw_text(box, previews.state.error, "ERROR")
            draw_text(box, previews.state.hint, "BLANK1")
            if previews.state.error == NO_SUBJECT:
                _draw_remedy(box, "empty")
        elif preview.shown.preview is not None:
            row = layout.row()
            row.active = preview.is_current(scene)
            for name, text in ((preview.CUT_OUT, "Cut-Out"), (preview.SQUARE, "Network Sees")):
                column = row.column()
                column.template_icon(preview.shown.icons[name], scale=5.5)
                column.label(text=text)
            for finding in preview.shown.preview.findings if row.active else ():
                self._draw_problem(layout, finding.message, finding.kind)
        if previews.is_running():
            layout.label(text="Looking at the picture", icon="SORTTIME")
        self._draw_matte(layout, scene.triposr.image.triposr.matte)

    def _draw_problem(self, layout: bpy.types.UILayout, message: str, kind: str) -> None:
        """What is odd, and a button that mends it."""
        box = layout.box()
        draw_text(box, message, "ERROR")
        _draw_remedy(box, kind)

    def _draw_matte(self, layout: bpy.types.UILayout, matte: bpy.types.Image | None) -> None:
        row = layout.row(align=True)
        text = "Edit Matte" if matte is None else "Edit Painted Matte"
        row.operator("triposr.edit_matte", text=text, icon="BRUSH_DATA")
        if matte is not None:
            row.operator("triposr.refresh_preview", text="", icon="FILE_REFRESH")
            row.operator("triposr.remove_matte", text="", icon="X")


def _draw_remedy(layout: bpy.types.UILayout, kind: str) -> None:
    layout.operator("triposr.remedy", text=preview.REMEDIES[kind][0]).kind = kind


class TRIPOSR_PT_refine(_Sidebar, bpy.types.Panel):
    bl_label = "Refine"
    bl_parent_id = "TRIPOSR_PT_generate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return has_source(context.object)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        source = context.object.triposr
        triangles = len(context.object.data.polygons)
        layout.label(text=f"{context.object.name}: {triangles:,} faces", icon="OUTLINER_OB_MESH")
        row = layout.row(align=True)
        for text, factor in (("Coarser", 0.5), ("Again", 1), ("Finer", 2)):
            low, high = RESOLUTION_RANGE
            resolution = min(max(round(factor * source.resolution), low), high)
            row.operator("triposr.refine", text=text).resolution = resolution
        column = layout.column(align=True)
        column.operator("triposr.clean_up", text="Clean Up", icon="BRUSH_DATA")
        column.operator("triposr.recolor", text="Recolor", icon="COLOR")


class TRIPOSR_PT_options(_Sidebar, bpy.types.Panel):
    bl_label = "Options"
    bl_parent_id = "TRIPOSR_PT_generate"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.scene.triposr
        column = layout.column()
        column.active = settings.image is None or settings.image.triposr.matte is None
        column.prop(settings, "background")
        if settings.background in ("auto", "model"):
            column.prop(settings, "matting_model", text="Model")
        layout.prop(settings, "keep_largest")
        # Short labels: the full names do not fit into a sidebar of the usual width.
        layout.prop(settings, "foreground_ratio", text="Foreground", slider=True)
        layout.prop(settings, "resolution")
        layout.prop(settings, "threshold", text="Threshold")
        layout.prop(settings, "closed")
        layout.prop(settings, "size")


classes = (TRIPOSR_PT_generate, TRIPOSR_PT_preview, TRIPOSR_PT_refine, TRIPOSR_PT_options)
