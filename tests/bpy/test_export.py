"""Exports arrive: axes, size, colors and limits of each target, in other programs' eyes."""

import importlib
import json
import types
import zipfile
from pathlib import Path

import background
import numpy as np
import pytest
from glb import gltf, size_of
from gltf_validator import validate
from textured import add_figure


@pytest.fixture
def export(bpy, addon, tmp_path: Path):
    """`api.export` to a file in the test's folder."""

    def export(thing, name: str, target: str):
        return addon("api").export(thing, tmp_path / name, target)

    return export


@pytest.fixture
def figure(bpy):
    return add_figure(bpy)


@pytest.mark.parametrize("target", ["web", "engine", "android"])
def test_glb(export, figure, target: str) -> None:
    report = export(figure, "chair.glb", target)
    [file] = report.files
    assert (file.name, report.triangles, report.bytes) == ("chair.glb", 12, file.stat().st_size)
    assert report.remarks == ()
    assert str(report.summary).startswith("chair.glb: 12 triangles, 64² texture, ")
    validated = validate(file)
    assert validated["issues"]["messages"] == []
    document = gltf(file)
    assert size_of(document) == [1, 3, 2]  # Y points up
    [material] = document["materials"]
    assert {"baseColorTexture"} <= set(material["pbrMetallicRoughness"])
    assert "normalTexture" in material
    kinds = sorted(image["mimeType"] for image in document["images"])
    assert kinds == ["image/png" if target == "engine" else "image/jpeg", "image/png"]
    [node] = document["nodes"]
    assert node["name"] == "chair" and not {"rotation", "scale", "matrix"} & set(node)


def test_vertex_colors_stay_where_there_is_no_texture(bpy, export, figure) -> None:
    attribute = figure.data.color_attributes.new("Color", "BYTE_COLOR", "POINT")
    for number, value in enumerate(attribute.data):
        value.color = (number / 8, 0.5, 0.2, 1)
    textured = gltf(export(figure, "textured.glb", "web").files[0])
    parts = [part for mesh in textured["meshes"] for part in mesh["primitives"]]
    assert not any("COLOR_0" in part["attributes"] for part in parts)
    figure.data.materials.clear()
    report = export(figure, "colored.glb", "web")
    [part] = gltf(report.files[0])["meshes"][0]["primitives"]
    assert "COLOR_0" in part["attributes"]
    assert "vertex colors" in str(report.summary)
    assert validate(report.files[0])["issues"]["numErrors"] == 0


@pytest.mark.parametrize(
    ("name", "target"),
    [("a.usdz", "iphone"), ("a.glb", "engine"), ("a.fbx", "engine"), ("a.usd", "maya")],
)
def test_nothing_arrives_gray(bpy, addon, truck, tmp_path, name: str, target: str) -> None:
    errors, exports = addon("inference.errors"), addon("tasks.export")
    said = r"has no texture, and .* shows no vertex colors"
    with pytest.raises(errors.InputError, match=f"{said}. Click Texture first"):
        exports.export(bpy.context, truck, tmp_path / name, target, True)
    del truck[addon("scene.source").KEY]  # it could come from anywhere
    with pytest.raises(errors.InputError, match=f"{said}. Bake its colors"):
        exports.export(bpy.context, truck, tmp_path / name, target, False)
    assert not list(tmp_path.glob("a.*"))


