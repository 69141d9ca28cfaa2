"""Use My GPU by the add-on's own buttons: a card that a compiled driver claims, a small build."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import fake_driver
import pytest
import small_builds
from fake_driver import GT_710, GTX_1080, RTX_3060
from file_server import Fault, FileServer, serving

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = f"2.8.0-cu128-lin-{small_builds.TAG[2:]}"


@pytest.fixture
def server(bpy, addon, tmp_path: Path, monkeypatch) -> Iterator[FileServer]:
    """A server that is set as PyTorch's mirror, and offers a small build as the catalog's only."""
    with serving(small_builds.small_build()) as server:
        told = small_builds.catalog(server.files)
        monkeypatch.setattr(addon("inference.machine.gpu_builds"), "_catalog", lambda: told)
        chosen = addon("preferences").preferences(bpy.context)
        chosen.model_folder = str(tmp_path / "models")
        chosen.pytorch_mirror = server.url
        bpy.context.preferences.system.use_online_access = True
        yield server
        bpy.context.preferences.system.use_online_access = False
    upkeep = addon("tasks.session").upkeep
    upkeep.join(60)
    upkeep.dismiss()
    addon("tasks.gpu").forget()


@pytest.fixture
def cards(addon, tmp_path: Path, monkeypatch) -> Callable[..., None]:
    """Puts cards into the machine."""

    def put(*cards: fake_driver.FakeCard, **faults: int) -> None:
        library = fake_driver.build(tmp_path, cards, **faults)
        libraries = addon("inference.machine.driver").LIBRARIES
        monkeypatch.setitem(libraries, sys.platform, str(library))
        addon("tasks.gpu").forget()

    put()
    return put


@pytest.fixture
def noticed(bpy, addon, server, monkeypatch) -> Callable[[], tuple[str, str, bool] | None]:
    """What the panels say about the card, once both looks have ended."""

    def noticed() -> tuple[str, str, bool] | None:
        gpu, inventory = addon("tasks.gpu"), addon("tasks.inventory")
        gpu._keep(gpu.find())
        found = inventory.find(inventory.places_of(bpy.context))
        monkeypatch.setattr(inventory, "known", lambda context: found)
        told = gpu.notice(bpy.context)
        return told and (str(told.message), str(told.hint), told.has_button)

    return noticed


@pytest.fixture
def without_torch(addon, monkeypatch) -> None:
    """As in a Blender in which nothing has been generated yet."""
    engine = addon("inference.engine").engine
    monkeypatch.setattr(engine, "has_torch", lambda: False)
    monkeypatch.setattr(engine, "devices", ())


def home(tmp_path: Path) -> Path:
    return tmp_path / "models" / "torch"


def wait(addon, seconds: float = 60) -> object:
    """Let the running task end; return the queue's state."""
    session = addon("tasks.session")
    deadline = time.monotonic() + seconds
    while session.upkeep.is_running():
        assert time.monotonic() < deadline, session.upkeep.state
        session._pump()
        time.sleep(0.01)
    return session.upkeep.state


def click(bpy, addon) -> None:
    """Confirm the dialog."""
    gpu = addon("tasks.gpu")
    offered = gpu.offer(bpy.context)
    addon("tasks.session").upkeep.submit(gpu.installation(bpy.context, *offered))


def test_notice_to_ready(bpy, addon, server, cards, noticed, without_torch, tmp_path) -> None:
    cards(RTX_3060)
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    click(bpy, addon)
    labels, state = set(), addon("tasks.session").upkeep.state
    while addon("tasks.session").upkeep.is_running():
        addon("tasks.session")._pump()
        labels.add(str(state.label).partition(" ")[0])
        time.sleep(0.005)
    assert state.error == "", (state.error, state.hint)
    assert {"Trying"} <= labels and state.title == "torch 2.8.0+cu128"
    # The driver is a fake, so the build finds no card; the message says that.
    assert "is ready, but does not use NVIDIA GeForce RTX 3060" in state.message
    assert [path.name for path in home(tmp_path).iterdir()] == [INSTALLED]
    assert noticed() is None, "the next import of torch takes it"
    assert bpy.ops.triposr.remove_gpu_build() == {"FINISHED"}
    assert not list(home(tmp_path).iterdir())
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)


