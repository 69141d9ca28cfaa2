"""Whatever is wrong with a picture, every operator says so in a sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

OTHERS = {"add_preset", "download_model"}
"""Blender's own work, and what needs a network."""


def missing(path: Path) -> None:
    path.unlink()


def damaged(path: Path) -> None:
    path.write_bytes(b"no picture")


def operators(addon) -> Iterator[str]:
    """The names of all operators of the add-on."""
    for cls in addon("operators").classes:
        if cls.__name__.startswith("TRIPOSR_OT_"):
            yield cls.__name__.removeprefix("TRIPOSR_OT_")


@pytest.mark.parametrize("spoil", [missing, damaged])
def test_no_operator_fails_with_a_traceback(
    bpy, addon, truck, picture: Path, tmp_path: Path, caplog, spoil
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(picture.read_bytes())
    image = bpy.data.images.load(str(bad))
    spoil(bad)
    empty = bpy.data.objects.new("empty", None)
    empty.empty_display_type, empty.data = "IMAGE", image
    bpy.context.collection.objects.link(empty)
    truck.data.triposr.picture = image
    said = {}
    for name in set(operators(addon)) - OTHERS:
        operator = getattr(bpy.ops.triposr, name)
        known = operator.get_rna_type().properties.keys()
        given = {"filepath": str(bad)} if "filepath" in known and name != "generate" else {}
        bpy.context.scene.triposr.image = image
        bpy.context.view_layer.objects.active = empty if name.endswith("empty") else truck
        if not operator.poll():
            continue
        try:
            operator(**given)
        except RuntimeError as error:
            said[name] = str(error)
    assert {"generate", "variants", "edit_matte", "open_picture", "regenerate"} <= set(said)
    assert not [text for text in said.values() if "Traceback" in text or "Unexpected" in text]
    assert "Traceback" not in caplog.text