def test_a_script_s_object_gets_a_texture_on_the_way(bpy, addon, truck, monkeypatch) -> None:
    """A copy gets it, of which nothing stays, even if something fails."""
    exports = addon("tasks.export")
    truck.triposr.texture, truck.triposr.texture_faces = "1024", 700
    rules = addon("scene.export.targets").TARGETS["iphone"]

    def names() -> list[set[str]]:
        data = bpy.data
        kinds = (data.objects, data.meshes, data.materials, data.images, data.scenes)
        return [{block.name_full for block in blocks} for blocks in kinds]

    before, materials, selected = names(), truck.data.materials[:], bpy.context.selected_objects
    textured = exports.textured(bpy.context, truck, rules, ".usdz", False)
    with pytest.raises(ZeroDivisionError), textured as (copy, remarks):
        assert remarks == () and copy != truck and not copy.users_scene
        assert 600 < len(copy.data.polygons) <= 700
        assert exports.colors_of(copy) == "texture"
        sides = {tuple(image.size) for image in bpy.data.images if image.triposr.texture != "none"}
        assert sides == {(1024, 1024)}
        1 / 0  # noqa: B018
    assert (names(), truck.data.materials[:]) == (before, materials)
    assert bpy.context.selected_objects == selected and bpy.context.object == truck
    monkeypatch.setattr(exports, "texturing", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        addon("api").export(truck, "/nowhere.usdz", "iphone")
    assert names() == before and len(truck.data.polygons) > 700


def test_a_texture_on_the_way_without_the_photo_is_reported(export, truck, picture: Path) -> None:
    picture.unlink()
    truck.triposr.texture, truck.triposr.texture_faces = "512", 700
    report = export(truck, "a.glb", "engine")
    said = "In its texture, the photo was left out: The picture of toy truck no longer exists"
    assert report.remarks[-1] == said and str(report.summary).endswith(said)
    assert truck.triposr.remark == ""


def test_an_object_of_ours_goes_to_the_web(export, truck) -> None:
    report = export(truck, "truck.glb", "web")
    assert report.triangles == len(truck.data.polygons)
    document = gltf(report.files[0])
    assert max(size_of(document)) == pytest.approx(2.0, rel=1e-3)
    assert "extras" not in json.dumps(document)
    assert validate(report.files[0])["issues"]["numErrors"] == 0


def test_usdz(export, figure) -> None:
    from pxr import Gf, Usd, UsdGeom, UsdShade, UsdUtils

    [file] = export(figure, "chair.usdz", "iphone").files
    checker = UsdUtils.ComplianceChecker(arkit=True)
    checker.CheckCompliance(str(file))
    assert [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()] == []
    with zipfile.ZipFile(file) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        endings = sorted(Path(name).suffix for name in archive.namelist())
    assert endings == [".jpg", ".png", ".usdc"]
    stage = Usd.Stage.Open(str(file))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    [mesh] = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    cache = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"])
    box = cache.ComputeWorldBound(mesh).ComputeAlignedRange()
    assert Gf.IsClose(box.GetSize(), Gf.Vec3d(1, 3, 2), 1e-4)
    assert box.GetMin()[1] == pytest.approx(0, abs=1e-5)
    material, _ = UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()
    surface, *_ = material.ComputeSurfaceSource()
    for name in ("diffuseColor", "normal"):
        source = UsdShade.Shader(surface.GetInput(name).GetConnectedSource()[0])
        assert source.GetIdAttr().Get() == "UsdUVTexture"


def test_usdz_has_the_limits_of_phones(bpy, export) -> None:
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=8)
    assert len(bpy.context.object.data.polygons) > 300_000
    figure = add_figure(bpy, "ball", 64, mesh=bpy.context.object.data.copy())
    report = export(figure, "ball.usdz", "iphone")
    assert 90_000 < report.triangles <= 100_000
    assert "Reduced from" in str(report.remarks[0])
    assert len(figure.data.polygons) > 300_000


def test_android_has_the_limits_of_scene_viewer(bpy, export) -> None:
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=7)
    figure = add_figure(bpy, "ball", 2560, noise=True, mesh=bpy.context.object.data.copy())
    figure.data.uv_layers.new(name="second")
    report = export(figure, "ball.glb", "android")
    assert report.bytes <= 10_000_000
    document = gltf(report.files[0])
    [part] = document["meshes"][0]["primitives"]
    count = document["accessors"][part["attributes"]["POSITION"]]["count"]
    assert 24_000 < count <= 30_000
    assert [name for name in part["attributes"] if name.startswith("TEXCOORD")] == ["TEXCOORD_0"]
    assert validate(report.files[0])["issues"]["messages"] == []
    sides = {
        image["image"]["width"]
        for image in validate(report.files[0])["info"]["resources"]
        if "image" in image
    }
    assert max(sides) <= 2048
    assert {image.size[0] for image in bpy.data.images if image.size[0]} == {2560}


