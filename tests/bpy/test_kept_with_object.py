"""An object keeps its origin, which does no harm when others open, link or copy it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from object_data import colors
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def survives(script: str, folder: Path, *arguments: object) -> str:
    """Run a script in a Blender of its own, which must not crash; return what it printed."""
    file = folder / "script.py"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/background.py", file, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_exporters_take_what_is_kept(picture: Path, tmp_path: Path) -> None:
    script = """
import bpy, sys
picture, folder = sys.argv[-2:]
for older in (False, True):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.triposr.generate(filepath=picture, resolution=32)
    if older:
        made, key = bpy.context.object, "triposr_scene_code"
        text = made.pop(key)
        made[key] = __import__("base64").b64decode(text)
        bpy.ops.wm.save_as_mainfile(filepath=folder + "/older.blend")
        assert isinstance(made[key], str)
    bpy.ops.wm.alembic_export(filepath=folder + "/out.abc")
    bpy.ops.wm.usd_export(filepath=folder + "/out.usdc")
    bpy.ops.export_scene.fbx(filepath=folder + "/out.fbx", use_custom_props=True)
    bpy.ops.export_scene.gltf(filepath=folder + "/out.glb", export_extras=True)
print("all exported")
"""
    assert "all exported" in survives(script, tmp_path, picture, tmp_path)


def test_scripts_that_walk_custom_properties(bpy, addon, truck) -> None:
    key = addon("scene.source").KEY
    values = {
        name: value.to_dict() if hasattr(value, "to_dict") else value
        for name, value in truck.items()
    }
    assert json.loads(json.dumps(values))[key] == truck[key]
    truck[key] = truck[key]
    copy = bpy.data.objects.new("copy", truck.data.copy())
    bpy.context.collection.objects.link(copy)
    for name, value in truck.items():
        copy[name] = value
    bpy.context.view_layer.objects.active = copy
    for target in (truck, copy):
        bpy.context.view_layer.objects.active = target
        assert bpy.ops.triposr.refine(resolution=48) == {"FINISHED"}


@pytest.mark.parametrize("damaged", ["", "nothing", "\N{SNOWMAN}", "bm90aGluZw==", b"nothing"])
def test_a_damaged_code_is_reported(bpy, addon, truck, damaged) -> None:
    key = addon("scene.source").KEY
    del truck[key]
    truck[key] = damaged
    with pytest.raises(RuntimeError, match="damaged"):
        bpy.ops.triposr.refine(resolution=32)


def test_a_picture_may_go_when_its_object_is_there(picture: Path, tmp_path: Path) -> None:
    script = """
import bpy, sys
from bl_ext.user_default.triposr import api
picture = sys.argv[-1]
for how in 2 * ("remove", "batch_remove", "orphans_purge"):
    print(how, flush=True)
    bpy.ops.wm.read_homefile(use_empty=True)
    image = bpy.data.images.load(picture)
    made = api.image_to_object(image, resolution=32)
    if how == "remove":
        bpy.data.images.remove(image)
    elif how == "batch_remove":
        bpy.data.batch_remove([image])
    else:
        made.triposr.image = None
        bpy.ops.outliner.orphans_purge()
bpy.ops.wm.read_homefile(use_empty=True)
print("all well")
"""
    assert "all well" in survives(script, tmp_path, picture)


@pytest.mark.parametrize("mesh_too", [False, True])
def test_library_overrides_are_left_alone(
    bpy, addon, truck, picture: Path, tmp_path: Path, mesh_too: bool
) -> None:
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["toy truck"]
    [linked] = wanted.objects
    bpy.context.scene.collection.objects.link(linked)
    override = linked.override_create(remap_local_usages=True)
    if mesh_too:
        override.data.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = override
    count = len(override.data.polygons)
    api = addon("api")
    edits = (api.refine, api.recolor, api.clean_up, api.remesh, api.mirror, api.regenerate)
    for edit in edits:
        with pytest.raises(RuntimeError, match=r"(?i)make it local first"):
            edit(override)
    assert len(override.data.polygons) == count
    # With a mesh of its own, the file would still not keep what the object says of it.
    override.data = override.data.copy()
    for edit in edits:
        with pytest.raises(RuntimeError, match=r"(?i)make it local first"):
            edit(override)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "user.blend"))


def test_the_image_that_was_given_is_taken(bpy, addon, tmp_path: Path) -> None:
    def block(color: tuple[int, int, int, int], name: str) -> Path:
        image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
        image.paste(color, (30, 30, 98, 98))
        image.save(tmp_path / name)
        return tmp_path / name

    image = bpy.data.images.load(str(block((255, 0, 0, 255), "chair.png")))
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {image})
    bpy.ops.wm.read_homefile(use_empty=True)
    local = bpy.data.images.load(str(block((0, 0, 255, 255), "blue.png")))
    local.name = "chair.png"
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.images = ["chair.png"]
    [linked] = wanted.images
    api = addon("api")
    for given, channel in ((linked, 0), (local, 2), ("chair.png", 2)):
        if isinstance(given, str):  # the operator knows names only: this file's own is meant
            bpy.ops.triposr.generate(image=given, resolution=32)
            made = bpy.context.object
        else:
            made = api.image_to_object(given, resolution=32)
        assert colors(made).mean(axis=0).argmax() == channel
