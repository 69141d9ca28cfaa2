"""A Blender window with the built extension, for the oldest and the newest Blender in turn."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import artist
import pytest
from build import build
from roots import SUITES, blender_root, unavailable
from window import Window

SCREENSHOTS = Path(__file__).resolve().parents[2] / "out" / "gui"


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip under test: the one named by TRIPOSR_ZIP, else one built from this checkout."""
    given = os.environ.get("TRIPOSR_ZIP")
    return Path(given) if given else build(tmp_path_factory.mktemp("extension"))


@pytest.fixture(scope="session", params=SUITES)
def blender(request: pytest.FixtureRequest, extension: Path) -> Iterator[Window]:
    """One window per Blender, shared by all tests: starting it takes seconds."""
    if reason := unavailable():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    screenshots = SCREENSHOTS / request.param
    shutil.rmtree(screenshots, ignore_errors=True)
    with (
        blender_root(SUITES[request.param]) as root,
        Window(root, screenshots) as window,
    ):
        window.install(extension)
        window.start()
        artist.render_picture(window)
        yield window


@pytest.fixture
def window(blender: Window) -> Window:
    """The window with a new file, the add-on enabled and its tab open."""
    if not blender.running:
        blender.start()
    blender.reset()
    artist.enable(blender)
    return blender
