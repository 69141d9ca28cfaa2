"""What is tried when memory does not suffice."""

from types import SimpleNamespace

import pytest
import torch

from triposr.inference import devices
from triposr.inference.devices import check_memory, less_memory, memory_errors
from triposr.inference.errors import DeviceMemoryError

CUDA = torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is asked questions, and nothing else."""
    module = SimpleNamespace(
        mem_get_info=lambda device: (3_000_000_000, 8_000_000_000),
        get_device_capability=lambda device: (8, 0),
    )
    monkeypatch.setattr(torch, "cuda", module)
    monkeypatch.setattr(devices, "_working_device", torch.device)
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
