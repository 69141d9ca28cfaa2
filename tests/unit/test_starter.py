"""The starter model that ships: it meets objects that it never saw, and no axis is swapped."""

import hashlib
import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.spatial import cKDTree

import figures
from architecture import write_config
from batches import HELD_OUT
from evaluate import FIRST_SEED as MEASURED_FROM
from evaluate import OBJECTS
from families import FAMILIES
from figures import Case, Figures, SolidTruth, iou
from solids import Solid
from triposr.inference import Options, extract_mesh, load_model
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.surface.field import Field
from views import Camera, Light

REAL_OBJECTS = Path(__file__).parents[2] / "tools" / "starter" / "real_objects.sha256"
FIRST_SEED = 30_000_000
FRONT = Camera(elevation=20)  # sees the tops of things as well


@pytest.fixture(scope="module")
def starter() -> Model:
    return load_model(STARTER_FOLDER, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def measured(starter: Model) -> list[Figures]:
    """Of one object per family."""
    return [
        figures.evaluate_object(starter, FIRST_SEED + number, family)
        for number, family in enumerate(FAMILIES)
    ]


@pytest.fixture(scope="module")
def case(starter: Model, steps: Solid) -> Case:
    """What the model makes of the three blocks."""
    code = figures.encode(starter, SolidTruth(steps), FRONT, Light())
    mesh = extract_mesh(code, 96, Options().threshold, device="cpu")
    return Case(0, SolidTruth(steps), FRONT, Light(), Field(code), mesh)


@pytest.mark.parametrize(
    ("name", "least"), [("volume", 0.52), ("input_view", 0.78), ("unseen_views", 0.72)]
)
def test_meets_objects_that_it_never_saw(measured: list[Figures], name: str, least: float) -> None:
    assert np.mean([getattr(figure, name) for figure in measured]) > least


def test_every_family_is_met(measured: list[Figures]) -> None:
    assert min(figure.volume for figure in measured) > 0.1


def test_colors_are_those_of_the_objects(measured: list[Figures]) -> None:
    assert np.mean([figure.color for figure in measured]) < 0.085


def test_objects_fit_worse_when_mirrored_or_turned(measured: list[Figures]) -> None:
    wrong = np.mean([(*figure.mirrored, *figure.turned) for figure in measured], axis=0)
    assert np.mean([figure.volume for figure in measured]) > wrong.max() + 0.05


def test_no_axis_is_mirrored_or_swapped(case: Case) -> None:
    """Of the 48 ways to turn and mirror a cube, leaving it as it is fits best by far."""
    truth, result = figures.volumes(case)
    as_it_is, *others = (iou(truth, oriented(result, *way)) for way in orientations())
    assert as_it_is > 0.5
    assert as_it_is > max(others) + 0.05


def orientations() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Orders of the axes with those that are mirrored; the first changes nothing."""
    mirrored = [[axis for axis in range(3) if signs[axis]] for signs in np.ndindex(2, 2, 2)]
    return [(order, tuple(m)) for order in itertools.permutations(range(3)) for m in mirrored]


def oriented(
    volume: NDArray[np.bool_], order: tuple[int, ...], mirrored: tuple[int, ...]
) -> NDArray[np.bool_]:
    return np.flip(volume.transpose(order), mirrored)


def test_mesh_follows_the_outline_of_the_picture_and_is_not_cut_off(case: Case) -> None:
    assert np.abs(case.mesh.vertices).max() < case.field.radius
    assert figures.silhouette_iou(case, FRONT) > 0.7


def test_half_precision_hardly_moves_the_surface(starter: Model, case: Case) -> None:
    half = load_model(STARTER_FOLDER, device="cpu", precision="bf16")
    code = figures.encode(half, case.truth, FRONT, Light())
    mesh = extract_mesh(code, 96, Options().threshold, device="cpu")
    exact, rounded = (
        figures.volumes(Case(0, case.truth, FRONT, Light(), field, mesh))[1]
        for field in (case.field, Field(code))
    )
    assert iou(exact, rounded) > 0.97
    apart, _ = cKDTree(case.mesh.vertices).query(mesh.vertices)
    assert np.percentile(apart, 99) < 0.02


def test_each_block_of_the_mesh_has_its_own_color(case: Case, by_color) -> None:
    """Red is high, on the picture's left; blue is lower, on the right; green in front of it."""
    red, green, blue = by_color(case.mesh.vertices, case.mesh.colors)
    assert min(map(len, (red, green, blue))) > 0.02 * len(case.mesh.vertices)
    assert red[:, 1].mean() < -0.1 and min(blue[:, 1].mean(), green[:, 1].mean()) > 0.1
    assert green[:, 0].mean() > blue[:, 0].mean() + 0.05 > red[:, 0].mean() + 0.1
    top = [np.percentile(part[:, 2], 95) for part in (red, blue, green)]
    assert top[0] > top[1] + 0.2 and top[1] > top[2] + 0.1


def test_card_is_of_this_model() -> None:
    """Its tables come from `make starter-eval` and `make real-eval` of these very weights."""
    card = (STARTER_FOLDER / "README.md").read_text(encoding="utf-8")
    weights = hashlib.sha256((STARTER_FOLDER / "model.safetensors").read_bytes()).hexdigest()
    real = rf"^Weights {weights[:16]}, files [0-9a-f]{{16}}: 46 objects\.$"  # `make real-eval`
    assert re.search(real, card, re.M)
    last = MEASURED_FROM + OBJECTS - 1
    assert f"Weights {weights[:16]}, {OBJECTS} objects of seeds {MEASURED_FROM} to {last}." in card
    found = re.findall(r"^\| ([a-z]+|\*\*all\*\*) \| (\d+ \|(?: \d\.\d{3} \|){4})$", card, re.M)
    rows = {name: [float(value) for value in cells.split("|")[:-1]] for name, cells in found}
    total = rows.pop("**all**")
    assert set(rows) == set(FAMILIES)
    counts = [count for count, *_ in rows.values()]
    assert set(counts) == {OBJECTS / len(FAMILIES)} and sum(counts) == total[0]
    assert np.mean([values for _, *values in rows.values()], axis=0) == pytest.approx(
        total[1:], abs=1e-3
    )


def test_card_and_credits_count_what_was_used() -> None:
    card, credits = (
        (STARTER_FOLDER / name).read_text(encoding="utf-8") for name in ("README.md", "CREDITS.md")
    )
    used = REAL_OBJECTS.read_text(encoding="utf-8").splitlines()
    held_out = HELD_OUT // 2  # two views of each
    assert f"on {len(used) - held_out:,} models" in card
    assert f"{len(used):,} less {held_out} that are held out" in card
    catalogs = Counter(re.findall(r"^\w{64}  sweet/([\w-]+)/", "\n".join(used), re.M))
    collections = Counter(re.findall(r"^\w{64}  (\w+)/", "\n".join(used), re.M))
    named = {n: int(c) for n, c in re.findall(r"^## (\S+): (\d+) objects$", credits, re.M)}
    for name, rows in re.findall(
        r"^## (\S+): [^#]*?^\|---\|.*?\n(.*?)(?:\n\n|\Z)", credits, re.M | re.S
    ):
        objects = [one for row in rows.splitlines() for one in row.split(" | ")[1].split("; ")]
        counts = [re.search(r"\((\d+)\)$", one) for one in objects]
        assert sum(int(count[1]) if count else 1 for count in counts) == named[name]
    free, asking = "BlendSwap-CC-0", ("BlendSwap-CC-BY", "KatorLegaz", "Scopia")
    assert named == {name: catalogs[name] for name in asking} | {free: 2}
    assert f"({catalogs[free] - 2} objects, and two more below)" in " ".join(credits.split())
    for name in ("quaternius", "kenney", "kaykit"):
        assert f"({collections[name]})" in credits
    rows = re.findall(r"^\|.*\| CC(?: BY 3\.0(?: US)?|0) \| \d+ \| (\d+) \|$", card, re.M)
    by_license = [
        *(catalogs[free], catalogs["BlendSwap-CC-BY"] + catalogs["Scopia"]),
        *(catalogs["KatorLegaz"], *(collections[n] for n in ("quaternius", "kenney", "kaykit"))),
    ]
    assert [int(count) for count in rows] == by_license and sum(by_license) == len(used)


def test_model_is_small_complete_and_what_training_makes(tmp_path: Path) -> None:
    files = {
        path.relative_to(STARTER_FOLDER).as_posix(): path
        for path in STARTER_FOLDER.rglob("*")
        if path.is_file()
    }
    published = {"config.yaml", "model.safetensors", "vit/config.json"}
    assert set(files) == {"README.md", "CREDITS.md", *published}
    assert files["model.safetensors"].stat().st_size <= 16_000_000
    assert {tensor.dtype for tensor in load_file(files["model.safetensors"]).values()} == {
        torch.float16
    }
    write_config(tmp_path)
    for name in ("config.yaml", "vit/config.json"):
        assert files[name].read_bytes() == (tmp_path / name).read_bytes()