def test_a_card_that_is_driven(bpy, addon, server, cards, without_torch, monkeypatch) -> None:
    cards(RTX_3060)
    server.files.update(small_builds.small_build({"torch/__init__.py": small_builds.DRIVING}))
    told = small_builds.catalog(server.files)
    monkeypatch.setattr(addon("inference.machine.gpu_builds"), "_catalog", lambda: told)
    click(bpy, addon)
    assert wait(addon).message == "The next picture uses NVIDIA GeForce RTX 3060"


def test_a_script_installs_while_it_waits(bpy, addon, server, cards, tmp_path) -> None:
    cards(GT_710, RTX_3060)
    assert bpy.ops.triposr.use_gpu() == {"FINISHED"}
    assert [path.name for path in home(tmp_path).iterdir()] == [INSTALLED]


def test_the_next_blender_takes_it(bpy, addon, server, cards, picture, tmp_path) -> None:
    """With preferences as saved, in a process in which no torch has been loaded."""
    cards(RTX_3060)
    bpy.ops.triposr.use_gpu()
    script = tmp_path / "script.py"
    script.write_text(
        "import bpy, sys\n"
        "from bl_ext.user_default.triposr import preferences\n"
        "from bl_ext.user_default.triposr.inference.engine import engine\n"
        f"preferences.preferences(bpy.context).model_folder = {str(tmp_path / 'models')!r}\n"
        "bpy.ops.triposr.detect_devices()\n"
        "import torch\n"
        "print('torch:', torch.__version__, engine.uses_gpu_build(), engine.torch_problem)"
    )
    command = [sys.executable, str(ROOT / "tools/background.py"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "torch: 2.8.0+cu128 True \n" in done.stdout, done.stdout + done.stderr


def test_a_loaded_torch_means_a_restart(bpy, addon, server, cards, noticed, monkeypatch) -> None:
    cards(RTX_3060)
    monkeypatch.setattr(addon("inference.engine").engine, "has_torch", lambda: True)
    click(bpy, addon)
    assert wait(addon).error == ""
    assert noticed() == ("Restart Blender to use NVIDIA GeForce RTX 3060", "", False)
    Trial = addon("inference.machine.trial").Trial
    trial = Trial("2.8.0+cu128", "12.8", ("NVIDIA GeForce RTX 3060",), "")
    outcome = addon("tasks.gpu")._installed("NVIDIA GeForce RTX 3060", trial)
    assert outcome.message == "Restart Blender to use NVIDIA GeForce RTX 3060"


def test_what_is_said_of_other_cards(bpy, addon, server, cards, noticed, without_torch) -> None:
    assert noticed() is None, "there is no card"
    cards(RTX_3060, init=100)
    assert noticed() is None, "the driver's stub has no card"
    cards(RTX_3060, api=11_080)
    message, hint, has_button = noticed()
    assert message == "NVIDIA GeForce RTX 3060 is not used: its driver is too old"
    assert "525 or newer" in hint and not has_button
    cards(GTX_1080)
    message, hint, has_button = noticed()
    assert "there is no build of torch for it" in message and "Own Torch" in hint
    assert not has_button
    cards(GTX_1080, RTX_3060)
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    cards(RTX_3060, init=999)
    message, hint, has_button = noticed()
    assert "does not work (cuInit: CUDA error 999)" in message and "Restart the computer" in hint
    assert not has_button


def test_a_card_that_may_be_switched_off_is_no_matter_for_the_tab(
    bpy, addon, server, cards, noticed, monkeypatch
) -> None:
    drawn = []
    panel = addon("panels.gpu")
    monkeypatch.setattr(panel, "draw_text", lambda layout, text, icon: drawn.append(str(text)))
    cards(RTX_3060, init=999)
    noticed()
    assert not panel.draw_gpu(bpy.context, None) and drawn == []
    assert panel.draw_gpu(bpy.context, None, with_minor=True) and "999" in drawn[0]
    cards(RTX_3060, init=803)
    noticed()
    assert panel.draw_gpu(bpy.context, None) and "803" in drawn[-2]


def test_a_look_that_fails_is_not_repeated_at_once(bpy, addon, server, cards, monkeypatch) -> None:
    gpu, session, looks = addon("tasks.gpu"), addon("tasks.session"), []

    def find() -> None:
        looks.append(0)
        raise MemoryError

    monkeypatch.setattr(gpu, "find", find)
    monkeypatch.setattr(gpu, "bpy", SimpleNamespace(
        app=SimpleNamespace(background=False, timers=Timers()), context=bpy.context
    ))  # fmt: skip
    for _ in range(3):
        assert gpu.known() is None
        while session.drivers.is_running():
            session._pump()
    assert len(looks) == 1
    monkeypatch.setattr(gpu, "RETRY", 0.0)
    gpu.known()
    while session.drivers.is_running():
        session._pump()
    assert len(looks) == 2
    monkeypatch.undo()
    assert session.cleaning.join(60)


class Timers:
    """Blender's timers in a window, which call at once here."""

    def is_registered(self, _: object) -> bool:
        return False

    def register(self, function: Callable[[], None], first_interval: float) -> None:
        function()


def test_cleaning_is_joined_at_exit(bpy, addon, server, cards, tmp_path) -> None:
    """A thread that deletes files must not outlive the add-on."""
    gpu, session = addon("tasks.gpu"), addon("tasks.session")
    started, may_end = threading.Event(), threading.Event()

    def slow(_home: Path, _tick: Callable) -> None:
        started.set()
        may_end.wait(30)

    clean, gpu.clean_builds = gpu.clean_builds, slow
    try:
        gpu._look()
        assert started.wait(30)
        session.JOIN_TIMEOUT, timeout = 0.1, session.JOIN_TIMEOUT
        session.drivers.join(30)
        assert not session._join_all()
        session.JOIN_TIMEOUT = timeout
    finally:
        gpu.clean_builds = clean
        may_end.set()
    assert session.cleaning.join(30)


def test_scripts_are_told_why_not(bpy, addon, server, cards) -> None:
    with pytest.raises(RuntimeError, match="No NVIDIA card was found"):
        bpy.ops.triposr.use_gpu()
    cards(RTX_3060, api=11_080)
    with pytest.raises(RuntimeError, match=r"driver is too old\. Install version 525"):
        bpy.ops.triposr.use_gpu()


def test_cards_that_are_used(bpy, addon, server, cards, noticed, monkeypatch, tmp_path) -> None:
    cards(RTX_3060)
    engine = addon("inference.engine").engine
    DeviceInfo = addon("inference.types").DeviceInfo
    cpu = DeviceInfo("cpu", "CPU")
    monkeypatch.setattr(engine, "devices", (DeviceInfo("cuda:0", "RTX 3060"), cpu))
    assert noticed() is None
    monkeypatch.setattr(engine, "devices", (DeviceInfo("cuda:0", "RTX", problem="no"), cpu))
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    monkeypatch.setattr(engine, "devices", ())
    gpu = addon("tasks.gpu")
    TorchBuild = addon("inference.machine.own_torch").TorchBuild
    monkeypatch.setattr(gpu, "read_usual_build", lambda: TorchBuild("2.8.0", "CUDA 12.8"))
    assert noticed() is None, "as far as is known before torch is imported"
    monkeypatch.setattr(gpu, "read_usual_build", lambda: None)
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True), "a light zip"
    addon("preferences").preferences(bpy.context).torch_folder = str(tmp_path)
    assert noticed() is None, "Own Torch goes first"


def test_a_zip_without_the_catalog_says_nothing(addon, server, cards, noticed, monkeypatch) -> None:
    cards(RTX_3060)
    nothing = {"builds": [], "drivers": {}}
    monkeypatch.setattr(addon("inference.machine.gpu_builds"), "_catalog", lambda: nothing)
    assert noticed() is None


def test_offline(bpy, addon, server, cards) -> None:
    cards(RTX_3060)
    bpy.context.preferences.system.use_online_access = False
    assert not bpy.ops.triposr.use_gpu.poll()
    click(bpy, addon)
    assert "may not go online" in wait(addon).error
    assert server.requests == []


def test_a_failure_leaves_what_worked(bpy, addon, server, cards, noticed, without_torch) -> None:
    cards(RTX_3060)
    server.faults = [Fault(body=b"<!doctype html>log in")]
    click(bpy, addon)
    state = wait(addon)
    assert "web page" in state.error and state.hint
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    click(bpy, addon)
    assert wait(addon).error == ""


def test_a_build_that_does_not_import(bpy, addon, server, cards, tmp_path) -> None:
    cards(RTX_3060)
    path = list(server.files)[1]
    server.files[path] = small_builds.wheel({"nvidia/__init__.py": ""})
    told = small_builds.catalog(server.files)
    addon("inference.machine.gpu_builds")._catalog = lambda: told
    with pytest.raises(RuntimeError, match=r"does not work on this machine: OSError: libcublas"):
        bpy.ops.triposr.use_gpu()
    assert [path.name for path in home(tmp_path).iterdir()] == [f"{INSTALLED}.archives"]


def test_cancel_and_disable_while_installing(bpy, addon, server, cards, tmp_path) -> None:
    """What is unpacked halfway is deleted; what has arrived is kept."""
    cards(RTX_3060)
    server.bytes_per_second = 100_000
    click(bpy, addon)
    upkeep = addon("tasks.session").upkeep
    while not list(home(tmp_path).rglob("*.part")):
        addon("tasks.session")._pump()
    assert bpy.ops.triposr.cancel_download() == {"FINISHED"}
    assert wait(addon).canceled
    inventory = addon("tasks.inventory")
    found = inventory.find(inventory.places_of(bpy.context))
    assert found.gpu_build is None and found.gpu_download > 0
    click(bpy, addon)
    assert addon("tasks.session")._join_all(), "as when the add-on is disabled, or Blender quits"
    assert not upkeep.is_running()
    assert [path.name for path in home(tmp_path).iterdir()] == [f"{INSTALLED}.archives"]
    assert bpy.ops.triposr.remove_gpu_build() == {"FINISHED"}
    assert not list(home(tmp_path).iterdir())


def test_the_look_tidies_up(bpy, addon, server, cards, tmp_path) -> None:
    """After a Blender that was killed while it unpacked."""
    cards(RTX_3060)
    (home(tmp_path) / f"{INSTALLED}.partial" / "torch").mkdir(parents=True)
    gpu, session = addon("tasks.gpu"), addon("tasks.session")
    gpu._look()
    while session.drivers.is_running() or session.cleaning.is_running():
        session._pump()
    assert not list(home(tmp_path).iterdir())
    assert gpu._found.choice.card.name == "NVIDIA GeForce RTX 3060"


def test_the_dialog_says_all_that_matters(bpy, addon, server, cards, monkeypatch) -> None:
    cards(RTX_3060)
    operator = addon("operators.gpu")
    shown = []
    layout = SimpleNamespace(
        label=lambda text, **_: shown.append(text),
        operator=lambda name, text, **_: shown.append(text) or SimpleNamespace(),
    )
    layout.column = layout.row = lambda **_: layout
    inventory = addon("tasks.inventory")
    found = inventory.find(inventory.places_of(bpy.context))
    offered = addon("tasks.gpu").offer(bpy.context)
    dialog = SimpleNamespace(layout=layout, offered=offered)
    monkeypatch.setattr(addon("tasks.gpu"), "find", None)  # draw() looks at nothing
    for changes in ({}, {"gpu_downloads": {INSTALLED: 1000}, "free": 40_000_000}):
        now = replace(found, **changes)
        monkeypatch.setattr(inventory, "known", lambda context, now=now: now)
        monkeypatch.setattr(operator.engine, "has_torch", lambda changes=changes: bool(changes))
        operator.TRIPOSR_OT_use_gpu.draw(dialog, bpy.context)
        assert ("Only 40 MB are free" in "\n".join(shown)) == bool(changes)
    text = "\n".join(shown)
    for part in (
        "torch 2.8.0+cu128, for NVIDIA GeForce RTX 3060",
        "From 127.0.0.1",
        "0 MB to download",
        "0 MB of 0 MB left to download",
        "Needs 1 MB of free disk space meanwhile, and takes 1 MB afterwards",
        "NVIDIA's licenses",
        "Blender need not be restarted",
        "Restart Blender afterwards",
        "CUDA EULA",
        "cuDNN License",
    ):
        assert part in text


def test_a_click_before_the_first_look(bpy, addon, server, cards, monkeypatch) -> None:
    """From the search menu: the driver is not asked on the main thread."""
    gpu, operator = addon("tasks.gpu"), addon("operators.gpu")
    told, asked = [], []
    monkeypatch.setattr(gpu, "find", lambda: asked.append(0))
    monkeypatch.setattr(gpu, "bpy", SimpleNamespace(
        app=SimpleNamespace(background=False, timers=SimpleNamespace(
            is_registered=lambda _: False,
            register=lambda function, first_interval: told.append(function.__name__),
        ))
    ))  # fmt: skip
    monkeypatch.setattr(operator, "report", lambda _, message: told.append(str(message)))
    clicked = operator.TRIPOSR_OT_use_gpu.invoke(SimpleNamespace(), bpy.context, None)
    assert clicked == {"CANCELLED"} and asked == []
    assert told == ["_look", "Looking at the graphics card: try again in a moment"]
    text = addon("operators.diagnostics").diagnostics(bpy.context)
    assert "NVIDIA driver: not asked yet" in text and asked == []
    monkeypatch.undo()


def test_own_torch_goes_first(bpy, addon, server, cards, tmp_path) -> None:
    cards(RTX_3060)
    addon("preferences").preferences(bpy.context).torch_folder = str(tmp_path)
    with pytest.raises(RuntimeError, match=r"Own Torch is set.*\. Clear Own Torch"):
        bpy.ops.triposr.use_gpu()


def test_another_card_is_put_in(bpy, addon, server, cards, noticed, without_torch, monkeypatch):
    """The build for the old card is installed; the catalog has another one for the new card."""
    engine = addon("inference.engine").engine
    cards(RTX_3060)
    bpy.ops.triposr.use_gpu()
    older = small_builds.catalog(server.files)["builds"][0] | {"capability": [[5, 0], [9, 0]]}
    newer = older | {"version": "2.13.0+cu130", "capability": [[7, 5], [12, 1]]}
    told = {"builds": [newer, older], "drivers": {}}
    monkeypatch.setattr(addon("inference.machine.gpu_builds"), "_catalog", lambda: told)
    cards(RTX_3060)
    assert noticed() is None, "there is a newer build, but the one that is there will do"
    DeviceInfo = addon("inference.types").DeviceInfo
    monkeypatch.setattr(engine, "gpu_build", lambda: INSTALLED)
    monkeypatch.setattr(engine, "has_torch", lambda: True)
    monkeypatch.setattr(engine, "devices", (DeviceInfo("cuda", "RTX", problem="no"),))
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    monkeypatch.setattr(engine, "devices", (DeviceInfo("cuda:0", "RTX"),))
    assert noticed() is None
    monkeypatch.setattr(engine, "gpu_build", lambda: "")
    assert noticed() == ("Restart Blender to use NVIDIA GeForce RTX 3060", "", False)
    cards(fake_driver.FakeCard("NVIDIA GeForce RTX 5090", 12, 0, 32_000_000_000))
    assert noticed() == ("NVIDIA GeForce RTX 5090 is not used", "", True)


def test_a_damaged_build_is_offered_again(
    bpy, addon, server, cards, noticed, without_torch, monkeypatch, tmp_path
) -> None:
    cards(RTX_3060)
    bpy.ops.triposr.use_gpu()
    engine = addon("inference.engine").engine
    (home(tmp_path) / INSTALLED / "torch/lib/libtorch_cuda.so").unlink()
    monkeypatch.setattr(addon("inference.engine"), "loaded_from", lambda: None)
    assert engine._usable_build(home(tmp_path)) is None and "damaged" in engine.torch_problem
    assert noticed() == ("NVIDIA GeForce RTX 3060 is not used", "", True)
    bpy.ops.triposr.use_gpu()
    assert engine.torch_problem == "" and noticed() is None
    assert (home(tmp_path) / INSTALLED / "torch/lib/libtorch_cuda.so").exists()
    assert engine._usable_build(home(tmp_path)) is not None
    addon("inference.machine.installed_builds").release(home(tmp_path) / INSTALLED)


def test_uninstalling_takes_the_build_along(tmp_path: Path) -> None:
    """It lies in the add-on's own data folder, if no model folder was chosen."""
    script = tmp_path / "script.py"
    script.write_text(
        "import bpy\n"
        "from bl_ext.user_default.triposr import preferences\n"
        "home = preferences.gpu_builds(bpy.context)\n"
        f"(home / {INSTALLED!r} / 'torch').mkdir(parents=True)\n"
        "repos = [repo.module for repo in bpy.context.preferences.extensions.repos]\n"
        "at = repos.index('user_default')\n"
        "bpy.ops.extensions.package_uninstall(repo_index=at, pkg_id='triposr')\n"
        "print('left:', home.exists(), home.parents[1].exists())"
    )
    command = [sys.executable, str(ROOT / "tools/background.py"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "left: False False" in done.stdout, done.stdout + done.stderr


def test_the_report_names_card_driver_and_build(bpy, addon, server, cards) -> None:
    cards(RTX_3060)
    bpy.ops.triposr.use_gpu()
    text = addon("operators.diagnostics").diagnostics(bpy.context)
    assert "GPU build: 2.8.0+cu128, in use: False" in text
    assert "NVIDIA driver: CUDA 12.8" in text
    assert "NVIDIA GeForce RTX 3060: capability 8.6, 13 GB" in text
