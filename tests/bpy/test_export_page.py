"""The AR page: in a browser, without other servers, with and without WebGL."""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from chromium import NO_WEBGL, WEBGL, open_page
from gltf_validator import validate
from PIL import Image
from textured import add_figure

ROOT = Path(__file__).resolve().parents[2]
NAME = 'A "<b>" & chair'

VIEWER = "18b2e711035aa4705ee281530a55dc2338ff05eed3d70ae16d54105282a75ed5"
"""SHA-256 of dist/model-viewer.min.js in the npm package @google/model-viewer 4.4.0."""


@pytest.fixture(scope="module")
def page(blender, tmp_path_factory) -> Path:
    blender.ops.wm.read_homefile(use_empty=True)
    figure = add_figure(blender, NAME)
    api = sys.modules["bl_ext.user_default.triposr.api"]
    report = api.export(figure, tmp_path_factory.mktemp("page") / "chair", "page")
    assert report.files[0].name == "index.html"
    assert {path.parent for path in report.files} == {report.files[0].parent}
    assert report.bytes == sum(path.stat().st_size for path in report.files)
    return report.files[0].parent


def test_the_viewer_is_the_published_one(extension: Path) -> None:
    content = (ROOT / "web" / "model-viewer.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == VIEWER
    with zipfile.ZipFile(extension) as archive:
        assert archive.read("web/model-viewer.min.js") == content
        assert b"Apache License" in archive.read("web/model-viewer-LICENSE.txt")


def test_files(page: Path) -> None:
    from pxr import UsdUtils

    names = {path.name for path in page.iterdir()}
    assert names == {
        *("index.html", "page.js", "poster.png", "model.glb", "model.usdz"),
        *("model-viewer.min.js", "model-viewer-LICENSE.txt"),
    }
    assert validate(page / "model.glb")["issues"]["messages"] == []
    checker = UsdUtils.ComplianceChecker(arkit=True)
    checker.CheckCompliance(str(page / "model.usdz"))
    assert not checker.GetFailedChecks()
    html = (page / "index.html").read_text(encoding="utf-8")
    assert "<title>A &quot;&lt;b&gt;&quot; &amp; chair</title>" in html
    assert "<b>" not in html
    assert not re.search(r"https?://", html)
    assert 'ios-src="model.usdz"' in html and "webxr scene-viewer quick-look" in html
    assert page.stat().st_mode & 0o005 == 0o005  # a server may read it


def colors(picture: Path) -> set[str]:
    """The pure colors that a picture shows; the figure's front is green, and nothing else is."""
    rgb = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(rgb, -1, 0)
    shown = {"red": red - np.maximum(green, blue), "green": green - np.maximum(red, blue)}
    return {name for name, amount in shown.items() if (amount > 60).sum() > 200}


def test_the_poster_shows_the_object(page: Path) -> None:
    poster = Image.open(page / "poster.png")
    assert poster.mode == "RGBA" and poster.getpixel((0, 0))[3] == 0
    assert 0.1 < (np.asarray(poster)[..., 3] > 250).mean() < 0.6
    assert colors(page / "poster.png") == {"green"}


@pytest.mark.parametrize("options", [WEBGL, NO_WEBGL], ids=["webgl", "no webgl"])
def test_in_a_browser(page: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    asked, picture, said = open_page(page, tmp_path / "browser", *options)
    hosts = {re.match(r"\w+://([^:/]*)", address)[1] for address in asked}
    assert hosts == {"127.0.0.1"}
    files = {address.rpartition("/")[2] for address in asked}
    assert ("model.glb" in files) == (options == WEBGL)
    assert "poster.png" in files
    assert colors(picture) == {"green"}, said
    assert "Content Security Policy" not in said


def test_a_server_that_is_not_ours_is_refused(page: Path, tmp_path: Path) -> None:
    """The page's policy works, so that no later viewer can fetch a decoder unnoticed."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in page.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "page.js").write_text("fetch('http://localhost:9/decoder.wasm');")
    _, _, said = open_page(copy, tmp_path / "browser", *NO_WEBGL)
    assert "Content Security Policy" in said


def test_without_javascript_the_picture_and_the_links_remain(page: Path) -> None:
    html = (page / "index.html").read_text(encoding="utf-8")
    viewer = re.search(r"<model-viewer.*?</model-viewer>", html, re.S)
    assert '<img slot="poster" src="poster.png"' in viewer[0]
    outside = html.replace(viewer[0], "")
    assert outside.count("download=") == 2
