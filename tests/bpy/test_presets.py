"""Presets that come with the add-on, and the artist's own."""

from pathlib import Path


def test_presets_come_with_the_addon(bpy, addon) -> None:
    settings = bpy.context.scene.triposr
    addons = Path(addon("api").__file__).parent / "presets" / "triposr"
    [folder] = [path for path in bpy.utils.preset_paths("triposr") if Path(path) == addons]
    names = {path.stem for path in Path(folder).glob("*.py")}
    assert names == {"Draft", "Standard", "Detailed", "3D_Print"}
    seen = {}
    for name in ("3D_Print", "Draft", "Detailed", "Standard"):
        bpy.ops.script.execute_preset(
            filepath=f"{folder}/{name}.py", menu_idname="TRIPOSR_PT_presets"
        )
        seen[name] = settings.resolution, settings.keep_largest, settings.closed
    standard = addon("inference.types").Options()
    assert seen["Standard"] == (standard.resolution, standard.keep_largest, standard.closed)
    assert seen["Draft"][0] < seen["Standard"][0] < seen["Detailed"][0]
    assert seen["3D_Print"][1:] == (True, True)


def test_an_own_preset_is_saved_used_and_removed(bpy) -> None:
    settings = bpy.context.scene.triposr
    settings.resolution, settings.origin = 77, "center"
    assert bpy.ops.triposr.add_preset(name="Mine") == {"FINISHED"}
    settings.resolution, settings.origin = 256, "base"
    path = bpy.utils.preset_find("Mine", "triposr")
    bpy.ops.script.execute_preset(filepath=path, menu_idname="TRIPOSR_PT_presets")
    assert (settings.resolution, settings.origin) == (77, "center")
    bpy.ops.triposr.add_preset(name="Mine", remove_name=True)
    assert not Path(path).exists()
