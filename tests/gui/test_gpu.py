"""Use My GPU as an artist meets it: a card that a compiled driver claims, and a small build."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import artist
import fake_driver
import pytest
import small_builds
from file_server import Fault, FileServer, serving
from window import Window

USE = "bpy.ops.triposr.use_gpu"
UPKEEP = "addon.tasks.session.upkeep"
MODELS = "/session/files/gpu-models"

SET_UP = """
import json, sys
from {module} import preferences
from {module}.inference.files import unpacking
from {module}.inference.machine import driver, gpu_builds
driver.LIBRARIES[sys.platform] = {library!r}
told = json.loads({catalog!r})
told["builds"][0]["python"] = f"cp{{sys.version_info.major}}{{sys.version_info.minor}}"
gpu_builds._catalog = lambda: told
chosen = bpy.context.preferences.addons["{module}"].preferences
chosen.model_folder, chosen.pytorch_mirror = {models!r}, {url!r}
bpy.context.preferences.system.use_online_access = True
addon.tasks.gpu.forget()
{upkeep}.dismiss()
view3d()[2].tag_redraw()
"""
SLOW_DISK = """
import time
extract = unpacking._extract
def slowly(*given):
    for size in extract(*given):
        time.sleep(0.5)
        yield size
unpacking._extract = slowly
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    changes = {
        "torch/__init__.py": small_builds.DRIVING,
        f"torch/_C{small_builds.SUFFIX}": None,
        "torch/_C.so": "",  # for any Python: the window's is another one
        "torch/lib/libtorch_cpu.so": os.urandom(4_000_000),  # which cannot be compressed
    }
    with serving(small_builds.small_build(changes)) as server:
        yield server


def set_up(window: Window, server: FileServer, tmp_path: Path) -> None:
    """Put the card into the window's machine, and let its Blender take the small build."""
    library = window.session.put(fake_driver.build(tmp_path, [fake_driver.RTX_3060]))
    catalog = small_builds.catalog(server.files, unpacked=10_000_000)
    window.run(
        SET_UP.format(
            module=artist.MODULE,
            library=library,
            catalog=json.dumps(catalog),
            models=MODELS,
            url=server.url,
            upkeep=UPKEEP,
        )
    )
    window.wait("addon.tasks.gpu.notice(bpy.context) is not None", 30, "the notice")


def show(window: Window, name: str) -> None:
    """What the sidebar shows, once it has been drawn."""
    time.sleep(0.6)
    window.screenshot(name, window.sidebar)


def confirm(window: Window, name: str) -> None:
    """Click the button, look at the dialog, and agree."""
    window.click_button(USE)
    time.sleep(1)
    window.screenshot(name)
    assert not window.evaluate(f"{UPKEEP}.is_running()"), "nothing happens before"
    window.key("Return")
    window.wait(f"{UPKEEP}.is_running() or {UPKEEP}.state.error", 30, "the task")


def wait_for_stage(window: Window, label: str) -> None:
    window.wait(f"{UPKEEP}.state.label.startswith({label!r})", 60, label)


def test_from_the_notice_to_ready_killed_once(
    window: Window, server: FileServer, tmp_path: Path
) -> None:
    window.kill()  # other tests have loaded torch
    window.start()
    artist.enable(window)
    set_up(window, server, tmp_path)
    show(window, "gpu-not-used")
    home = window.session.folder / "files" / "gpu-models" / "torch"

    server.bytes_per_second = 400_000
    confirm(window, "gpu-dialog")
    window.wait(f"{UPKEEP}.state.fraction > 0.1", 60, "some of the download")
    show(window, "gpu-downloading")
    window.kill()
    [part] = home.rglob("*.part")
    kept = part.stat().st_size
    assert kept > 0

    window.start()
    artist.enable(window)
    set_up(window, server, tmp_path)
    window.run(SLOW_DISK)
    server.bytes_per_second = 0
    confirm(window, "gpu-dialog-again")
    wait_for_stage(window, "Unpacking")
    show(window, "gpu-unpacking")
    wait_for_stage(window, "Trying it")
    show(window, "gpu-trying")
    window.wait(f"not {UPKEEP}.is_running()", 120, "the end")
    assert window.evaluate(f"{UPKEEP}.state.error") == ""
    assert f"bytes={kept}-" in server.requests, "what had arrived was kept"
    message = window.evaluate(f"{UPKEEP}.state.message")
    assert message == "The next picture uses NVIDIA GeForce RTX 3060"
    show(window, "gpu-ready")
    assert len(list(home.iterdir())) == 1
    window.wait("addon.tasks.gpu.notice(bpy.context) is None", 30, "the end of the notice")

    window.run("bpy.ops.triposr.remove_gpu_build()")
    assert list(home.iterdir()) == []
    window.wait("addon.tasks.gpu.notice(bpy.context) is not None", 30, "the notice again")


def test_an_error_says_what_to_do(window: Window, server: FileServer, tmp_path: Path) -> None:
    set_up(window, server, tmp_path)
    server.faults = [Fault(body=b"<!doctype html><p>Please log in to this Wi-Fi")]
    confirm(window, "gpu-dialog-restart")
    window.wait(f"not {UPKEEP}.is_running()", 60, "the end")
    assert "web page" in window.evaluate(f"{UPKEEP}.state.error")
    window.key("Escape")  # the popup at the mouse
    show(window, "gpu-error")
    window.run(f"{UPKEEP}.dismiss()\nbpy.ops.triposr.remove_gpu_build()")


def test_escape_downloads_nothing(window: Window, server: FileServer, tmp_path: Path) -> None:
    set_up(window, server, tmp_path)
    window.click_button(USE)
    time.sleep(1)
    window.key("Escape")
    time.sleep(1)
    assert not window.evaluate(f"{UPKEEP}.is_running()")
    assert server.requests == []
