"""Pictures to files from a shell."""

import re
from pathlib import Path

import pytest
from glb import gltf
from PIL import Image
from textured import add_figure


@pytest.fixture
def run(bpy, addon):
    """Function that `blender --command triposr` calls."""
    return addon("command").run


@pytest.mark.parametrize("ending", ["glb", "obj", "stl", "ply", "usdz", "blend"])
def test_the_command_writes_every_format(bpy, run, picture, tmp_path: Path, ending: str) -> None:
    output = tmp_path / "out" / f"truck.{ending}"
    assert run([str(picture), "-o", str(output), "--resolution", "32", "--size", "3"]) == 0
    bpy.ops.wm.read_homefile(use_empty=True)
    read = {
        "glb": bpy.ops.import_scene.gltf,
        "obj": bpy.ops.wm.obj_import,
        "stl": bpy.ops.wm.stl_import,
        "ply": bpy.ops.wm.ply_import,
        "usdz": bpy.ops.wm.usd_import,
        "blend": bpy.ops.wm.open_mainfile,
    }
    assert read[ending](filepath=str(output)) == {"FINISHED"}
    [back] = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    assert len(back.data.polygons) > 500
    assert max(back.dimensions) == pytest.approx(3.0, rel=1e-3)
    assert bool(back.data.color_attributes) == (ending != "stl")


def test_the_command_goes_on_after_a_bad_picture(run, picture, tmp_path, capsys) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")
    arguments = [str(tmp_path / "bad.png"), str(picture), "-o", str(tmp_path / "out")]
    assert run([*arguments, "--resolution", "32", "--format", "ply"]) == 1
    output = capsys.readouterr()
    assert "[1/2] bad.png" in output.err and "1 of 2 pictures failed" in output.err
    line = r"\[2/2\] toy truck\.png: .*toy truck\.ply, match (0\.\d\d|1\.00)\n"
    assert re.search(line, output.out)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["toy truck.ply"]


def test_an_object_without_a_match_is_written_without_one(run, tmp_path, capsys) -> None:
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "red.png")
    arguments = ["--background", "none", "--resolution", "32", "--threshold", "1"]
    assert run([str(tmp_path / "red.png"), "-o", str(tmp_path / "red.ply"), *arguments]) == 0
    written = f"[1/1] red.png: {tmp_path / 'red.ply'}; it is cut off by the model's box\n"
    assert capsys.readouterr().out.endswith(written)


def test_the_command_says_what_is_wrong_with_its_arguments(run, picture, tmp_path, capsys):
    assert run(["--help"]) == 0
    assert "PICTURE" in capsys.readouterr().out
    assert run([]) == 2
    assert run([str(picture), str(picture), "-o", str(tmp_path / "one.glb")]) == 2
    assert run([str(picture), str(picture), "-o", str(tmp_path)]) == 2
    assert not list(tmp_path.glob("*.glb"))


