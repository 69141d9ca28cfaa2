"""One folder holds objects of one model and one set of settings."""

import json
from pathlib import Path

import pytest

from triposr.batch.rows import RUN
from triposr.batch.run import chosen_model
from triposr.batch.storage import Folder
from triposr.inference import InputError, ModelFilesError
from triposr.inference.model.weights import STARTER_FOLDER


def test_settings_become_options(a_run, tmp_path: Path) -> None:
    run = a_run(resolution=64, closed=False, matting_folder=str(tmp_path), texture="512")
    assert run.options.resolution == 64 and run.options.closed is False
    assert run.options.matting_folder == tmp_path
    assert run.texture_size == 512 and a_run().texture_size == 0
    assert run.digest != a_run().digest and a_run().digest == a_run().digest


def test_the_same_settings_may_go_on(a_run, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    a_run().note(folder)
    first = (tmp_path / "out" / RUN).read_bytes()
    a_run(threads=4, keeps_codes=False).note(folder)  # the objects do not depend on these
    assert not a_run(is_sharded=True).note(folder).is_sharded, "files stay where they are"
    assert (tmp_path / "out" / RUN).read_bytes() == first
    noted = json.loads(first)
    assert noted["settings"]["resolution"] == 16 and noted["model"] == "tiny"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"resolution": 32}, "resolution 16 and not 32"),
        ({"closed": False, "size": 2.0}, "closed True and not False, size 1.0 and not 2.0"),
        ({"weights": "0" * 64}, "the model tiny, with other weights"),
        ({"matting": "u2net"}, "the matting model none and not u2net"),
    ],
)
def test_other_settings_are_refused(a_run, tmp_path: Path, changes: dict, reason: str) -> None:
    folder = Folder(str(tmp_path / "out"))
    a_run().note(folder)
    before = (tmp_path / "out" / RUN).read_bytes()
    with pytest.raises(InputError, match=reason) as caught:
        a_run(**changes).note(folder)
    assert "Choose another output folder" in caught.value.hint
    assert (tmp_path / "out" / RUN).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged"),
        (b'{"format": 1', "is damaged"),
        (b"[]", "is damaged"),
        (b"null", "is damaged"),
        (b"\xff", "is damaged"),
        (b'{"format": 1, "settings": 3, "weights": ""}', "is damaged"),
        (b'{"format": 99}', "another version"),
    ],
)
def test_damaged_notes(a_run, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RUN).write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        a_run().note(Folder(str(tmp_path / "out")))
    assert "Choose another folder" in caught.value.hint


def test_models(tiny_folder: Path, tmp_path: Path) -> None:
    folder, weights = chosen_model(str(tiny_folder))
    assert folder == str(tiny_folder) and len(weights) == 64
    assert chosen_model(str(tiny_folder), "fp32")[1] != weights, "fp32 reads the exact weights"
    starter, others = chosen_model(str(STARTER_FOLDER))
    assert starter == "" and others != weights, "each machine has the starter model at its place"
    with pytest.raises(ModelFilesError):
        chosen_model(str(tmp_path))
