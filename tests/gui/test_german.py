"""The add-on in German, in a real window: what it draws, reports and keeps in English."""

import json
import time
from collections.abc import Iterator

import artist
import pytest
from window import Window

LANGUAGE = "bpy.context.preferences.view.language"
MISSING = "bpy.ops.triposr.generate(filepath='/session/files/none.png')"
NOT_THERE = [
    "none.png ist nicht vorhanden",
    "Ein anderes Bild wählen: Bei /session/files/none.png gibt es keines",
]

REPORT = f"""
try:
    {MISSING}
except RuntimeError as error:
    print(json.dumps(str(error)))
"""

# Stands in for the layout that a panel draws into, and records the texts.
RECORDER = """
class Recorder:
    def __init__(self):
        self.shown = []
    def __getattr__(self, name):
        def draw(*arguments, text="", translate=True, **options):
            if text and translate:
                text = bpy.app.translations.pgettext_iface(text)
            self.shown.append(text)
            return self
        return draw

def shown_by(draw):
    recorder = Recorder()
    window, area, sidebar = view3d()
    with bpy.context.temp_override(window=window, area=area, region=sidebar):
        draw(recorder)
    return [text for text in recorder.shown if text]
"""


@pytest.fixture
def german(window: Window) -> Iterator[Window]:
    """The window in German, for those texts that the add-on translates."""
    before = window.evaluate(LANGUAGE)
    window.run(f"{LANGUAGE} = 'de_DE'")
    window.run(RECORDER)
    yield window
    window.run(f"{LANGUAGE} = {before!r}")


def translated(window: Window, text: str, context: str = "*") -> str:
    return window.evaluate(f"bpy.app.translations.pgettext_iface({text!r}, {context!r})")


@pytest.mark.every_version
def test_buttons_and_tooltips(german: Window) -> None:
    assert translated(german, "Density Threshold") == "Dichteschwellwert"
    assert translated(german, "Generate 3D Mesh (TripoSR)", "Operator").startswith("3D-Mesh")
    assert translated(german, "Extract Again", "Operator") == "Neu extrahieren"
    purpose = german.evaluate(
        "addon.operators.models.TRIPOSR_OT_download_model.description("
        "bpy.context, type('Chosen', (), {'model': 'silueta'}))"
    )
    assert purpose.startswith("U²-Net mit einem Viertel der Größe")


@pytest.mark.every_version
def test_an_error_is_told_in_german(german: Window) -> None:
    printed = german.run(REPORT)  # by Blender itself, too
    message = json.loads(printed.splitlines()[-1])
    assert message == f"Fehler: {'. '.join(NOT_THERE)}.\n"
    german.run(MISSING.replace("generate(", "generate('INVOKE_DEFAULT', "))
    german.wait(artist.ERROR, 60, "the error")
    assert german.evaluate(artist.ERROR) == "none.png does not exist"  # kept for any language
    texts = german.evaluate("shown_by(addon.panels.queue._draw_outcome)")
    assert " ".join(NOT_THERE) in " ".join(texts)
    time.sleep(1)
    german.screenshot("german-error")


@pytest.mark.every_version
def test_a_picture_becomes_an_object_and_its_name_is_not_translated(german: Window) -> None:
    artist.set_picture(german)
    time.sleep(2)
    german.screenshot("german-panel")
    german.click_button(artist.GENERATE)
    artist.wait_for_object(german)
    assert german.evaluate(artist.NEW_OBJECTS) == ["vase"]
    assert german.evaluate("bpy.context.object.active_material.name") == "TripoSR Color"
    outcome = " ".join(german.evaluate("shown_by(addon.panels.queue._draw_outcome)"))
    assert outcome.startswith("vase: Entwurf mit ") and " Dreiecken in " in outcome
    draw = "lambda layout: addon.panels.object._draw_state(layout, bpy.context.object)"
    [state] = german.evaluate(f"shown_by({draw})")
    assert state.startswith("vase: ") and state.endswith(" Flächen")
    german.screenshot("german-object")
