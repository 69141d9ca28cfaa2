"""demo.blend outlives the folder with the demo's pictures."""

from pathlib import Path


def test_results_keep_their_pictures(bpy, addon, truck, picture: Path, tmp_path: Path) -> None:
    import demo  # it imports bpy

    demo.keep_picture(truck)
    picture.unlink()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "demo.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "demo.blend"))
    api, truck = addon("api"), bpy.data.objects["toy truck"]
    assert truck.data.triposr.picture.filepath == f"//{picture.name}"
    truck.triposr.match = 1
    api.texture(truck, faces=500, size=512, photo=True)
    assert truck.triposr.remark == ""
    assert api.camera_from_picture(truck) and api.regenerate(truck) is truck
