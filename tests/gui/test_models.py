"""Models as an artist gets them: clicks in a real window, and a server that stands for the hub."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import artist
import pytest
from file_server import Fault, FileServer, serving
from window import END, Window

TINY = Path(__file__).parents[1] / "data" / "tiny"
FILES = ("config.yaml", "model.ckpt", "vit/config.json")
DOWNLOAD = "bpy.ops.triposr.download_model"
CANCEL_DOWNLOAD = "bpy.ops.triposr.cancel_download"
UPKEEP = "addon.tasks.session.upkeep"
MODELS = "/session/files/models"

PUBLISH_TINY = """
import {module}.inference.model.catalog as catalog, {module}.inference.files.download as download
files = tuple(download.ModelFile(catalog.HUB + "/" + name, size, sha256, name)
              for name, size, sha256 in {files})
tiny = catalog.PublishedModel("triposr", "TripoSR", "For tests", "MIT", files)
catalog.MODELS = (tiny, *catalog.MATTING_MODELS)
preferences = bpy.context.preferences.addons["{module}"].preferences
preferences.model_folder, preferences.hub_mirror = {folder!r}, {url!r}
bpy.context.preferences.system.use_online_access = True
addon.tasks.session.upkeep.dismiss()
view3d()[2].tag_redraw()
"""
SLOW_DISK = """
import time
hash_of = download.sha256
download.CHUNK = 1 << 16
download.sha256 = lambda path, tick: hash_of(path, lambda *now: (time.sleep(0.3), tick(*now)))
"""


@pytest.fixture
def hub() -> Iterator[FileServer]:
    with serving({f"/{name}": (TINY / name).read_bytes() for name in FILES}) as server:
        yield server


def set_up(window: Window, hub: FileServer) -> None:
    """Let the window's Blender take the tiny model on the server for TripoSR's."""
    files = [
        (name, len(content), hashlib.sha256(content).hexdigest())
        for name in FILES
        for content in [hub.files[f"/{name}"]]
    ]
    window.run(
        PUBLISH_TINY.format(
            module=artist.MODULE, files=json.dumps(files), folder=MODELS, url=hub.url
        )
    )


def show(window: Window, name: str) -> None:
    """What the sidebar shows, once it has been drawn."""
    time.sleep(0.6)
    window.screenshot(name, window.sidebar)


def wait_for_upkeep(window: Window) -> None:
    window.wait(f"not {UPKEEP}.is_running()", 120, "the end of the download")


def test_download_kill_resume_and_generate(window: Window, hub: FileServer) -> None:
    set_up(window, hub)
    show(window, "model-missing")
    window.run("bpy.context.preferences.system.use_online_access = False")
    show(window, "model-offline")
    window.click_button(DOWNLOAD)
    assert not window.evaluate(f"{UPKEEP}.is_running()")
    assert hub.requests == []
    window.run("bpy.context.preferences.system.use_online_access = True")

    hub.bytes_per_second = 100_000
    window.click_button(DOWNLOAD)
    window.wait(f"{UPKEEP}.state.fraction > 0.3", 60, "a third of the download")
    show(window, "model-downloading")
    part = window.session.folder / "files" / "models" / "model.ckpt.part"
    window.kill()
    kept = part.stat().st_size
    assert 0 < kept < len(hub.files["/model.ckpt"])

    window.start()
    artist.enable(window)
    set_up(window, hub)
    window.run(SLOW_DISK)
    hub.bytes_per_second = 0
    window.click_button(DOWNLOAD)
    window.wait(f"{UPKEEP}.state.label == 'Verifying'", 60, "the verification")
    show(window, "model-verifying")
    wait_for_upkeep(window)
    assert window.evaluate(f"{UPKEEP}.state.error") == ""
    assert f"bytes={kept}-" in hub.requests
    show(window, "model-ready")
    inventory = "addon.tasks.inventory"
    found = f"{inventory}.find({inventory}.places_of(bpy.context))"
    assert not window.evaluate(f"{found}.uses_starter")
    artist.generate(window)


def test_errors_say_what_to_do(window: Window, hub: FileServer) -> None:
    set_up(window, hub)
    window.run("bpy.ops.triposr.remove_model(model='triposr')")
    hub.faults = [Fault(body=b"<!doctype html><p>Please log in to this Wi-Fi")]
    window.click_button(DOWNLOAD)
    wait_for_upkeep(window)
    assert "web page" in window.evaluate(f"{UPKEEP}.state.error")
    window.key("Escape")  # the popup at the mouse
    show(window, "model-error")
    window.click_button(DOWNLOAD)
    wait_for_upkeep(window)
    assert window.evaluate(f"{UPKEEP}.state.error") == ""
    window.run("bpy.ops.triposr.remove_model(model='triposr')")


def test_cancel_a_download(window: Window, hub: FileServer) -> None:
    set_up(window, hub)
    hub.bytes_per_second = 100_000
    window.click_button(DOWNLOAD)
    window.wait(f"{UPKEEP}.state.fraction > 0.1", 60, "some of the download")
    window.click_button(CANCEL_DOWNLOAD, END)
    wait_for_upkeep(window)
    assert window.evaluate(f"{UPKEEP}.state.canceled")
    window.run("bpy.ops.triposr.remove_model(model='triposr')")


def test_the_preferences_show_all_models(window: Window, hub: FileServer) -> None:
    set_up(window, hub)
    window.run(f"bpy.ops.preferences.addon_show(module={artist.MODULE!r})")
    time.sleep(2)
    window.screenshot("preferences")
    window.run(
        "for w in list(bpy.context.window_manager.windows)[1:]:\n"
        "    with bpy.context.temp_override(window=w): bpy.ops.wm.window_close()"
    )
