"""Functions for scripts: what they take, what they give, and what they raise."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def api(addon):
    return addon("api")


def test_they_need_neither_operators_nor_an_active_object(bpy, api, picture, monkeypatch) -> None:
    monkeypatch.setattr(bpy.ops, "triposr", None)
    truck = api.image_to_object(picture, resolution=32, location=(1, 2, 3), rotation=0.5)
    assert tuple(truck.location) == (1, 2, 3) and truck.rotation_euler.z == 0.5
    bpy.context.view_layer.objects.active = None
    count = len(truck.data.polygons)
    assert api.refine(truck, resolution=48) is truck and len(truck.data.polygons) > count
    for change in (api.recolor, api.clean_up, api.remesh, api.mirror, api.regenerate):
        assert change(truck) is truck


def test_values_come_as_numbers_of_any_kind(api, picture: Path) -> None:
    truck = api.image_to_object(picture, resolution=np.int64(32), size=np.float32(2))
    assert truck.triposr.resolution == 32
    assert max(truck.dimensions) == pytest.approx(2, rel=1e-3)
    api.refine(truck, resolution=48.0, threshold=np.float64(30))
    assert (truck.triposr.resolution, truck.triposr.threshold) == (48, 30)
    api.clean_up(truck, smooth=2.0, faces=500.0)
    assert len(truck.data.polygons) <= 500


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"resolution": 5}, "Resolution is 5. Choose a value from 16 to 1,024."),
        ({"origin": "top"}, "Origin is 'top'. Choose one of base, center, volume."),
        ({"location": (1, 2)}, "The location has 2 numbers. Give three: x, y and z."),
        ({"rotation": float("nan")}, "Give finite numbers."),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_before_any_work(bpy, api, picture, settings: dict, said) -> None:
    with pytest.raises(api.TripoSRError) as caught:
        api.image_to_object(picture, **settings)
    assert str(caught.value).endswith(said) and isinstance(caught.value, RuntimeError)
    assert not bpy.data.objects


def test_a_setting_that_does_not_exist(api, picture: Path) -> None:
    with pytest.raises(TypeError, match="no setting 'resolutoin'"):
        api.image_to_object(picture, resolutoin=64)


def test_the_scenes_own_settings_are_checked_too(bpy, api, picture: Path) -> None:
    bpy.context.scene.triposr.size = float("nan")
    with pytest.raises(RuntimeError, match="Size is nan"):
        api.image_to_object(picture)


def test_nothing_is_copied_while_blender_renders(bpy, addon, api, picture, monkeypatch) -> None:
    sources = addon("tasks.sources")
    asked: list[str] = []

    class App:
        def is_job_running(self, kind: str) -> bool:
            asked.append(kind)
            return True

        def __getattr__(self, name: str) -> object:
            return getattr(bpy.app, name)

    class Blender:
        app = App()

        def __getattr__(self, name: str) -> object:
            return getattr(bpy, name)

    monkeypatch.setattr(sources, "bpy", Blender())
    with pytest.raises(RuntimeError, match="Wait until the render is done"):
        api.image_to_object(picture)
    assert asked == ["RENDER"]


def test_a_value_past_its_limits_does_not_keep_the_panel_from_being_drawn(bpy, addon, truck):
    truck.triposr["resolution"] = 5000
    assert addon("scene.source").surface_of(truck).resolution == 1024
    assert bpy.context.window_manager.triposr.resolution == 1024


@pytest.mark.parametrize("call", ["texture", "recolor"])
def test_a_photo_that_is_left_out_is_said(api, truck, picture, caplog, call: str) -> None:
    picture.unlink()
    settings = {"photo": True, **({"faces": 500, "size": 512} if call == "texture" else {})}
    assert getattr(api, call)(truck, **settings) is truck
    said = "the photo was left out: The picture of toy truck no longer exists"
    assert truck.triposr.remark == said
    warned = [record.message for record in caplog.records if record.name == api.__name__]
    assert warned == [f"toy truck: {said}"]
    getattr(api, call)(truck, **settings | {"photo": False})
    assert truck.triposr.remark == ""


def test_a_new_object_says_what_its_texture_lacks(bpy, api, tmp_path: Path, caplog) -> None:
    Image.new("RGB", (64, 64), (200, 40, 40)).save(tmp_path / "red.png")
    settings = {"background": "none", "resolution": 32, "threshold": 1, "texture": 512}
    red = api.image_to_object(tmp_path / "red.png", **settings, texture_faces=500)
    assert "the photo was left out: The whole picture is the subject" in red.triposr.remark
    assert f"red: {red.triposr.remark.split('; ')[-1]}" in caplog.messages


def test_to_mirror_a_photo_that_is_not_asked_for(api, truck, caplog) -> None:
    api.recolor(truck, mirror_to_back=True)
    assert truck.triposr.remark == "Mirror to Back needs Photo on the Front"
    assert truck.triposr.remark in caplog.text
    api.clean_up(truck)
    assert truck.triposr.remark == ""


def test_the_console_shows_what_scripts_are_warned_of(addon, api, monkeypatch) -> None:
    console = io.StringIO()
    monkeypatch.setattr(addon("tasks.session")._console, "stream", console)
    api.log.warning("said")
    addon("tasks.generate").log.warning("not said")
    assert console.getvalue() == "said\n"


CALLS = ("refine", "recolor", "regenerate", "clean_up", "remesh", "mirror", "texture")


@pytest.mark.parametrize("name", [*CALLS, "camera_from_picture", "export"])
def test_what_is_no_object(bpy, api, tmp_path: Path, name: str) -> None:
    more = (tmp_path / "a.glb",) if name == "export" else ()
    for wrong, kind in ((None, "NoneType"), ("vase", "str")):
        with pytest.raises(TypeError, match=f"^blender_object must be .*Object, not {kind}$"):
            getattr(api, name)(wrong, *more)
    removed = bpy.data.objects.new("removed", bpy.data.meshes.new("removed"))
    bpy.data.objects.remove(removed)
    with pytest.raises(api.TripoSRError, match=r"removed from Blender\. Get it again"):
        getattr(api, name)(removed, *more)


def test_an_image_that_was_removed(bpy, api) -> None:
    image = bpy.data.images.new("removed", 8, 8)
    bpy.data.images.remove(image)
    with pytest.raises(api.TripoSRError, match="removed from Blender"):
        api.image_to_object(image)


@pytest.mark.parametrize("path", [None, 5, b"a.glb"])
def test_what_is_no_path(bpy, api, path: object) -> None:
    thing = bpy.data.objects.new("thing", bpy.data.meshes.new("thing"))
    with pytest.raises(TypeError, match=r"^path must be a str or a pathlib\.Path, not "):
        api.export(thing, path)
