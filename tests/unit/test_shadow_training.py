"""The shadow network's training: true shadows, a loss that falls, a file as torch computes."""

import hashlib
import re
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import layers
import shadow_train
from drawn import DRAWERS
from floor import floor_shadows
from layers import LAYER, as_layer, make_layer, path_of
from photos import make_photo, network_sample, painted_shadow
from primitives import BOX
from shadow_evaluate import GROUPS, KINDS, SUBJECTS
from shadow_export import export
from shadow_train import batches, make_batch, train
from solids import Part, Solid
from triposr.inference.picture import shadow
from unet import ShadowNetwork
from views import Camera, Light

SEEDS = 2  # solids to train with


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    for seed in range(SEEDS):
        cv2.imwrite(str(path_of(folder, seed)), make_layer(seed))
    return folder


@pytest.fixture
def options(folder: Path, tmp_path: Path, monkeypatch) -> Namespace:
    """A run of 64-pixel pictures."""
    monkeypatch.setattr(shadow_train, "SIZES", (64,))
    monkeypatch.setattr(shadow_train, "WARM_UP", 3)
    return Namespace(
        layers_folder=folder,
        layers=SEEDS,
        checkpoint=tmp_path / "checkpoint.pt",
        steps=40,
        batch=8,
        seed=0,
    )


def test_learns(options: Namespace) -> None:
    with ThreadPoolExecutor(1) as pool:
        losses = train(pool, options)
    assert len(losses) == options.steps
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:4])


def test_a_stopped_run_goes_on_as_if_it_had_not_been(options: Namespace, monkeypatch) -> None:
    options.steps = 4
    monkeypatch.setattr(shadow_train, "rate", lambda step, steps: 0.1)
    with ThreadPoolExecutor(2) as pool:
        whole = train(pool, options)
        options.checkpoint.unlink()
        first = train(pool, Namespace(**vars(options) | {"steps": 2}))
        then = train(pool, options)
    assert (len(first), len(then)) == (2, 2)
    assert [*first, *then] == pytest.approx(whole, rel=1e-3)


def test_batches_do_not_depend_on_who_makes_them(options: Namespace) -> None:
    with ThreadPoolExecutor(3) as pool:
        _, second = (next(made) for made in [batches(pool, options, 0)] * 2)
    seen, truth = make_batch(options.layers_folder, SEEDS, options.seed, 1, options.batch)
    assert np.array_equal(second[0], seen) and np.array_equal(second[1], truth)


def test_file_says_what_torch_says(tmp_path: Path, monkeypatch) -> None:
    torch.manual_seed(0)
    network = ShadowNetwork()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # which training leaves so
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    export(network, tmp_path / "shadow.onnx")
    monkeypatch.setattr(shadow, "NETWORK", tmp_path / "shadow.onnx")
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (70, 131, 3), np.uint8)
    backdrop = rng.uniform(0, 255, rgb.shape).astype(np.float32)
    excess = rng.uniform(0, 9, rgb.shape[:2]).astype(np.float32)
    found = shadow.subject_probability(rgb, backdrop, excess)
    seen = np.zeros((4, 96, 160), np.float32)
    seen[:, :70, :131] = shadow.network_input(rgb, backdrop, excess)
    with torch.no_grad():
        there = network(torch.from_numpy(seen)[None])[0, 0]
        mirrored = network(torch.from_numpy(seen[..., ::-1].copy())[None])[0, 0]
    said = ((there + mirrored.flip(-1)) / 2).sigmoid()[:70, :131]
    assert found == pytest.approx(said.numpy(), abs=1e-4)


def test_the_backdrops_color_does_not_matter() -> None:
    subject = np.random.default_rng(0).uniform(0.3, 1, (20, 20, 3)).astype(np.float32)
    on = [
        shadow.network_input(
            np.round(subject * color).astype(np.uint8),
            np.broadcast_to(np.array(color, np.float32), subject.shape),
            np.ones((20, 20), np.float32),
        )
        for color in ((250, 250, 250), (240, 250, 230))
    ]
    assert np.abs(on[0] - on[1]).max() < 0.02


def test_card_is_of_this_network() -> None:
    """Its table comes from `make shadow-eval` of this very file, which is small."""
    card = shadow.NETWORK.with_name("README.md").read_text(encoding="utf-8")
    content = shadow.NETWORK.read_bytes()
    assert len(content) < 1e6
    assert f"Network {hashlib.sha256(content).hexdigest()[:16]}, {SUBJECTS} subjects" in card
    for name in GROUPS:
        [row] = re.findall(rf"^\| {name} \|((?: \d\.\d{{3}} \|)+)$", card, re.MULTILINE)
        *overlaps, mean, kept = (float(cell) for cell in row.split("|")[:-1])
        assert len(overlaps) == len(KINDS) and mean == pytest.approx(np.mean(overlaps), abs=1e-3)
        assert kept > 0.9


@pytest.mark.parametrize("side", [-1, 1])
def test_a_solids_shadow_lies_away_from_the_lamp(side: int) -> None:
    box = Solid.pack("box", [Part(BOX, (0.2, 0.2, 0.4, 0.0))])
    up = 0.7071
    light = Light((side * up, up, 0.0))
    cast, around = floor_shadows(box, Camera(0, 30, 40), light, 0.02, 96, (0, 0, 1), 0)
    columns = np.arange(96) - 47.5
    center = (cast * columns).sum() / cast.sum()
    assert center * side < -8
    assert abs((around * columns).sum() / around.sum()) < 1, "but not that of light all around"
    assert cast.max() == 1 and 0 < around.max() <= 1


def test_a_layers_file_keeps_its_colors_and_shadows(folder: Path) -> None:
    layer = as_layer(make_layer(0))
    again = layers.read_layer(folder, 0)
    assert np.array_equal(layer.color, again.color) and np.array_equal(layer.cast, again.cast)
    assert layer.alpha.shape == (LAYER, LAYER) and 0.01 < layer.alpha.mean() < 0.9
    assert layer.cast.max() > 0.5 and layer.around.max() > 0.5


@pytest.mark.parametrize("number", range(12))
def test_pictures_are_subjects_on_a_plain_backdrop(folder: Path, number: int) -> None:
    photo = make_photo(np.random.default_rng(number), folder, SEEDS, 96)
    assert photo.rgb.shape == (96, 96, 3) and photo.alpha.max() <= 1
    sample = network_sample(photo)
    if photo.alpha.mean() < 0.015:
        assert sample is None
    else:
        seen, truth = sample
        assert seen.shape == (4, 96, 96) and truth is photo.alpha
        assert np.isfinite(seen).all() and seen[3].min() >= 0 and seen[3].max() <= 1


def test_painted_shadows_are_soft_and_beside_the_subject() -> None:
    alpha = np.zeros((128, 128), np.float32)
    alpha[40:90, 50:80] = 1
    for number in range(20):
        cast = painted_shadow(np.random.default_rng(number), alpha)
        assert cast.min() >= 0 and cast.max() <= 1.001
        change = np.abs(np.diff(cast, axis=0)).max(), np.abs(np.diff(cast, axis=1)).max()
        assert max(change) < 0.75, "no outline of its own"


@pytest.mark.parametrize("drawer", dict.fromkeys(DRAWERS), ids=lambda drawer: drawer.__name__)
def test_every_part_is_drawn(drawer) -> None:
    shares = []
    for number in range(8):
        mask = np.zeros((128, 128), np.uint8)
        drawer(np.random.default_rng(number), mask)
        shares.append((mask > 127).mean())
    assert max(shares) > 0.005 and min(shares) < 0.7
