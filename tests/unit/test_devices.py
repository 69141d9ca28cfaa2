"""What is tried when memory does not suffice."""

import sys
from types import SimpleNamespace

import fake_driver
import pytest
import torch

from triposr.inference.errors import DeviceError, DeviceMemoryError
from triposr.inference.machine import devices
from triposr.inference.machine.devices import check_memory, less_memory, memory_errors
from triposr.inference.machine.driver import LIBRARIES

CUDA = torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is asked questions, and nothing else."""
    module = SimpleNamespace(
        mem_get_info=lambda device: (3_000_000_000, 8_000_000_000),
        get_device_capability=lambda device: (8, 0),
    )
    monkeypatch.setattr(torch, "cuda", module)
    monkeypatch.setattr(devices, "problem_of", lambda name: "")
    return module


def test_half_the_bits_come_before_the_cpu(gpu) -> None:
    assert less_memory("cuda", "auto") == ("cpu", "auto")
    assert less_memory("cuda", "fp16") == ("cpu", "auto")
    assert less_memory("cpu", "auto") is None


def test_full_precision_stays_full(gpu) -> None:
    assert less_memory("cuda", "fp32") == ("cpu", "fp32")
    assert less_memory("cpu", "fp32") is None


def test_older_gpus_take_float16(gpu) -> None:
    gpu.get_device_capability = lambda device: (7, 5)
    assert less_memory("cuda", "auto") == ("cuda", "fp16")


def test_memory_is_asked_for_before_it_is_taken(gpu) -> None:
    check_memory(CUDA, 2_000_000_000)
    with pytest.raises(DeviceMemoryError, match=r"needs 4\.0 GB .* has 3\.0 GB free"):
        check_memory(CUDA, 4_000_000_000)
    check_memory(torch.device("cpu"), 10**15)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("x"), RuntimeError("can't allocate memory: 9 bytes")],
)
def test_all_ways_to_run_out(error: Exception) -> None:
    with (
        pytest.raises(DeviceMemoryError, match="Memory ran out while thinking"),
        memory_errors("thinking"),
    ):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="something else"), memory_errors("thinking"):
        raise RuntimeError("something else")


class Card:
    """A GPU as torch describes it."""

    name, total_memory = "GeForce GTX 680", 2_000_000_000


def test_a_card_that_torch_was_not_made_for_is_told(monkeypatch) -> None:
    """The device is listed as available; only a kernel shows that it does not work."""
    module = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 1,
        get_device_properties=lambda number: Card,
        get_device_name=lambda number: Card.name,
        get_arch_list=lambda: ["sm_75", "sm_90"],
    )
    monkeypatch.setattr(torch, "cuda", module)
    monkeypatch.setattr(torch, "xpu", SimpleNamespace(is_available=lambda: False))
    [card, cpu] = devices.list_devices()
    assert (card.name, card.label, card.memory) == ("cuda:0", Card.name, Card.total_memory)
    assert Card.name in card.problem and torch.__version__ in card.problem
    assert "sm_75, sm_90" in card.problem
    assert cpu.name == "cpu" and cpu.memory > 1e9 and not cpu.problem
    assert devices.choose_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match=Card.name) as caught:
        devices.choose_device("cuda")
    assert "Automatic" in caught.value.hint


def test_automatic_takes_the_second_gpu_where_the_first_does_not_work(monkeypatch) -> None:
    module = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2)
    monkeypatch.setattr(torch, "cuda", module)
    works = {"cuda:0": "is too old", "cuda:1": ""}
    monkeypatch.setattr(devices, "problem_of", lambda name: works.get(name, ""))
    assert str(devices.choose_device("auto")) == "cuda:1"
    works["cuda:1"] = "has no memory"
    monkeypatch.setattr(torch, "xpu", SimpleNamespace(is_available=lambda: False))
    assert str(devices.choose_device("auto")) == "cpu"


def test_a_gpu_that_this_torch_cannot_see_is_told(monkeypatch, tmp_path) -> None:
    for kind in ("cuda", "xpu"):
        monkeypatch.setattr(torch, kind, SimpleNamespace(is_available=lambda: False))
    monkeypatch.setattr(devices, "AMD_DRIVER", str(tmp_path / "kfd"))
    driver = fake_driver.build(tmp_path)
    monkeypatch.setitem(LIBRARIES, sys.platform, str(driver))
    assert [device.name for device in devices.list_devices()] == ["cpu"]
    driver = fake_driver.build(tmp_path, [fake_driver.RTX_3060])
    monkeypatch.setitem(LIBRARIES, sys.platform, str(driver))
    gpu, _ = devices.list_devices()
    assert gpu.problem.startswith("NVIDIA GeForce RTX 3060 is not used")
    assert torch.__version__ in gpu.problem
    monkeypatch.setitem(LIBRARIES, sys.platform, "no such library")
    (tmp_path / "kfd").touch()
    gpu, _ = devices.list_devices()
    assert gpu.problem.startswith("The AMD GPU is not used")
