"""Models by the add-on's buttons, from a server on this machine that stands for the hub."""

import hashlib
import importlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import Fault, FileServer, serving

TINY = Path(__file__).parents[1] / "data" / "tiny"
FILES = ("config.yaml", "model.ckpt", "vit/config.json")


def uses_starter(bpy, addon) -> bool:
    folder = addon("preferences").model_folder(bpy.context)
    weights = addon("inference.model.weights")
    return weights.find_model(folder) == weights.STARTER_FOLDER


@pytest.fixture
def hub(bpy, addon, tmp_path: Path, monkeypatch) -> Iterator[FileServer]:
    """A server that is set as the mirror of the hub, and offers the tiny model as TripoSR's."""
    content = {f"/{name}": (TINY / name).read_bytes() for name in FILES}
    catalog = addon("inference.model.catalog")
    files = tuple(
        catalog.ModelFile(
            f"{catalog.HUB}/{name}",
            len(content[f"/{name}"]),
            hashlib.sha256(content[f"/{name}"]).hexdigest(),
            name,
        )
        for name in FILES
    )
    tiny = catalog.PublishedModel("triposr", "TripoSR", "For tests", "MIT", files)
    monkeypatch.setattr(catalog, "MODELS", (tiny, *catalog.MATTING_MODELS))
    with serving(content) as server:
        preferences = addon("preferences").preferences(bpy.context)
        preferences.model_folder = str(tmp_path / "models")
        preferences.hub_mirror = server.url
        bpy.context.preferences.system.use_online_access = True
        yield server
        bpy.context.preferences.system.use_online_access = False
    upkeep = addon("tasks.session").upkeep
    upkeep.join(60)
    upkeep.dismiss()


def wait(addon, seconds: float = 60) -> None:
    session = addon("tasks.session")
    deadline = time.monotonic() + seconds
    while session.upkeep.is_running():
        assert time.monotonic() < deadline, session.upkeep.state
        session._pump()
        time.sleep(0.01)


def click_download(bpy, addon) -> None:
    models = addon("operators.models")
    model = models.published_model("triposr")
    addon("tasks.session").upkeep.submit(models.download(bpy.context, model))


def test_download_then_generate_then_remove(bpy, addon, hub, picture: Path, tmp_path) -> None:
    assert uses_starter(bpy, addon)
    assert bpy.ops.triposr.download_model(model="triposr") == {"FINISHED"}
    assert not uses_starter(bpy, addon)
    assert (tmp_path / "models" / "model.safetensors").is_file()
    assert not (tmp_path / "models" / "model.ckpt").exists()
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert bpy.context.object.name == "toy truck"
    assert bpy.ops.triposr.remove_model(model="triposr") == {"FINISHED"}
    assert uses_starter(bpy, addon)
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert len(bpy.data.objects) == 2


def test_the_bar_tells_bytes_and_then_that_it_is_ready(bpy, addon, hub) -> None:
    upkeep = addon("tasks.session").upkeep
    hub.bytes_per_second = 300_000
    click_download(bpy, addon)
    labels = set()
    while upkeep.is_running():
        addon("tasks.session")._pump()
        labels.add(upkeep.state.label)
        time.sleep(0.02)
    assert any(" MB, " in label and "left" in label for label in labels)
    assert upkeep.state.message == "TripoSR is ready"


def test_cancel_and_go_on(bpy, addon, hub, tmp_path) -> None:
    hub.bytes_per_second = 200_000
    click_download(bpy, addon)
    part = tmp_path / "models" / "model.ckpt.part"
    while not (part.exists() and part.stat().st_size > 100_000):
        addon("tasks.session")._pump()
        time.sleep(0.02)
    assert bpy.ops.triposr.cancel_download() == {"FINISHED"}
    wait(addon)
    assert addon("tasks.session").upkeep.state.message == "TripoSR: canceled"
    kept = part.stat().st_size
    hub.bytes_per_second = 0
    click_download(bpy, addon)
    wait(addon)
    assert hub.requests[-2] == f"bytes={kept}-"
    assert addon("tasks.session").upkeep.state.message == "TripoSR is ready"