@pytest.mark.parametrize(
    ("output", "more", "said"),
    [
        ("x.fbx", [], "there is no format 'fbx'"),
        ("x.glb", ["--format", "obj"], "does not end with .obj"),
        ("a file/x.glb", [], "Nothing can be written to .*a file"),
        ("x.glb", ["--background", "blue"], "invalid choice"),
        ("x.glb", ["--resolution", "5"], "Resolution is 5"),
        ("x.glb", ["--size", "0"], "Size is 0"),
    ],
)
def test_wrong_outputs_are_reported_before_any_work(
    run, picture, tmp_path: Path, capsys, output: str, more: list[str], said: str
) -> None:
    import re

    (tmp_path / "a file").write_text("")
    assert run([str(picture), "-o", str(tmp_path / output), *more]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not list(tmp_path.glob("**/x.*"))


@pytest.mark.parametrize("more", [[], ["--format", "obj"], ["--target", "iphone"]])
@pytest.mark.parametrize("output", ["a" * 300, "a" * 256 + "/"])
def test_names_that_are_too_long(run, picture, tmp_path, capsys, output: str, more) -> None:
    ending = "" if output.endswith("/") else ".usdz" if more[:1] == ["--target"] else ".obj"
    assert run([str(picture), "-o", f"{tmp_path}/{output}{ending}", *more]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and re.search("too long", said)
    assert run(["a" * 300 + ".png", "-o", f"{tmp_path}/x.glb"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Unexpected" not in said


def test_the_help_is_in_the_shells_own_words(run, capsys) -> None:
    assert run(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "vertex colors or textures" in said and "--texture SIZE" in said
    assert "none leaves it with vertex colors" in said and "one of none, 512, 1024, 2048" in said
    assert "0 to 100,000,000; default: 20,000" in said and "default: 25 " in said
    assert not re.search(r"\de[+-]?\d|\bNone\b|Measure selects", said)


def test_an_export_without_a_target_is_quiet(run, picture, tmp_path: Path, capfd) -> None:
    assert run([str(picture), "-o", f"{tmp_path}/x.glb", "--resolution", "32"]) == 0
    said = capfd.readouterr()
    assert "glTF" not in said.out + said.err


def test_patterns_settings_and_whole_files(bpy, run, picture, tmp_path: Path, capsys) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.png").write_bytes(picture.read_bytes())
    out = tmp_path / "out.v2"
    settings = ["--resolution", "32", "--size", "3", "--open", "--foreground-ratio", "0.7"]
    assert run([str(tmp_path / "*.png"), "-o", f"{out}/", "--format", "obj", *settings]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert [name for name in names if name.endswith(".obj")] == [
        "one.obj",
        "toy truck.obj",
        "two.obj",
    ]
    assert not [name for name in names if name.startswith(".")]
    bpy.ops.wm.obj_import(filepath=str(out / "one.obj"))
    assert max(bpy.context.selected_objects[0].dimensions) == pytest.approx(3.0, rel=1e-3)
    assert run([str(tmp_path / "*.webp"), "-o", f"{out}/"]) == 2
    assert "No file matches" in capsys.readouterr().err


def test_a_single_failure_is_reported_once(run, tmp_path: Path, capsys) -> None:
    assert run([str(tmp_path / "no.png"), "-o", str(tmp_path / "x.glb")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "target", "file"),
    [("out/a.glb", "web", "a.glb"), ("out/", "print", "toy truck.stl"), ("b", "print", None)],
)
def test_targets(run, picture, tmp_path: Path, output: str, target: str, file: str | None) -> None:
    (tmp_path / "b").write_text("")
    path = f"{tmp_path}/{output}"
    done = run([str(picture), "-o", path, "--target", target, "--resolution", "32"])
    assert done == (0 if file else 2)
    if file:
        assert (tmp_path / "out" / file).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.usdz", "--target", "web"], "a.usdz does not end with .glb. Choose such a"),
        (["a.glb", "--target", "web", "--format", "glb"], "Choose --format or --target"),
        (["a.glb", "--target", "moon"], "invalid choice"),
    ],
)
def test_targets_that_do_not_fit(run, picture, tmp_path: Path, capsys, arguments, said) -> None:
    output, *more = arguments
    assert run([str(picture), "-o", str(tmp_path / output), *more]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("a.*"))


def test_a_target_that_shows_no_vertex_colors(run, picture, tmp_path: Path, capsys) -> None:
    """The object gets a texture on the way, and the export's report is printed."""
    from pxr import Usd, UsdGeom

    path = tmp_path / "a.usdz"
    arguments = ["-o", str(path), "--target", "iphone", "--resolution", "32", "--faces", "700"]
    assert run([str(picture), *arguments]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert re.match(r"    a\.usdz: [67]\d\d triangles, 2,048² texture, .*, ready for AR", said)
    stage = Usd.Stage.Open(str(path))
    meshes = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    assert 600 < len(UsdGeom.Mesh(meshes[0]).GetFaceVertexCountsAttr().Get()) <= 700


@pytest.mark.parametrize("ending", ["glb", "obj"])
def test_a_texture_arrives_undarkened(bpy, run, picture, tmp_path: Path, ending: str) -> None:
    """Programs multiply vertex colors into a texture."""
    output = tmp_path / f"truck.{ending}"
    arguments = ["--texture", "1024", "--faces", "700", "--resolution", "32"]
    assert run([str(picture), "-o", str(output), *arguments]) == 0
    bpy.ops.wm.read_homefile(use_empty=True)
    if ending == "glb":
        [part] = gltf(output)["meshes"][0]["primitives"]
        assert "COLOR_0" not in part["attributes"]
        bpy.ops.import_scene.gltf(filepath=str(output))
    else:
        bpy.ops.wm.obj_import(filepath=str(output))
    [back] = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    assert not back.data.color_attributes
    tree = back.active_material.node_tree
    sides = {tuple(n.image.size) for n in tree.nodes if n.type == "TEX_IMAGE" and n.image}
    assert sides == {(1024, 1024)}


@pytest.mark.parametrize("more", [[], ["--target", "web"], ["--target", "print"]])
def test_faces_without_a_texture_are_an_error(run, picture, tmp_path, capsys, more) -> None:
    arguments = [str(picture), "-o", f"{tmp_path}/out/", "--faces", "700"]
    assert run([*arguments, *more]) == 2
    assert "--faces is for objects with a texture" in capsys.readouterr().err


def test_a_page_in_a_folder_of_the_artist_is_refused_at_once(run, picture, tmp_path, capsys):
    (tmp_path / "site" / picture.stem).mkdir(parents=True)
    mine = tmp_path / "site" / picture.stem / "index.html"
    mine.write_text("mine")
    assert run([str(picture), "-o", f"{tmp_path}/site/", "--target", "page"]) == 2
    assert "holds other files" in capsys.readouterr().err and mine.read_text() == "mine"


def test_a_usdz_with_texture_is_made_for_phones(bpy, addon, tmp_path: Path) -> None:
    """As --target does; one without keeps Blender's own settings."""
    from pxr import Usd, UsdGeom

    add_figure(bpy)
    path = tmp_path / "chair.usdz"
    addon("command").EXPORTERS["usdz"](str(path))
    assert UsdGeom.GetStageUpAxis(Usd.Stage.Open(str(path))) == "Y"


def test_the_line_of_a_picture_says_what_was_left_out(run, addon, tmp_path, capsys, caplog) -> None:
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "red.png")
    shape = ["--background", "none", "--resolution", "32", "--threshold", "1"]
    path = tmp_path / "red.glb"
    texture = ["--texture", "512", "--faces", "500"]
    assert run([str(tmp_path / "red.png"), "-o", str(path), *shape, *texture]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"[1/1] red.png: {path}; ")
    assert "; the photo was left out: The whole picture is the subject" in line
    assert not [record for record in caplog.records if record.name == addon("api").__name__]
