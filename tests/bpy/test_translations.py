"""What Blender itself will translate of the add-on: all that its classes and properties say.

The PyPI bpy is built without languages; tests/gui/test_german.py looks at them in a window.
"""

import inspect
import sys
from collections.abc import Iterator

import background
import pytest
from messages import messages


def texts_of(bpy, cls: type) -> Iterator[str]:
    """Label and description of a class, its own properties and their items."""
    rna = cls.bl_rna
    if issubclass(cls, bpy.types.Operator):
        rna = getattr(bpy.ops.triposr, cls.__name__.removeprefix("TRIPOSR_OT_")).get_rna_type()
        yield rna.description
    yield getattr(cls, "bl_label", "")
    ours = [base for base in cls.__mro__ if base.__module__.startswith(background.MODULE)]
    names = {name for base in ours for name in inspect.get_annotations(base)}
    for prop in rna.properties:
        if prop.identifier in names and not prop.is_hidden and prop.name != prop.identifier:
            yield from (prop.name, prop.description)
            for item in getattr(prop, "enum_items", ()):
                yield from (item.name, item.description)


@pytest.fixture
def said(bpy, addon) -> set[str]:
    classes = sys.modules[background.MODULE]._classes()
    names = {model.label for model in addon("inference.model.catalog").MODELS}
    names.add("Presets")  # what Blender calls our panel of presets once one was removed
    return {text for cls in classes for text in texts_of(bpy, cls)} - names - {""}


def test_everything_that_rna_says_has_a_translation(said) -> None:
    assert len(said) > 200
    assert said - messages() == set()
