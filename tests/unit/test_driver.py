"""The driver's cards, read without torch from a library that is compiled here."""

import subprocess
import sys
from pathlib import Path

import pytest
from fake_driver import GTX_1080, RTX_3060, build

from triposr.inference.machine import driver
from triposr.inference.machine.driver import Card, Driver, look_at_driver


def test_cards_and_version(tmp_path: Path) -> None:
    library = build(tmp_path, [RTX_3060, GTX_1080], api=12_040)
    assert look_at_driver(str(library)) == Driver(
        12_040,
        (
            Card("NVIDIA GeForce RTX 3060", (8, 6), 12_884_901_888),
            Card("NVIDIA GeForce GTX 1080", (6, 1), 8_589_934_592),
        ),
    )


@pytest.mark.parametrize("result", [34, 100])
def test_a_driver_without_a_card(tmp_path: Path, result: int) -> None:
    """Windows has a stub, and a card may have been taken out."""
    assert look_at_driver(str(build(tmp_path, [RTX_3060], init=result))) == Driver()
    assert look_at_driver(str(build(tmp_path))).cards == ()


def test_no_driver(tmp_path: Path) -> None:
    assert look_at_driver(str(tmp_path / "libcuda.so.1")) == Driver()
    (tmp_path / "libcuda.so.1").write_text("no library")
    assert look_at_driver(str(tmp_path / "libcuda.so.1")) == Driver()


@pytest.mark.parametrize(
    "faults",
    [{"init": 803}, {"init": 999}, {"counting": 3}, {"total_memory": "cuDeviceTotalMem"}],
)
def test_a_driver_that_does_not_work(tmp_path: Path, faults: dict) -> None:
    found = look_at_driver(str(build(tmp_path, [RTX_3060], **faults)))
    assert found.cards == ()
    assert found.problem.startswith("The NVIDIA driver does not work (")
    reason = str(next(iter(faults.values())))
    assert reason in found.problem


def test_a_driver_that_reads_wrong_memory(monkeypatch) -> None:
    """On Windows, ctypes turns that into an OSError."""

    class Broken:
        def cuDriverGetVersion(self, *_: object) -> int:  # noqa: N802
            raise OSError("exception: access violation reading 0x0000000000000008")

    monkeypatch.setattr(driver.ctypes, "CDLL", lambda library: Broken())
    assert "access violation" in look_at_driver("nvcuda.dll").problem


def test_a_card_that_is_switched_off_gives_the_same_error(tmp_path: Path) -> None:
    found = [look_at_driver(str(build(tmp_path, [RTX_3060], init=n))) for n in (803, 999)]
    assert [driver.is_puzzling for driver in found] == [False, True]


def test_torch_is_not_needed(tmp_path: Path) -> None:
    code = (
        "import sys; from triposr.inference.machine.driver import look_at_driver\n"
        "assert look_at_driver(sys.argv[1]).cards; assert 'torch' not in sys.modules"
    )
    library = build(tmp_path, [RTX_3060])
    subprocess.run([sys.executable, "-c", code, library], check=True)