def test_errors_are_reported_and_leave_everything_usable(bpy, addon, hub, picture: Path) -> None:
    hub.faults = [Fault(body=b"<!doctype html><p>Please log in")]
    click_download(bpy, addon)
    wait(addon)
    state = addon("tasks.session").upkeep.state
    assert "web page" in state.error and state.hint
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert "toy truck" in bpy.data.objects
    hub.faults = [Fault(status=404)]
    with pytest.raises(RuntimeError, match="does not have it"):
        bpy.ops.triposr.download_model(model="triposr")


def test_nothing_reaches_the_network_offline(bpy, addon, hub) -> None:
    bpy.context.preferences.system.use_online_access = False
    for model in ("triposr", "u2netp"):
        with pytest.raises(RuntimeError, match="Allow Online Access"):
            bpy.ops.triposr.download_model(model=model)
    assert hub.requests == []


def test_what_is_there_is_converted_offline(bpy, addon, hub, tmp_path, monkeypatch) -> None:
    bpy.context.preferences.system.use_online_access = False
    for name in FILES:
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / name).write_bytes((TINY / name).read_bytes())
    tiny = addon("inference.model.catalog").published_model("triposr")
    monkeypatch.setattr(addon("inference.files.installation"), "TRIPOSR", tiny)
    assert bpy.ops.triposr.download_model(model="triposr") == {"FINISHED"}
    assert (tmp_path / "models" / "model.safetensors").is_file()
    assert hub.requests == []
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        bpy.ops.triposr.download_model(model="u2netp")


def test_generating_goes_on_beside_a_download(bpy, addon, hub, picture: Path) -> None:
    hub.bytes_per_second = 300_000
    click_download(bpy, addon)
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert "toy truck" in bpy.data.objects
    assert addon("tasks.session").upkeep.is_running()
    bpy.ops.wm.read_homefile(use_empty=True)
    assert addon("tasks.session").upkeep.is_running(), "a download belongs to no file"
    hub.bytes_per_second = 0
    wait(addon)


def test_disabling_the_addon_ends_a_download(bpy, addon, hub) -> None:
    import background

    hub.bytes_per_second = 50_000
    click_download(bpy, addon)
    bpy.ops.preferences.addon_disable(module=background.MODULE)
    assert "TripoSR: TripoSR" not in {thread.name for thread in threading.enumerate()}
    bpy.ops.preferences.addon_enable(module=background.MODULE)


def test_import_from_disk(bpy, addon, hub, tmp_path) -> None:
    assert bpy.ops.triposr.import_model(filepath=str(TINY)) == {"FINISHED"}
    assert not uses_starter(bpy, addon)
    with pytest.raises(RuntimeError, match="no model"):
        bpy.ops.triposr.import_model(filepath=str(Path(__file__)))
    assert hub.requests == []


def test_the_model_is_unloaded_as_the_preferences_say(bpy, addon, picture: Path) -> None:
    engine = addon("tasks.session").engine
    preferences = addon("preferences").preferences(bpy.context)
    preferences.keep_loaded = "never"
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert not engine.is_loaded()
    assert not bpy.ops.triposr.unload_model.poll()
    preferences.keep_loaded = "minutes"
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    addon("tasks.session")._unload_when_idle()
    assert engine.is_loaded()
    engine._unload_at = time.monotonic()
    addon("tasks.session")._unload_when_idle()
    assert not engine.is_loaded()
    preferences.keep_loaded = "always"
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    assert bpy.ops.triposr.unload_model() == {"FINISHED"}
    assert not engine.is_loaded()


