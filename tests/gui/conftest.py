"""A window of the newest Blender with the built extension, and where it counts of the oldest.

A test marked `every_version` runs in both, as it meets what Blender versions do in their own ways;
with `--every-version`, every test does.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import artist
import pytest
from roots import NEWEST, SUITES, blender_root, unavailable
from window import Window

SCREENSHOTS = Path(__file__).resolve().parents[2] / "out" / "gui"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-version", action="store_true", help="run every window test in every Blender"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "blender" in metafunc.fixturenames:
        in_every = metafunc.config.getoption("every_version") or any(
            metafunc.definition.iter_markers("every_version")
        )
        versions = list(SUITES) if in_every else [NEWEST]
        metafunc.parametrize("blender", versions, indirect=True, scope="session")


@pytest.fixture(scope="session")
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
