"""A small model, small pictures, one Ray for all tests, and the command without Ray."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from batch_runs import RESOLUTION, TINY, draw
from light_stages import bare_environment

from triposr.batch import command, finishing
from triposr.batch.cluster import Resources, start_ray, stop_ray
from triposr.batch.finishing import finish
from triposr.batch.passing import each
from triposr.batch.rows import Row
from triposr.batch.run import Run, chosen_model
from triposr.batch.stages import Encoder, prepare
from triposr.inference import load_model
from triposr.inference.model.network import Model
from triposr.settings import OBJECT, defaults_of


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """A home of the tests' own: Ray writes into it."""
    with tempfile.TemporaryDirectory(prefix="home-") as folder, pytest.MonkeyPatch.context() as mp:
        mp.setenv("HOME", folder)
        for name in ("RAY_ADDRESS", "U2NET_HOME"):
            mp.delenv(name, raising=False)
        yield Path(folder)


@pytest.fixture(scope="session")
def ray_folder() -> Iterator[Path]:
    """Where Ray puts its sockets, whose paths must be short, and its logs."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running_ray(home: Path, ray_folder: Path) -> Iterator[None]:
    """Ray with two cores."""
    with pytest.MonkeyPatch.context() as mp:
        for name, value in bare_environment(home, ray_folder).items():
            mp.setenv(name, value)
        start_ray(Resources(cores=2))
        yield
        stop_ray()


@pytest.fixture(scope="session")
def tiny_folder() -> Path:
    """A whole small model."""
    return TINY


@pytest.fixture(scope="session")
def tiny() -> Model:
    return load_model(TINY, device="cpu", precision="fp32")


@pytest.fixture
def a_run(tmp_path: Path) -> Callable[..., Run]:
    """Make the settings of a run of the small model."""

    def make(**changes: object) -> Run:
        settings = {name: changes.pop(name) for name in list(changes) if name in names}
        _, weights = chosen_model(str(TINY), "fp32")
        values = defaults_of(OBJECT) | {"resolution": RESOLUTION} | settings
        run = Run(
            *(str(tmp_path / "out"), values, str(TINY), weights), device="cpu", precision="fp32"
        )
        return replace(run, **changes)

    names = {setting.name for setting in OBJECT}
    return make


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with three good pictures and a bad one."""
    folder = tmp_path / "pictures"
    for number in range(3):
        draw(folder / f"{number}.png", 40 + 10 * number)
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command with its real stages, one after the other in this process; only cameras, which
    take longest, are not looked for.

    Returns:
        The pictures that went through the network, in a list for each run.
    """
    encoded: list[list[str]] = []

    def process(
        pictures: Sequence[str], known: Sequence[str], run: Run, resources: Resources
    ) -> Iterator[tuple[int, str, Row]]:
        encoder, done = Encoder(run), []
        encoded.append(done)
        for number, picture in enumerate(pictures):
            batch = {
                **{"number": [number], "picture": [picture], "attempt": [1]},
                "known": [known[number]],
            }
            for prepared in prepare(batch, run):
                done += [picture] if prepared["kind"] == ["work"] else []
                for code in encoder(prepared):
                    for final in finish(code, run):
                        for at, kind, row, _ in each(final):
                            yield at, kind, row

    monkeypatch.setattr(finishing, "_matched", lambda row, mesh, work: (row, None))
    monkeypatch.setattr(command, "start_ray", lambda resources: None)
    monkeypatch.setattr(command, "stop_ray", lambda: None)
    monkeypatch.setattr(command, "process", process)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    return encoded
