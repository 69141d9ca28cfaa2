"""What the trial of a build tells the process that started it."""

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from triposr.inference.errors import DeviceError
from triposr.inference.machine import devices, own_torch, trial
from triposr.inference.types import DeviceInfo

CARDS = (
    DeviceInfo("cuda:0", "NVIDIA GeForce RTX 3060"),
    DeviceInfo("cuda:1", "NVIDIA GeForce GT 710", problem="It is too old"),
    DeviceInfo("cpu", "CPU, 2 cores"),
)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process is this one, which has imported the add-on and torch."""
    monkeypatch.setattr(trial, "_load_package", lambda root: "triposr")
    monkeypatch.setattr(own_torch, "use_torch_from", lambda folder: None)
    monkeypatch.setattr(devices, "list_devices", lambda: CARDS)


@pytest.fixture
def convolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that tensors were made on by name; the CPU stands for the card."""
    found: list[str] = []
    ones, conv2d = torch.ones, functional.conv2d

    def make(*shape: int, device: str = "cpu") -> torch.Tensor:
        found.append(f"made on {device}")
        return ones(*shape)

    def convolve(*arguments: torch.Tensor) -> torch.Tensor:
        found.append("convolved")
        return conv2d(*arguments)

    monkeypatch.setattr(torch, "ones", make)
    monkeypatch.setattr(functional, "conv2d", convolve)
    return found


def told(tmp_path: Path) -> dict[str, Any]:
    return {"folder": str(tmp_path), "path": sys.path}


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    [line] = [li for li in capsys.readouterr().out.splitlines() if li.startswith(trial.ANSWER)]
    return json.loads(line.removeprefix(trial.ANSWER))


def test_each_card_that_works_convolves(tmp_path: Path, capsys, convolved: list[str]) -> None:
    """Products of matrices need other libraries than convolutions."""
    trial.main(told(tmp_path))
    assert convolved[-3:] == ["made on cuda:0", "made on cuda:0", "convolved"]
    assert convolved.count("convolved") == 1
    found = answer(capsys)
    assert found["cards"] == ["NVIDIA GeForce RTX 3060"] and found["problem"] == "It is too old"


@pytest.mark.parametrize("wrong", [False, True])
def test_a_card_that_does_not_convolve_fails_the_trial(
    tmp_path: Path, capsys, convolved: list[str], monkeypatch, wrong: bool
) -> None:
    def convolve(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        if wrong:
            return image
        raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED")

    monkeypatch.setattr(functional, "conv2d", convolve)
    text = "cuda:0 convolves wrongly" if wrong else "CUDNN_STATUS_NOT_INITIALIZED"
    with pytest.raises(DeviceError, match=text):
        trial.main(told(tmp_path))
    error = answer(capsys)["error"]
    assert error["message"].startswith("NVIDIA GeForce RTX 3060 does not work with this build")
    assert text in error["message"] and "driver" in error["hint"]


def test_a_card_that_is_full_may_still_be_used(
    tmp_path: Path, capsys, convolved: list[str], monkeypatch
) -> None:
    def convolve(*_: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(functional, "conv2d", convolve)
    trial.main(told(tmp_path))
    assert answer(capsys)["cards"] == ["NVIDIA GeForce RTX 3060"]


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (OSError("[WinError 126] Nein"), 126, "Windows does not find one of its libraries"),
        (ImportError("DLL load failed while importing _C: Zu klein."), 1455, "paging file"),
        (AttributeError("no such thing"), None, "AttributeError: no such thing"),
    ],
)
def test_errors_are_explained_and_keep_windows_code(
    tmp_path: Path, capsys, monkeypatch, raised: Exception, code: int | None, words: str
) -> None:
    if isinstance(raised, OSError):
        raised.winerror = code  # type: ignore[attr-defined]
    texts = {1455: "Zu klein."}
    monkeypatch.setattr(
        ctypes, "FormatError", lambda number: texts.get(number, "Nein"), raising=False
    )

    def use(folder: Path) -> None:
        raise raised

    monkeypatch.setattr(own_torch, "use_torch_from", use)
    with pytest.raises(type(raised)):
        trial.main(told(tmp_path))
    error = answer(capsys)["error"]
    assert error["windows_code"] == code and words in error["message"]
    assert ("Use My GPU" in error["hint"]) == (code != 1455)
    assert (error["kind"], error["text"]) == (type(raised).__name__, str(raised))
