"""USD files show their colors in other programs, and hold what else Blender writes."""

from pathlib import Path

import numpy as np
import pytest
from object_data import colors, vertices


def linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def export(bpy, path: Path, **options):
    """Export the scene and open what was written, as another program does. What is read from a
    stage expires with it.
    """
    assert bpy.ops.wm.usd_export(filepath=str(path), **options) == {"FINISHED"}
    from pxr import Usd

    stage = Usd.Stage.Open(str(path))
    assert stage
    return stage


def meshes(stage) -> dict:
    from pxr import UsdGeom

    return {prim.GetParent().GetName(): prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)}


def display_colors(prim) -> np.ndarray:
    from pxr import UsdGeom

    primvar = UsdGeom.Mesh(prim).GetDisplayColorPrimvar()
    return np.array(primvar.ComputeFlattened() if primvar.HasValue() else [])


def diffuse_source(prim):
    """The shader that a mesh's material takes its diffuse color from, if any."""
    from pxr import UsdShade

    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
    surface, *_ = material.ComputeSurfaceSource()
    diffuse = surface.GetInput("diffuseColor")
    return (
        UsdShade.Shader(diffuse.GetConnectedSource()[0]) if diffuse.HasConnectedSource() else None
    )


def assert_colored(prim, target) -> None:
    from pxr import UsdGeom

    primvar = UsdGeom.Mesh(prim).GetDisplayColorPrimvar()
    assert primvar.GetInterpolation() == "vertex"
    assert primvar.GetTypeName() == "color3f[]"
    shown, expected = display_colors(prim), linear(colors(target))
    assert shown.shape == expected.shape
    assert expected.std(axis=0).min() > 0.02  # one color for all would not do
    assert np.abs(shown - expected).max() < 0.003
    reader = diffuse_source(prim)
    assert reader.GetIdAttr().Get() == "UsdPrimvarReader_float3"
    assert reader.GetInput("varname").Get() == "displayColor"


@pytest.mark.parametrize("ending", ["usdc", "usda", "usdz"])
def test_other_programs_find_the_colors(bpy, truck, tmp_path: Path, ending: str) -> None:
    stage = export(bpy, tmp_path / f"out.{ending}")
    [prim] = meshes(stage).values()
    assert_colored(prim, truck)
    assert "triposr_color" not in stage.GetRootLayer().ExportToString()


def test_a_renamed_material_and_faces_with_another(bpy, truck, tmp_path: Path) -> None:
    truck.active_material.name = "Paint"
    truck.data.materials.append(bpy.data.materials.new("Plain"))
    for face in truck.data.polygons[:100]:
        face.material_index = 1
    stage = export(bpy, tmp_path / "out.usda")
    [prim] = meshes(stage).values()
    assert np.abs(display_colors(prim) - linear(colors(truck))).max() < 0.003


def test_colors_on_corners(bpy, truck, tmp_path: Path) -> None:
    bpy.ops.geometry.color_attribute_convert(domain="CORNER", data_type="FLOAT_COLOR")
    stage = export(bpy, tmp_path / "out.usda")
    [prim] = meshes(stage).values()
    attribute = truck.data.color_attributes["Color"]
    expected = np.array([value.color[:3] for value in attribute.data])
    assert np.abs(display_colors(prim) - expected).max() < 0.003


def test_what_the_artist_made_is_left_as_it_is(bpy, addon, truck, tmp_path: Path) -> None:
    def own(name: str, with_material: bool):
        bpy.ops.mesh.primitive_cube_add()
        cube = bpy.context.object
        cube.name, attribute = name, cube.data.color_attributes.new("Color", "BYTE_COLOR", "CORNER")
        for index, value in enumerate(attribute.data):
            value.color = (index / 30, 0.5, 0.2, 1)
        if with_material:
            material = addon("scene.material").color_material("Color").copy()
            material.name = "Mine"
            cube.data.materials.append(material)

    own("plain", False)
    own("colored", True)
    usd = addon("scene.usd")
    stage = export(bpy, tmp_path / "with.usda")
    usd.unregister()
    try:
        plain_stage = export(bpy, tmp_path / "without.usda")
    finally:
        usd.register()
    with_hook, without = meshes(stage), meshes(plain_stage)
    assert set(with_hook) == set(without) == {"plain", "colored", "toy_truck"}
    for name in ("plain", "colored"):
        before, after = without[name], with_hook[name]
        assert after.GetAuthoredPropertyNames() == before.GetAuthoredPropertyNames()
        assert not display_colors(after).size
    assert diffuse_source(with_hook["colored"]) is None
    assert not display_colors(without["toy_truck"]).size
    before, after = without["toy_truck"], with_hook["toy_truck"]
    added = set(after.GetAuthoredPropertyNames()) - set(before.GetAuthoredPropertyNames())
    assert added == {"primvars:displayColor"}
    assert not set(before.GetAuthoredPropertyNames()) - set(after.GetAuthoredPropertyNames())


def test_a_mesh_without_colors_stays_gray(bpy, truck, tmp_path: Path) -> None:
    truck.data.color_attributes.remove(truck.data.color_attributes["Color"])
    stage = export(bpy, tmp_path / "out.usda")
    [prim] = meshes(stage).values()
    assert not display_colors(prim).size
    assert diffuse_source(prim).GetInput("fallback").Get() == pytest.approx((0.8, 0.8, 0.8))


@pytest.mark.parametrize(
    "options",
    [
        {"export_animation": True},
        {"merge_parent_xform": True},
        {"convert_orientation": True, "triangulate_meshes": True},
        {"generate_materialx_network": True},
        {"root_prim_path": ""},
    ],
    ids=str,
)
def test_options_of_the_export(bpy, truck, tmp_path: Path, options: dict) -> None:
    bpy.context.scene.frame_end = 3
    stage = export(bpy, tmp_path / "out.usda", **options)
    [prim] = meshes(stage).values()
    assert_colored(prim, truck)


def test_a_material_that_shows_something_else(bpy, truck, tmp_path: Path) -> None:
    links = truck.active_material.node_tree.links
    links.remove(next(link for link in links if link.from_node.type == "VERTEX_COLOR"))
    stage = export(bpy, tmp_path / "out.usda")
    [prim] = meshes(stage).values()
    assert diffuse_source(prim) is None
    assert not display_colors(prim).size


def test_the_colors_come_back_into_blender(bpy, addon, truck, tmp_path: Path) -> None:
    at, expected = vertices(addon, truck), colors(truck)
    export(bpy, tmp_path / "out.usdc")
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "out.usdc"))
    [back] = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    assert len(back.data.vertices) == len(at)
    assert np.abs(colors(back) - expected).max() < 0.003


def test_builds_without_usd_go_on(addon, monkeypatch) -> None:
    """Distributions build Blender without it."""
    usd = addon("scene.usd")

    class Types:
        """None of Blender's types."""

    class Bpy:
        types = Types()
        app, utils = usd.bpy.app, usd.bpy.utils
        __file__ = usd.bpy.__file__

    usd.unregister()
    with monkeypatch.context() as without:
        without.setattr(usd, "bpy", Bpy())
        usd.register()
        assert not usd.TRIPOSR_USD_colors.is_registered
        usd.unregister()
    usd.register()
    assert usd.TRIPOSR_USD_colors.is_registered
