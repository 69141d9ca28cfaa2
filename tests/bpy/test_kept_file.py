"""The picture's file that an object was made of is found again, wherever the .blend goes; another
picture of its name is not taken for it; and no export reveals its path.
"""

import shutil
from pathlib import Path

import pytest
from PIL import Image

GONE = "picture of .* no longer exists"


@pytest.fixture
def project(bpy, tmp_path: Path) -> Path:
    """A folder with a .blend and a picture, opened."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(_picture(tmp_path / "made.png", "red"), folder / "pic.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
    return folder


def _picture(path: Path, color: str) -> Path:
    image = Image.new("RGBA", (96, 96))
    image.paste(color, (24, 16, 72, 80))
    image.save(path)
    return path


def _generate(bpy, filepath: str = "//pic.png"):
    bpy.ops.triposr.generate(filepath=filepath, resolution=32)
    return bpy.context.object


def _regenerate(bpy, blender_object) -> None:
    bpy.context.view_layer.objects.active = blender_object
    assert bpy.ops.triposr.regenerate() == {"FINISHED"}


def _save_as(bpy, path: Path, **settings) -> None:
    path.parent.mkdir(exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), **settings)


@pytest.mark.parametrize("given", ["//pic.png", "absolute"])
@pytest.mark.parametrize("relative_remap", [True, False])
def test_saved_elsewhere(bpy, project: Path, given: str, relative_remap: bool) -> None:
    made = _generate(bpy, given if given.startswith("//") else str(project / "pic.png"))
    _save_as(bpy, project.parent / "other" / "scene.blend", relative_remap=relative_remap)
    if relative_remap:
        _regenerate(bpy, made)
    _picture(project.parent / "other" / "pic.png", "blue")
    before = made["triposr_scene_code"]
    if relative_remap:
        _regenerate(bpy, made)
    else:
        with pytest.raises(RuntimeError, match=GONE):
            bpy.ops.triposr.regenerate()
    assert made["triposr_scene_code"] == before


def test_appended_into_another_file(bpy, project: Path) -> None:
    made = _generate(bpy)
    name, code = made.name, made["triposr_scene_code"]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    other = project.parent / "other"
    other.mkdir()
    _picture(other / "pic.png", "blue")
    bpy.ops.wm.save_as_mainfile(filepath=str(other / "other.blend"))
    bpy.ops.wm.append(directory=f"{project / 'scene.blend'}/Object/", filename=name)
    made = bpy.data.objects[name]
    _regenerate(bpy, made)
    assert made["triposr_scene_code"] == code


def test_the_whole_folder_moves(bpy, project: Path) -> None:
    """With the paths that Blender makes relative or not: what lies beside the .blend is found."""
    made = _generate(bpy, str(project / "pic.png"))
    made.data.triposr.picture.filepath = str(project / "pic.png")
    name = made.name
    bpy.ops.wm.save_mainfile()
    moved = project.rename(project.parent / "moved")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "scene.blend"))
    made = bpy.data.objects[name]
    bpy.context.view_layer.objects.active = made
    _picture(moved / "pic.png", "blue")
    with pytest.raises(RuntimeError, match=GONE):
        bpy.ops.triposr.regenerate()
    _picture(moved / "pic.png", "red")
    _regenerate(bpy, made)


def test_a_picture_that_was_edited_in_its_place(bpy, project: Path, capfd) -> None:
    made = _generate(bpy)
    code = made["triposr_scene_code"]
    _picture(project / "pic.png", "blue")
    _regenerate(bpy, made)
    assert made["triposr_scene_code"] != code
    assert "picture has changed" in capfd.readouterr().out


@pytest.mark.parametrize("filepath", ["//pic.png", "absolute"])
def test_objects_of_older_files(bpy, addon, project: Path, filepath: str) -> None:
    made = _generate(bpy)
    name = made.name
    image = made.data.triposr.picture
    made.data.triposr.picture = None
    bpy.data.images.remove(image)
    given = filepath if filepath.startswith("//") else str(project / "pic.png")
    made.triposr.filepath = given
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(project / "scene.blend"))
    made = bpy.data.objects[name]
    assert not made.triposr.filepath
    _regenerate(bpy, made)
    bpy.ops.wm.save_mainfile()


def test_an_older_relative_path_is_not_trusted(bpy, project: Path) -> None:
    made = _generate(bpy)
    made.data.triposr.picture = None
    made.triposr.filepath = "//pic.png"
    bpy.ops.wm.save_mainfile()  # which moves it
    _picture(project / "pic.png", "blue")
    bpy.context.view_layer.objects.active = made
    with pytest.raises(RuntimeError, match=GONE):
        bpy.ops.triposr.regenerate()


@pytest.mark.parametrize("kept", ["//pics\\pic.png", "C:\\art\\pic.png"])
def test_paths_that_were_written_on_windows(bpy, project: Path, kept: str) -> None:
    """Relative ones lead on; of others the picture beside the .blend is found."""
    (project / "pics").mkdir()
    shutil.copy(project / "pic.png", project / "pics" / "pic.png")
    made = _generate(bpy)
    if kept.startswith("//"):
        (project / "pic.png").unlink()
    made.data.triposr.picture.filepath, made.data.triposr.place = kept, ""
    code = made["triposr_scene_code"]
    _regenerate(bpy, made)
    assert made["triposr_scene_code"] == code


def test_a_picture_that_was_packed_with_its_object(bpy, project: Path) -> None:
    made = _generate(bpy)
    code = made["triposr_scene_code"]
    bpy.ops.file.pack_all()
    (project / "pic.png").unlink()
    _regenerate(bpy, made)
    _regenerate(bpy, made)
    assert made["triposr_scene_code"] == code


def test_a_file_that_goes_while_it_is_on_its_way(bpy, addon, project: Path, monkeypatch) -> None:
    module = addon("tasks.generate")
    put = module.add_object

    def put_late(*args, **settings):
        (project / "pic.png").unlink()
        return put(*args, **settings)

    monkeypatch.setattr(module, "add_object", put_late)
    made = _generate(bpy)
    assert len(made.data.vertices)
    with pytest.raises(RuntimeError, match=GONE):
        bpy.ops.triposr.regenerate()


def test_a_picture_that_was_packed_or_painted_is_another(bpy, project: Path) -> None:
    """The data-block of the file may be the artist's; what is made is made of the file."""
    mine = bpy.data.images.load(str(project / "pic.png"))
    mine.pack()
    made = _generate(bpy)
    assert made.data.triposr.picture != mine
    _regenerate(bpy, made)


def test_no_export_tells_where_the_picture_lies(bpy, project: Path) -> None:
    _generate(bpy)
    exporters = {
        "out.glb": lambda path: bpy.ops.export_scene.gltf(filepath=path, export_extras=True),
        "out.gltf": lambda path: bpy.ops.export_scene.gltf(
            filepath=path, export_extras=True, export_format="GLTF_SEPARATE"
        ),
        "out.fbx": lambda path: bpy.ops.export_scene.fbx(filepath=path, use_custom_props=True),
        "out.usda": lambda path: bpy.ops.wm.usd_export(filepath=path),
        "out.abc": lambda path: bpy.ops.wm.alembic_export(filepath=path),
        "out.obj": lambda path: bpy.ops.wm.obj_export(filepath=path),
    }
    folder = project.parent / "exports"
    folder.mkdir()
    for name, export in exporters.items():
        export(str(folder / name))
    assert len(list(folder.iterdir())) > 6
    for file in folder.iterdir():
        # Some exporters write the path of the .blend, which lies in the same folder.
        content = file.read_bytes().replace(str(project / "scene.blend").encode(), b"")
        assert str(project).encode() not in content, file.name
