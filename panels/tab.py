"""What the panels of our tab in the 3D viewport's sidebar have in common."""


class Tab:
    """Where those panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "TripoSR"


class SubPanel(Tab):
    """Those below the picture."""

    bl_parent_id = "TRIPOSR_PT_generate"
