"""From the zip in a clean Blender to the first object, and out again."""

import zipfile
from pathlib import Path

from clean_blender import FirstUse


def test_install_generate_disable_uninstall(
    first_use: FirstUse, picture: Path, matting_folder: Path, tmp_path: Path
) -> None:
    """As an artist does: drag the zip in, use it at once, use it after a restart, remove it."""
    first = first_use.answer
    assert first["object"] == "mug" and first["vertices"] > 100 and first["colors"] == "Color"
    assert Path(first["torch"]).is_relative_to(first_use.blender.profile / "extensions/.local")

    blender = first_use.blender.copied_to(tmp_path / "profile")
    second = blender.run(
        "preferences = enable()\n"
        f"preferences.model_folder = {str(matting_folder)!r}\n"
        f"generate({str(picture)!r}, background='model', matting_model='u2net')\n"
        "addon_utils.disable(MODULE)\n"
        "answer['left'] = [n for n in dir(bpy.types) if n.startswith('TRIPOSR')]\n"
        "answer['property'] = hasattr(bpy.types.Scene, 'triposr')\n"
    )
    assert second["vertices"] > 100
    assert second["left"] == [] and second["property"] is False

    last = blender.run(
        "enable()\n"
        "uninstall('triposr')\n"
        "answer['enabled'] = MODULE in bpy.context.preferences.addons\n"
    )
    assert last["enabled"] is False
    assert blender.left_behind() == []
    assert (matting_folder / "u2net.onnx").is_file(), "the artist's models"


def test_the_zip_brings_the_license_of_all_that_it_brings(archive: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        names = content.namelist()
        table = content.read("licenses/README.md").decode()
    wheels = [name for name in names if name.endswith(".whl")]
    assert len(wheels) == len(set(wheels)) == 22
    for wheel in wheels:
        package = Path(wheel).name.partition("-")[0].lower()
        texts = [n for n in names if n.lower().replace("-", "_").startswith(f"licenses/{package}/")]
        assert texts, package
        assert f"| {package} " in table.lower().replace("-", "_")
    assert "LICENSE" in names
    assert not [n for n in names if n.startswith(("tests/", "tools/", "docs/", "requirements/"))]
