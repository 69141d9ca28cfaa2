"""Bases of the panels of our tab in the 3D viewport's sidebar."""


class Tab:
    """Place of all panels of the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "TripoSR"


class SubPanel(Tab):
    """Panel below the picture and the button."""

    bl_parent_id = "TRIPOSR_PT_generate"