def test_a_cycles_render_on_the_gpu_gets_the_memory(bpy, addon, picture, monkeypatch) -> None:
    session = addon("tasks.session")
    bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device = "CYCLES", "GPU"
    session._on_render(scene)
    assert session.engine.is_loaded(), "on the CPU it is not in the way"
    monkeypatch.setattr(session.engine, "device", lambda: "cuda:0")
    scene.cycles.device = "CPU"
    session._on_render(scene)
    assert session.engine.is_loaded()
    scene.cycles.device = "GPU"
    session._on_render(scene)
    assert not session.engine.is_loaded()
    assert session._on_render in bpy.app.handlers.render_init


def test_detected_devices_are_listed_by_name(bpy, addon, monkeypatch) -> None:
    assert bpy.ops.triposr.detect_devices() == {"FINISHED"}
    DeviceInfo = addon("inference.types").DeviceInfo
    engine = addon("tasks.session").engine
    assert engine.devices[-1].name == "cpu"
    cards = (
        DeviceInfo("cuda:0", "GeForce RTX 5090", 32_000_000_000),
        DeviceInfo("cuda:1", "GeForce RTX 3060", 12_000_000_000),
    )
    preferences = addon("preferences").preferences(bpy.context)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "devices", (*cards, *engine.devices[-1:]))
        preferences.device = "cuda:1"
        assert preferences.device == "cuda:1"
        items = addon("preferences").device_items(preferences, None)
        labels = {item[0]: item[1] for item in items}
        assert labels["cuda"] == "GeForce RTX 5090 (32 GB)"
        assert labels["cuda:1"] == "GeForce RTX 3060 (12 GB)"
        assert "cuda:2" not in labels
    # As in the next session, before anything was looked for.
    assert preferences.device == "cuda:1"
    assert "cuda:1" in {item[0] for item in addon("preferences").device_items(preferences, None)}
    preferences.device = "cpu"
    assert preferences.device == "cpu"


def test_the_report_tells_all_but_who_one_is(bpy, addon, tmp_path, picture, monkeypatch) -> None:
    home = tmp_path / "home" / "jane.doe"
    monkeypatch.setattr(Path, "home", lambda: home)
    preferences = addon("preferences").preferences(bpy.context)
    preferences.model_folder = str(home / "secret project")
    with pytest.raises(RuntimeError):
        bpy.ops.triposr.generate(filepath=str(home / "client.png"))
    text = addon("operators.diagnostics").diagnostics(bpy.context)
    for part in ("TripoSR for Blender", "Blender 4", "torch ", "transformers ", "starter"):
        assert part in text
    assert "client.png" in text.partition("Last warnings:")[2]
    assert "jane" not in text and "secret" not in text
    assert bpy.ops.triposr.copy_report() == {"FINISHED"}


@pytest.mark.parametrize("home", [None, Path("/")])
def test_the_report_of_a_user_without_a_home(bpy, addon, monkeypatch, home: Path | None) -> None:
    """As in a container, where it is often the top of the disk."""

    def find() -> Path:
        if home is None:
            raise RuntimeError("Could not determine home directory.")
        return home

    monkeypatch.setattr(Path, "home", find)
    text = addon("operators.diagnostics").diagnostics(bpy.context)
    assert "starter" in text
    assert "~" not in text


def test_without_a_home_models_lie_in_a_temporary_folder(bpy, addon, monkeypatch) -> None:
    """Where Blender has no folders of the user's, it says so with an empty name."""
    monkeypatch.setattr(bpy.utils, "extension_path_user", lambda package: "")
    folder = addon("preferences").model_folder(bpy.context)
    assert folder.is_absolute()
    assert Path(bpy.app.tempdir) in folder.parents


def test_own_torch_is_checked_before_it_is_used(bpy, addon, picture, tmp_path) -> None:
    importlib.import_module("torch")  # the add-on's own, as after a first picture
    preferences = addon("preferences").preferences(bpy.context)
    preferences.torch_folder = str(tmp_path)
    with pytest.raises(RuntimeError, match="Another torch"):
        bpy.ops.triposr.generate(filepath=str(picture), resolution=32)