@pytest.mark.parametrize(
    ("name", "target"),
    [("a.fbx", "engine"), ("a.fbx", "maya"), ("a.usd", "maya"), ("a.usda", "maya")],
)
def test_files_of_studios_come_back_alike(bpy, export, figure, name: str, target: str) -> None:
    file, *others = export(figure, name, target).files
    assert bool(others) == (file.suffix != ".fbx")
    bpy.ops.wm.read_homefile(use_empty=True)
    if file.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(file))
        assert unit_of(file) == (1.0, 1)
    else:
        bpy.ops.wm.usd_import(filepath=str(file))
    bpy.context.view_layer.update()
    [back] = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    corners = np.array([back.matrix_world @ vertex.co for vertex in back.data.vertices])
    assert np.ptp(corners, axis=0) == pytest.approx([1, 2, 3], abs=1e-4)
    assert corners[:, 2].min() == pytest.approx(0, abs=1e-4)
    images = [
        node.image
        for node in back.active_material.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image is not None
    ]
    assert {tuple(image.size) for image in images} == {(64, 64)}
    assert len(images) == 2


def unit_of(file: Path) -> tuple[float, int]:
    """Centimeters of a unit in an FBX file, and the axis that points up."""
    from io_scene_fbx import parse_fbx

    root, _ = parse_fbx.parse(str(file))
    settings = next(part for part in root.elems if part.id == b"GlobalSettings")
    values = {entry.props[0]: entry.props[4] for entry in settings.elems[-1].elems}
    return values[b"UnitScaleFactor"], values[b"UpAxis"]


def test_print(bpy, export, figure) -> None:
    report = export(figure, "chair.stl", "print")
    assert report.remarks == () and str(report.summary).endswith("ready to print")
    content = report.files[0].read_bytes()
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    corners = np.frombuffer(content, record, 12, 84)["corners"].reshape(-1, 3)
    assert np.ptp(corners, axis=0) == pytest.approx([1000, 2000, 3000])
    open_one = figure.data.copy()
    import bmesh

    edited = bmesh.new()
    edited.from_mesh(open_one)
    edited.faces.ensure_lookup_table()
    bmesh.ops.delete(edited, geom=edited.faces[:1], context="FACES")
    edited.to_mesh(open_one)
    edited.free()
    figure.data = open_one
    report = export(figure, "open.stl", "print")
    assert "The mesh is open" in str(report.remarks[0])
    assert "ready to print" not in str(report.summary)


def test_a_mesh_that_shows_its_backs(export, figure) -> None:
    figure.data.flip_normals()
    report = export(figure, "all.stl", "print")
    assert "Faces show their backs" in str(report.remarks[0])
    assert "not ready yet" in str(report.summary)
    figure.data.flip_normals()
    figure.data.polygons[0].flip()
    assert "Faces show their backs" in str(export(figure, "one.stl", "print").remarks)


def test_a_limit_that_cannot_be_kept(blender) -> None:
    """Each limit that is exceeded is a reason not to call the file ready."""
    names = ("work", "read_back", "targets")
    work, found, targets = (
        importlib.import_module(f"{background.MODULE}.scene.export.{name}") for name in names
    )
    copy = types.SimpleNamespace(images=types.SimpleNamespace(side=lambda: 4096))
    rules = targets.TARGETS
    large = found.Found(triangles=200_000, size=11_000_000, vertices=31_000)
    assert len(work._limits(copy, large, rules["android"])) == 3
    assert len(work._limits(copy, large, rules["iphone"])) == 2
    assert work._limits(copy, large, rules["web"]) == []


def test_the_unit_of_the_scene_is_real(bpy, export, figure) -> None:
    bpy.context.scene.unit_settings.scale_length = 0.01  # the artist works in centimeters
    assert size_of(gltf(export(figure, "small.glb", "web").files[0])) == [0.01, 0.03, 0.02]
    content = export(figure, "small.stl", "print").files[0].read_bytes()
    assert np.frombuffer(content, "<f4", 12, 84).max() == pytest.approx(30)
    bpy.context.scene.unit_settings.system = "NONE"  # then the scale has no meaning
    assert size_of(gltf(export(figure, "none.glb", "web").files[0])) == [1, 3, 2]


def test_several_files_with_textures_beside_each_other(export, figure) -> None:
    first = export(figure, "one.usda", "maya").files
    before = {path: path.read_bytes() for path in first}
    second = export(figure, "two.usda", "maya").files
    assert not set(first) & set(second)
    assert {path: path.read_bytes() for path in first} == before
