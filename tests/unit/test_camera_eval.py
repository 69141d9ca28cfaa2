"""`make camera-eval` keeps what it measured, goes on from there, and publishes a table."""

import hashlib
import shutil
from pathlib import Path

import pytest

import camera_eval
from camera_eval import Found
from triposr.inference.model.weights import STARTER_FOLDER

GOOD = Found("mug", 0.99, 1.0, 2.0, False, 0.9, 0.8, 30.0, (0.1, 0.2))
TURNED = Found("stack", 0.97, 9.0, 50.0, True, 0.7, 0.8, 26.0, (0.1, 0.2))
POOR = Found("lamp", 0.95, 5.0, 3.0, False, 0.9, 0.8, 28.0, (0.1, 0.2))


@pytest.fixture
def measured(monkeypatch) -> list[int]:
    """The seeds that are measured, none of them really."""
    seeds: list[int] = []

    def measure(model: object, seed: int, family: str) -> Found:
        seeds.append(seed)
        return (GOOD, TURNED, POOR)[(seed - camera_eval.FIRST_SEED) % 3]

    monkeypatch.setattr(camera_eval, "load_model", lambda folder, device: None)
    monkeypatch.setattr(camera_eval, "measured", measure)
    return seeds


def test_an_interrupted_evaluation_goes_on(measured, monkeypatch, tmp_path, capsys) -> None:
    arguments = ["--objects", "3", "--out", str(tmp_path / "deep" / "camera")]
    camera_eval.main(arguments)
    whole = capsys.readouterr().out.splitlines()[2:]
    measure = camera_eval.measured

    def interrupted(model: object, seed: int, family: str) -> Found:
        if seed == camera_eval.FIRST_SEED + 2:
            raise KeyboardInterrupt
        return measure(model, seed, family)

    measured.clear()
    monkeypatch.setattr(camera_eval, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt):
        camera_eval.main(arguments)
    monkeypatch.setattr(camera_eval, "measured", measure)
    with pytest.MonkeyPatch.context() as other:
        weights = tmp_path / "model.safetensors"
        weights.write_bytes(b"other weights")
        other.setattr(camera_eval, "weights_file", lambda folder: weights)
        camera_eval.main([*arguments, "--resume"])
    assert len(measured) == 2 + 3
    capsys.readouterr()
    camera_eval.main([*arguments, "--resume"])
    assert measured[5:] == [camera_eval.FIRST_SEED + 2]
    assert capsys.readouterr().out.splitlines()[2:] == whole
    camera_eval.main([*arguments, "--resume"])  # Nothing is kept of what was finished.
    assert len(measured) == 2 + 3 + 1 + 3


def test_the_page_shows_figures_of_this_model() -> None:
    weights = hashlib.sha256((STARTER_FOLDER / "model.safetensors").read_bytes()).hexdigest()
    shown = camera_eval.PAGE.read_text(encoding="utf-8").partition(camera_eval.MARKS[0])[2]
    assert shown.startswith(f"Weights {weights[:16]}, 200 generated objects.\n")


def test_the_table_leaves_round_objects_out_of_angles(capsys, measured, tmp_path: Path) -> None:
    camera_eval.main(["--objects", "3", "--out", str(tmp_path / "camera")])
    printed = capsys.readouterr().out
    for row in (
        "3 generated objects",
        "| outline of the true mesh, IoU, median | 0.970 | 0.97 |",
        "| elevation within 4°, of 2 that are not round | 50 % | 90 % |",
        "| azimuth within 4°, of these | 100 % | 90 % |",
        "| objects where the true camera is better by 0.005 | 1 of 3 | 0 |",
        "| photo on the true mesh, PSNR, median | 28.0 dB | 28 dB |",
    ):
        assert row in printed


def test_angles_from_aside_are_measured_without_the_starter(capsys, monkeypatch) -> None:
    found = iter([(1.0, 5.0, False), (3.0, 2.0, False), (50.0, 50.0, True), (5.0, 3.0, False)])
    monkeypatch.setattr(camera_eval, "angles_from_aside", lambda seed, family: next(found))
    camera_eval.main(["--aside", "--objects", "4"])
    printed = capsys.readouterr().out
    assert "of 3 of 4 objects that are not round" in printed
    assert "elevation within 4° 67 %, azimuth 67 %" in printed


def test_a_camera_aside_is_found_from_its_outline() -> None:
    """A chair: neither round nor alike from two sides."""
    elevation, azimuth, is_round = camera_eval.angles_from_aside(
        camera_eval.FIRST_SEED + 2, "chair"
    )
    assert elevation < 2 and azimuth < 2 and not is_round


def test_publishing_changes_the_table_only(measured, monkeypatch, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    shutil.copy(camera_eval.PAGE, page)
    monkeypatch.setattr(camera_eval, "PAGE", page)
    before, start, rest = page.read_text().partition(camera_eval.MARKS[0])
    assert start
    arguments = ["--objects", "3", "--out", str(tmp_path / "camera"), "--publish"]
    camera_eval.main(arguments)
    after = page.read_text()
    assert after.partition(start)[0] == before
    assert "3 generated objects." in after.partition(start)[2]
    end = camera_eval.MARKS[1]
    assert after.partition(start)[2].partition(end)[2] == rest.partition(end)[2]
    camera_eval.main(arguments)
    assert page.read_text() == after
