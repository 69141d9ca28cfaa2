"""The whole way, the model that stays loaded, and running out of memory."""

import subprocess
import sys
import weakref
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
import torch
from PIL import Image

from triposr.inference import DeviceError, InputError, Options, image_to_mesh, load_model
from triposr.inference.engine import Engine
from triposr.inference.errors import DeviceMemoryError
from triposr.inference.machine import devices
from triposr.inference.machine.devices import choose_device, memory_errors
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.types import Machine, ignore_progress


def test_picture_to_mesh(tiny: Model, cutout: Image.Image, tmp_path: Path) -> None:
    cutout.save(tmp_path / "cutout.png")
    options = Options(resolution=32)
    stages: list[str] = []
    mesh = image_to_mesh(cutout, tiny, options, lambda stage, _: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["prepare", "encode", "extract", "color"]
    from_file = image_to_mesh(tmp_path / "cutout.png", tiny, options)
    for name in ("vertices", "faces", "colors"):
        assert np.array_equal(getattr(mesh, name), getattr(from_file, name))


def test_cancel_at_every_tick_then_the_next_run_works(tiny: Model, cutout: Image.Image) -> None:
    options = Options(resolution=16)
    seen: list[str] = []
    expected = image_to_mesh(cutout, tiny, options, lambda stage, _: seen.append(stage))

    class LeaveError(Exception):
        pass

    for stop_at in range(len(seen)):
        remaining = iter(range(stop_at))

        def tick(stage: str, fraction: float, remaining=remaining) -> None:
            if next(remaining, None) is None:
                raise LeaveError

        with pytest.raises(LeaveError):
            image_to_mesh(cutout, tiny, options, tick)
    again = image_to_mesh(cutout, tiny, options)
    assert np.array_equal(again.vertices, expected.vertices)


def test_starter_model_answers_to_the_picture() -> None:
    """A wide picture gives a wide object, a high one a high object; colors are on their side."""
    model = load_model(STARTER_FOLDER, device="cpu")

    def build(box: tuple[int, int, int, int]):
        picture = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
        left, top, right, bottom = box
        picture.paste((220, 30, 30, 255), box)
        picture.paste((30, 60, 220, 255), ((left + right) // 2, top, right, bottom))
        return image_to_mesh(picture, model, Options(resolution=48))

    wide, high = build((28, 88, 228, 168)), build((88, 28, 168, 228))
    wide_sides, high_sides = (np.ptp(mesh.vertices, axis=0) for mesh in (wide, high))
    assert wide_sides[1] > 1.3 * wide_sides[2]
    assert high_sides[2] > 1.3 * high_sides[1]
    left, right = (wide.colors[side * wide.vertices[:, 1] > 0.2].mean(axis=0) for side in (-1, 1))
    assert left[0] > left[2] + 0.1, "the picture's left, red, is at -Y of the model's frame"
    assert right[2] > right[0] + 0.1, "the picture's right, blue, is at +Y"


def test_engine_tries_with_less_when_memory_runs_out(tiny_folder: Path, monkeypatch) -> None:
    """The GPU of this test is the CPU by another name."""
    monkeypatch.setattr(devices, "less_memory", lambda device, precision: steps.pop(0))
    steps: list[tuple[str, str] | None] = [("cpu", "bf16"), ("cpu", "fp32"), None]
    engine, tried = Engine(), []

    def work(model: Model) -> str:
        tried.append((weakref.ref(model), model.dtype))
        if len(tried) < 3:
            raise DeviceMemoryError("Memory ran out", "Buy more")
        assert [there() is None for there, _ in tried] == [True, True, False]
        return "done"

    assert engine.run(work, tiny_folder, Machine("cpu", "fp32"), ignore_progress) == "done"
    assert [dtype for _, dtype in tried] == [torch.float32, torch.bfloat16, torch.float32]
    tried.clear()
    with pytest.raises(DeviceMemoryError, match="ran out"):
        engine.run(work, tiny_folder, Machine("cpu", "fp32"), ignore_progress)
    assert len(tried) == 1


STAGES = {
    "loading": "triposr.inference.model.checkpoint.assign_weights",
    "moving": "triposr.inference.model.checkpoint.move_network",
    "encoding": "triposr.inference.model.network.Network.forward",
    "finding": "triposr.inference.surface.extraction.find_band",
    "evaluating": "triposr.inference.surface.leaves.Leaves.evaluate",
    "surfacing": "triposr.inference.surface.marching_cubes.Surface.welded",
    "coloring": "triposr.inference.surface.field.Field.color",
}


@pytest.mark.parametrize("stage", STAGES)
def test_memory_that_runs_out_at_any_stage(
    stage: str, tiny_folder: Path, cutout: Image.Image, monkeypatch
) -> None:
    """Less memory is tried, then an error is reported; the next call works."""
    engine, failures = Engine(), [2]
    works = resolve_name(STAGES[stage])

    def runs_out(*arguments: object, **named: object) -> object:
        if failures[0]:
            failures[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return works(*arguments, **named)

    monkeypatch.setattr(STAGES[stage], runs_out)
    monkeypatch.setattr(
        devices, "less_memory", lambda device, precision: steps.pop(0) if steps else None
    )

    def run() -> int:
        options = Options(resolution=48)
        mesh = engine.run(
            lambda model: image_to_mesh(cutout, model, options),
            tiny_folder,
            Machine("cpu", "fp32"),
            ignore_progress,
        )
        return len(mesh.faces)

    steps: list[tuple[str, str]] = []
    with pytest.raises(DeviceMemoryError, match="Memory ran out while"):
        run()
    assert failures == [1]
    steps = [("cpu", "fp32")]
    assert run() > 100
    assert run() > 100


def test_engine_keeps_one_model_and_notices_new_files(tiny_folder: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    engine = Engine()
    first = engine.model(folder, "cpu", "auto", ignore_progress)
    assert engine.model(folder, "cpu", "auto", ignore_progress) is first
    assert engine.model(folder, "cpu", "bf16", ignore_progress) is not first
    (folder / "model.safetensors").unlink()
    with_ckpt = engine.model(folder, "cpu", "bf16", ignore_progress)
    assert with_ckpt.dtype == torch.bfloat16
    engine.unload()
    engine.unload()
    assert engine.model(folder, "cpu", "bf16", ignore_progress) is not with_ckpt


MISSING = """
import sys
sys.modules[{package!r}] = None
from triposr.inference.engine import Engine
from triposr.inference.errors import DependencyError
from triposr.inference.model.weights import STARTER_FOLDER
try:
    Engine().model(STARTER_FOLDER, "cpu", "auto", lambda stage, fraction: None)
except DependencyError as error:
    print(error)
"""


@pytest.mark.parametrize("package", ["torch", "transformers", "yaml", "safetensors"])
def test_a_missing_package_is_named(package: str) -> None:
    script = MISSING.format(package=package)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    name = "PyYAML" if package == "yaml" else package
    assert f"The package {name} cannot be imported" in done.stdout, done.stderr
    remedy = "Own Torch" if package == "torch" else f"Install {name} for Blender's Python"
    assert remedy in done.stdout


def test_engine_recovers_from_a_failed_load(tiny_folder: Path, tmp_path: Path) -> None:
    engine = Engine()
    with pytest.raises(InputError):
        engine.model(tiny_folder, "abacus", "auto", ignore_progress)
    assert engine.model(tiny_folder, "cpu", "auto", ignore_progress)


def test_automatic_device_computes() -> None:
    device = choose_device("auto")
    assert (torch.ones(2, 2, device=device) @ torch.ones(2, 2, device=device)).sum().item() == 8


@pytest.mark.parametrize("name", ["cuda", "xpu", "mps"])
def test_absent_device_says_so(name: str) -> None:
    if getattr(torch, name).is_available():
        assert choose_device(name).type == name
        return
    with pytest.raises(DeviceError, match="finds no device") as caught:
        choose_device(name)
    assert "preferences" in caught.value.hint


def test_device_that_is_listed_but_does_not_compute(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    if torch.version.cuda is None:  # a CPU build raises at the first kernel, as an old driver does
        assert choose_device("auto").type == "cpu"
        with pytest.raises(DeviceError):
            choose_device("cuda")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_out_of_memory_says_what_to_do(error: Exception) -> None:
    sentence = "Memory ran out while testing"
    with pytest.raises(DeviceError, match=sentence) as caught, memory_errors("testing"):
        raise error
    assert "resolution" in caught.value.hint


def test_real_allocation_failure_is_recognized() -> None:
    with pytest.raises(DeviceMemoryError, match="while testing"), memory_errors("testing"):
        torch.empty(1 << 50)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors("testing"):
        raise RuntimeError("shapes do not fit")
