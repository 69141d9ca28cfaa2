"""Training the starter model: it trains the network that the add-on uses, and can be stopped."""

import itertools
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import checkpoints
import dataset
import evaluate
import export
import train
from architecture import PATCHES, RAW_THRESHOLD, initial_network, write_config
from batches import HELD_OUT, Objects, World, chosen, fingerprint, outlines
from dataset import (
    FIELDS,
    HALF_BOX,
    MAP,
    PICTURE,
    POINTS,
    RAYS,
    VOLUME,
    cell_centers,
    make_sample,
)
from figures import Figures
from long_runs import resumed, worker_pool
from objects import make_object
from trainee import RAY_POINTS, Trainee, losses_of_rays
from triposr.inference import load_model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.surface.field import color_at, density_at

SEED = 50_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A shard of three samples, each many times over."""
    folder = tmp_path_factory.mktemp("objects")
    samples = [make_sample(SEED + number) for number in range(3)]
    copies = [samples[number % 3] for number in range(HELD_OUT + 30)]
    np.savez(folder / "00000.npz", **{n: np.stack([getattr(s, n) for s in copies]) for n in FIELDS})
    return folder


@pytest.fixture(scope="module")
def objects(folder: Path) -> Objects:
    return Objects(folder)


def run(monkeypatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, arguments)])
    monkeypatch.setattr(train, "HELD_OUT", 32)
    monkeypatch.setattr(Trainee, "compile_layers", lambda self: None)
    return train.main()


def test_trains_goes_on_and_exports(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    checkpoint = tmp_path / "new" / "checkpoint.pt"
    settings = ["--objects", folder, "--checkpoint", checkpoint, "--batch", 2, "--points", 64]
    settings += ["--device", "cpu", "--looking", 1, "--rays", 8]
    run(monkeypatch, *settings, "--steps", 2)
    run(monkeypatch, *settings, "--steps", 3)
    assert "step 2 of 3" in capsys.readouterr().out
    assert torch.load(checkpoint, weights_only=True)["step"] == 3

    export.export(checkpoint, tmp_path / "model", tmp_path / "heads.safetensors", objects=1)
    model = load_model(tmp_path / "model", device="cpu", precision="fp32")

    # What was trained is what the add-on evaluates, up to bfloat16 and half precision.
    trainee = Trainee(initial_network(write_config(tmp_path / "config"), 0))
    trainee.load_state_dict(torch.load(checkpoint, weights_only=True)["trainee"])
    shift = float(
        export.density_bias(model.network.state_dict(), 3)[0]
        - export.density_bias(trainee.network.state_dict(), 3)[0]
    )
    batch = Objects(folder).batch(np.array([0]), 500, np.random.default_rng(0), vary=False, rays=8)
    with torch.inference_mode():
        expected = trainee(batch)[0][0]
    code = model.encode(batch.pictures[0].permute(1, 2, 0).numpy())
    points = batch.points[0].numpy()
    raw = np.log(density_at(code, points)) - code.density_bias - shift
    spread = float(expected[:, 0].std())
    assert np.abs(raw - expected[:, 0].numpy()).mean() < 0.1 * spread
    color = torch.sigmoid(expected[:, 1:]).numpy()
    assert np.abs(color_at(code, points) - color).mean() < 0.1 * color.std()

    # It is also where another run can start.
    state = export.shipped(tmp_path / "model", tmp_path / "heads.safetensors")
    for name, tensor in trainee.state_dict().items():
        assert torch.allclose(state.pop(name), tensor, rtol=1e-3, atol=1e-4 + abs(shift))
    assert not state


def test_the_mean_of_trained_and_shipped_weights(tmp_path: Path, capsys) -> None:
    shipped = export.shipped(STARTER_FOLDER, export.HEADS)
    name, checkpoint = "network.tokenizer.embeddings", tmp_path / "checkpoint.pt"
    trained = shipped | {name: shipped[name] + 0.4}
    checkpoints.write({"trainee": trained, "step": 1, "steps": 1}, checkpoint)
    heads = tmp_path / "heads.safetensors"
    export.export(checkpoint, tmp_path, heads, 1, resume=True, weight=0.25)
    between = export.shipped(tmp_path, heads)
    assert torch.allclose(between[name], shipped[name] + 0.1, atol=2e-3)
    assert between.keys() == shipped.keys()
    capsys.readouterr()
    export.export(checkpoint, tmp_path, heads, 1, resume=True, weight=0.25)
    assert "exported already" in capsys.readouterr().out
    export.export(checkpoint, tmp_path, heads, 1, resume=True, weight=0.75)
    assert torch.allclose(export.shipped(tmp_path, heads)[name], shipped[name] + 0.3, atol=2e-3)
    with pytest.raises(SystemExit, match="cannot replace it"):
        export.export(checkpoint, STARTER_FOLDER, heads, 1, weight=0.25)
    with pytest.raises(SystemExit, match="another network"):
        export.mean(shipped, {name: shipped[name]}, 0.5)


def test_rays_meet_what_the_picture_shows(objects: Objects) -> None:
    for number in range(3):
        solid = make_object(SEED + number)
        rays = objects.arrays["rays"][number].astype(np.float64)
        hits = objects.arrays["hits"][number]
        shares = np.linspace(0, 1, 1000)[:, None]
        points = rays[:, None, 0] * (1 - shares) + rays[:, None, 1] * shares
        nearest = solid.distance(points.reshape(-1, 3)).reshape(len(rays), -1).min(axis=1)
        # Half a step, the accuracy of the tracing and that of float16; a pixel is four times that.
        sure = np.abs(nearest) > 0.003
        assert np.array_equal((nearest < 0)[sure], hits[sure])
        assert 0.2 < hits.mean() < 0.8 and sure.mean() > 0.7


def test_a_ray_stands_for_where_it_is_densest(tmp_path: Path, monkeypatch) -> None:
    trainee = Trainee(initial_network(write_config(tmp_path), 0))
    center = torch.tensor([0.1, -0.2, 0.3])
    monkeypatch.setattr(
        trainee, "_decode", lambda code, points: -(points - center).norm(dim=-1, keepdim=True)
    )
    ends = torch.tensor([[[-0.6, 0, 0], [0.6, 0, 0]], [[0, 0, -0.6], [0.0, 0, 0.6]]])
    found = trainee._densest(torch.zeros(3, 1, 1, 1), ends[None])[0]
    step = 1.2 / RAY_POINTS
    assert torch.allclose(found, torch.tensor([[0.1, 0, 0], [0, 0, 0.3]]), atol=step / 2 + 1e-6)


def test_what_rays_ask_for_reaches_the_planes(objects: Objects, tmp_path: Path) -> None:
    trainee = Trainee(initial_network(write_config(tmp_path), 0))
    batch = objects.batch(np.array([0]), 16, np.random.default_rng(0), vary=False, rays=RAYS)
    trainee.learn(batch)["rays"].backward()
    assert trainee.network.tokenizer.embeddings.grad.abs().max() > 0
    none = objects.batch(np.array([0]), 16, np.random.default_rng(0), vary=False)
    assert "rays" not in trainee.learn(none)


def test_rays_ask_for_something_on_those_that_hit_and_for_nothing_else() -> None:
    batch = SimpleNamespace(hits=torch.tensor([[1.0, 0.0]]))
    inside, outside = RAW_THRESHOLD + 4, RAW_THRESHOLD - 4
    losses = {
        raw: float(losses_of_rays(torch.tensor([[[raw[0]], [raw[1]]]]), batch)["rays"])
        for raw in itertools.product((inside, outside), repeat=2)
    }
    assert min(losses, key=losses.get) == (inside, outside)
    assert max(losses, key=losses.get) == (outside, inside)
    assert losses_of_rays(torch.zeros(1, 0, 4), SimpleNamespace(hits=torch.zeros(1, 0))) == {}


def test_calibration_makes_up_for_densities_that_are_too_low(monkeypatch) -> None:
    """The surface of such a model lies a fiftieth within that of the object."""

    def encode(model, truth, camera, light):
        def density(points):
            return np.exp(RAW_THRESHOLD - 20 * truth.solid.distance(points) - 0.4 - 1)

        return SimpleNamespace(density=density, density_bias=-1.0)

    monkeypatch.setattr(export, "encode", encode)
    monkeypatch.setattr(export, "density_at", lambda code, points: code.density(points))
    shift, before, after = export.best_shift(None, 2)
    assert shift == pytest.approx(0.4, abs=0.051)
    assert min(after) > 0.95 and min(after - before) > 0.01


def test_too_few_objects_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"dataset\.py"):
        Objects(tmp_path)


def test_objects_of_an_older_kind_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "00000.npz", picture=np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(SystemExit, match="anew"):
        Objects(tmp_path)


def test_no_checkpoint_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["export.py", "--checkpoint", str(tmp_path / "none.pt")])
    with pytest.raises(SystemExit, match=r"train\.py"):
        export.main()


def test_more_objects_from_a_seed_on(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(dataset, "SHARD", 2)
    arguments = ["dataset.py", "--first", "4", "--objects", "3", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    dataset.main()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00002.npz", "00003.npz"]
    with np.load(tmp_path / "00003.npz") as shard:
        assert np.array_equal(shard["picture"][1], dataset.make_sample(7).picture)
    written = (tmp_path / "00002.npz").stat().st_mtime_ns
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*arguments[:4], "6", *arguments[5:]])
    dataset.main()
    begun, *lines = capsys.readouterr().out.splitlines()
    assert begun == "2 of 3 shards are there already"
    assert [line.split(",")[0] for line in lines] == ["00004.npz: 1 of 1"]
    assert (tmp_path / "00002.npz").stat().st_mtime_ns == written
    monkeypatch.setattr(sys, "argv", ["dataset.py", "--first", "3"])
    with pytest.raises(SystemExit):
        dataset.main()


def test_an_epoch_has_each_object_once() -> None:
    stream = np.concatenate([chosen(HELD_OUT + 50, 8, 3, step) for step in range(25)])
    epochs = stream.reshape(4, 50)
    assert all(len(set(epoch)) == 50 for epoch in epochs)
    assert stream.min() == HELD_OUT
    assert not np.array_equal(epochs[0], epochs[1])


def test_mirrored_objects_are_consistent(objects: Objects) -> None:
    """The picture's left is -Y: colors, points, positions and outlines are swapped together."""
    plain = objects.batch(np.array([1]), POINTS, np.random.default_rng(0), vary=False, rays=RAYS)
    for seed in range(20):
        varied = objects.batch(np.array([1]), POINTS, np.random.default_rng(seed), rays=RAYS)
        if not torch.equal(varied.points, plain.points):
            break
    assert torch.equal(varied.points, plain.points * torch.tensor([1, -1, 1]))
    assert torch.equal(varied.rays, plain.rays * torch.tensor([1, -1, 1]))
    assert torch.equal(varied.hits, plain.hits) and plain.hits.shape == (1, RAYS)
    gray = plain.pictures.flip(-1).mean(1)  # the same whatever the order of the colors
    assert torch.allclose(varied.pictures.mean(1), gray, atol=1e-6)
    swap = torch.tensor([1.0, -1, 1]).view(3, 1, 1)
    expected = plain.positions.flip(-1) * swap
    assert torch.allclose(varied.positions, expected, equal_nan=True)
    # Seen along X, the outline is mirrored from side to side: y runs along its columns.
    assert torch.equal(varied.outlines[0, 2, 0], plain.outlines[0, 2, 0].flip(-1))
    # Seen along Y, it stays, and what began at its near end begins at its far end.
    assert torch.equal(varied.outlines[0, 1, 0], plain.outlines[0, 1, 0])
    begin, end = varied.outlines[0, 1, 1:], plain.outlines[0, 1, 1:].flip(0).neg()
    assert torch.allclose(begin, end, equal_nan=True)


def test_channels_of_picture_and_points_are_exchanged_alike(objects: Objects) -> None:
    plain = objects.batch(np.array([1]), POINTS, np.random.default_rng(0), vary=False)
    varied = objects.batch(np.array([1]), POINTS, np.random.default_rng(2))
    pictures = (plain.pictures, plain.pictures.flip(-1))
    fitting = [
        order
        for order in itertools.permutations(range(3))
        if any(torch.equal(varied.pictures, picture[:, list(order)]) for picture in pictures)
    ]
    assert len(fitting) == 1 and fitting[0] != (0, 1, 2), "another seed would vary the colors"
    assert torch.equal(varied.colors, plain.colors[..., list(fitting[0])])


def test_a_checkpoint_of_another_run_is_refused(folder: Path, tmp_path: Path, monkeypatch) -> None:
    arguments = ["--objects", folder, "--checkpoint", tmp_path / "a.pt", "--points", 64]
    arguments += ["--device", "cpu", "--looking", 1, "--steps", 1]
    run(monkeypatch, *arguments, "--batch", 2)
    with pytest.raises(SystemExit, match="batch 2, not 3"):
        run(monkeypatch, *arguments, "--batch", 3)


def test_outlines_are_laid_out_as_the_planes_are() -> None:
    centers = cell_centers(VOLUME).reshape(VOLUME, VOLUME, VOLUME, 3)
    x, y, z = np.moveaxis(centers, -1, 0)
    volume = ((x > 0.3) & (y > 0) & (z > -0.2) & (z < 0.4)).astype(np.uint8)
    for plane, (column, row, along) in enumerate(((x, y, z), (x, z, y), (y, z, x))):
        there, begin, end = outlines(volume)[plane]
        inside = volume.astype(bool)
        columns = {*zip(column[inside].tolist(), row[inside].tolist(), strict=True)}
        assert np.count_nonzero(there) == len(columns) > 0
        for r, c in zip(*np.nonzero(there), strict=True):
            here = volume.astype(bool) & np.isclose(column, column_at(c))
            here &= np.isclose(row, column_at(r))
            assert here.any()
            assert begin[r, c] * HALF_BOX == pytest.approx(along[here].min(), abs=1e-4)
            assert end[r, c] * HALF_BOX == pytest.approx(along[here].max(), abs=1e-4)
        assert np.isnan(begin[there == 0]).all()


def column_at(index: int) -> float:
    return ((index + 0.5) / VOLUME * 2 - 1) * HALF_BOX


def test_positions_of_the_picture_are_laid_out_as_the_head_tells_them(tmp_path: Path) -> None:
    """The head's output for patch (row, column) fills the cells of that patch."""
    trainee = Trainee(initial_network(write_config(tmp_path), 0))
    cell = MAP // PATCHES
    with torch.no_grad():
        trainee.head.weight.zero_()
        trainee.head.bias.copy_(torch.arange(trainee.head.out_features, dtype=torch.float32))
    batch = SimpleNamespace(pictures=torch.zeros(1, 3, PICTURE, PICTURE))
    shown = trainee._look(batch)[1]
    expected = torch.arange(cell**2, dtype=torch.float32).view(cell, cell)
    assert torch.equal(shown[0, 0, :cell, :cell], expected)
    assert torch.equal(shown[0, 1, -cell:, -cell:], expected + cell**2)


def test_network_starts_by_looking_where_its_tokens_lie(tmp_path: Path) -> None:
    """From the first step, a token of the (y, z) plane asks the patch that shows its place."""
    network = initial_network(write_config(tmp_path), 0)
    with torch.inference_mode():
        pictures = torch.from_numpy(make_sample(SEED).picture / np.float32(255))
        image_tokens = network.image_tokenizer(pictures.permute(2, 0, 1)[None], lambda done: None)
        backbone = network.backbone
        tokens = backbone.proj_in(backbone.norm(network.tokenizer()).transpose(1, 2))
        block = backbone.transformer_blocks[0]
        asking = block.attn2.to_q(block.norm2(tokens)).unflatten(-1, (3, 64))[0, :, 1]
        asked = block.attn2.to_k(image_tokens).unflatten(-1, (3, 64))[0, 1:, 1]
        looked_at = (asking @ asked.T).argmax(dim=1)[-64:].view(8, 8)  # rows are z, columns y
    rows, columns = looked_at // 8, looked_at % 8
    right_column = columns == torch.arange(8)
    right_row = rows == (7 - torch.arange(8)).view(8, 1)  # row 0 is on top
    assert (right_column & right_row).float().mean() > 0.9


def test_seeds_of_training_calibration_and_evaluation_do_not_meet() -> None:
    trained = set(range(72_000))  # see the model's card
    calibrated = set(range(export.FIRST_SEED, export.FIRST_SEED + export.CALIBRATED_WITH))
    measured = set(range(evaluate.FIRST_SEED, evaluate.FIRST_SEED + evaluate.OBJECTS))
    assert trained.isdisjoint(calibrated | measured) and calibrated.isdisjoint(measured)
    assert not np.array_equal(make_object(0).parts, make_object(evaluate.FIRST_SEED).parts)


def test_batches_mix_generated_and_real_objects_in_their_share(objects: Objects) -> None:
    generated, real = (SimpleNamespace(count=n, samples=marked(m)) for n, m in ((999, 0), (500, 1)))
    for share, expected in ((0.0, 0), (0.25, 4), (0.5, 8), (1.0, 16)):
        batch = World(generated, real, share, size=16, points=8, rays=4, seed=0)[0]
        assert len(batch.pictures) == 16
        assert batch.pictures[:, 0, 0, 0].sum() == expected
    alone = World(objects, None, 0.5, size=16, points=8, rays=4, seed=0)[3]
    assert alone.points.shape == (16, 8, 3) and alone.rays.shape == (16, 4, 2, 3)


def marked(mark: int):
    """Samples whose pictures are all `mark`; none of those that are held out."""

    def samples(chosen, points, rng, rays):
        assert (chosen >= HELD_OUT).all()
        return [
            (
                np.full((3, PICTURE, PICTURE), mark, np.float32),
                *(np.zeros(1, np.float32) for _ in range(7)),
            )
            for _ in chosen
        ]

    return samples


def test_a_step_has_the_same_batch_in_every_run(objects: Objects) -> None:
    worlds = [World(objects, objects, 0.5, size=4, points=8, rays=4, seed=1) for _ in range(2)]
    for step in (0, 7, 40):
        one, other = (world[step] for world in worlds)
        assert torch.equal(one.pictures, other.pictures) and torch.equal(one.points, other.points)
    assert not torch.equal(worlds[0][0].points, worlds[0][1].points)


def test_stops_when_its_time_is_up_and_goes_on(
    folder: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    arguments = ["--objects", folder, "--real", folder, "--checkpoint", tmp_path / "a.pt"]
    arguments += ["--device", "cpu", "--looking", 0, "--steps", 3, "--batch", 2, "--points", 64]
    for done, more in ((1, ["--until", 0]), (2, ["--at-most", 1]), (3, [])):
        status = run(monkeypatch, *arguments, *more)
        assert status == (train.CONTINUE if done < 3 else 0)
        said = capsys.readouterr().out
        assert ("held out, real:" in said) == (done == 3)
        assert torch.load(tmp_path / "a.pt", weights_only=True)["step"] == done
    monkeypatch.setattr(train, "Objects", None)  # What is done needs no samples.
    assert run(monkeypatch, *arguments) == 0
    arguments[arguments.index("--steps") + 1] = 2
    with pytest.raises(SystemExit, match="3 steps already: pass --steps 3 or more"):
        run(monkeypatch, *arguments)


@pytest.mark.parametrize("change", [{"--rate": 0.5}, {"--start": None}, {"--objects": "other"}])
def test_a_checkpoint_of_another_start_rate_or_samples_is_refused(
    folder: Path, tmp_path: Path, monkeypatch, change: dict
) -> None:
    options = settings_of(monkeypatch, {"--objects": folder, "--checkpoint": tmp_path / "a.pt"})
    state = {"step": 1, "steps": 2, "settings": options.settings, "optimizer": {"state": {}}}
    checkpoints.write(state, tmp_path / "a.pt")
    assert train.restored(options)["step"] == 1
    if "--objects" in change:
        change = {"--objects": tmp_path / "other"}
        shutil.copytree(folder, change["--objects"])
        shutil.copy(folder / "00000.npz", change["--objects"] / "00001.npz")
    others = {"--objects": folder, "--checkpoint": tmp_path / "a.pt"} | change
    with pytest.raises(SystemExit, match=f"{next(iter(change)).lstrip('-')} .*not"):
        train.restored(settings_of(monkeypatch, others))


def test_the_rate_can_be_changed_on_purpose(folder: Path, tmp_path: Path, monkeypatch) -> None:
    rates = []
    step = torch.optim.AdamW.step

    def stepping(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", stepping)
    arguments = ["--objects", folder, "--checkpoint", tmp_path / "a.pt", "--batch", 2]
    arguments += ["--device", "cpu", "--looking", 0, "--steps", 9, "--points", 64, "--at-most", 1]
    run(monkeypatch, *arguments)
    run(monkeypatch, *arguments, "--rate", 0.004, "--change-rate")
    with pytest.raises(SystemExit, match=r"rate 0\.004, not 0\.001"):
        run(monkeypatch, *arguments)
    run(monkeypatch, *arguments, "--rate", 0.004)
    expected = [rate * train.schedule(n, 0, 9) for n, rate in enumerate((1e-3, 4e-3, 4e-3))]
    assert rates == pytest.approx(expected)


def settings_of(monkeypatch, arguments: dict) -> SimpleNamespace:
    given = [str(part) for pair in arguments.items() for part in pair if part is not None]
    monkeypatch.setattr(sys, "argv", ["train.py", "--looking", "0", *given])
    options = train.arguments()
    options.settings = train.settings(options)
    return options


def test_steps_without_finite_gradients_are_skipped(
    folder: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    class Failing(Trainee):
        """A trainee with one bad batch."""

        batches, bad = 0, frozenset()

        def learn(self, batch):
            Failing.batches += 1
            factor = torch.nan if Failing.batches in Failing.bad else 1.0
            return {"all": factor * self.head.bias.sum()}

    arguments = ["--objects", folder, "--checkpoint", tmp_path / "a.pt", "--batch", 2]
    arguments += ["--device", "cpu", "--looking", 0, "--points", 64]
    monkeypatch.setattr(train, "Trainee", Failing)
    monkeypatch.setattr(train, "held_out", lambda *_: {})
    Failing.bad = {2, 4}
    run(monkeypatch, *arguments, "--steps", 5)
    said = capsys.readouterr().out
    assert "step 2 is skipped" in said and "step 4 is skipped" in said and "2 so far" in said
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    assert state["step"] == 5
    assert all(tensor.isfinite().all() for tensor in state["trainee"].values())
    Failing.batches, Failing.bad = 0, {1, *range(3, 99)}
    with pytest.raises(SystemExit, match="10 steps in a row"):
        run(monkeypatch, *arguments, "--steps", 99)
    assert Failing.batches == 12
    assert torch.load(tmp_path / "a.pt", weights_only=True)["step"] == 5


def test_a_batch_may_be_larger_than_what_there_is() -> None:
    batch = chosen(HELD_OUT + 3, 8, seed=0, step=0)
    assert len(batch) == 8 and sorted(np.bincount(batch - HELD_OUT)) == [2, 3, 3]
    stream = np.concatenate([chosen(HELD_OUT + 3, 8, seed=0, step=step) for step in range(3)])
    assert (np.bincount(stream - HELD_OUT) == 8).all()


def state_of(step: int, size: int = 100) -> dict:
    moments = {"exp_avg": torch.rand(size), "exp_avg_sq": torch.rand(size), "step": torch.ones(())}
    return {"step": step, "optimizer": {"state": {0: moments}, "param_groups": []}}


def step_of(place: Path) -> int:
    return checkpoints.load(checkpoints.read(place))["step"]


def test_the_newest_checkpoint_of_a_folder_counts(tmp_path: Path) -> None:
    """An older one can be there too, copied along with it or not deleted in time."""
    assert checkpoints.read(tmp_path) is None and checkpoints.read(tmp_path / "a.pt") is None
    old, new = tmp_path / "old", tmp_path / "new"
    for place, step in ((old, 999), (new, 1000)):
        place.mkdir()
        checkpoints.write(state_of(step), place)
    shutil.copytree(old, new, dirs_exist_ok=True)
    assert len(list(new.iterdir())) == 2 and step_of(new) == 1000
    checkpoints.write(state_of(1001), new)
    assert [path.name[:19] for path in new.iterdir()] == ["checkpoint-00001001"]


def test_parts_are_small_and_hold_all_but_the_last_bits_of_moments(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(checkpoints, "PART", 1000)
    state = state_of(7, size=2000)
    checkpoints.write(state, tmp_path)
    sizes = [path.stat().st_size for path in tmp_path.glob("*/part.*")]
    assert len(sizes) > 8 and max(sizes) == 1000
    found = checkpoints.load(checkpoints.read(tmp_path))["optimizer"]["state"][0]
    for name, tensor in state["optimizer"]["state"][0].items():
        assert torch.allclose(found[name].float(), tensor, rtol=0.004)


@pytest.mark.parametrize("moment", ["part.01", checkpoints.LIST, "rename", "rmtree"])
def test_a_save_that_is_killed_loses_nothing(tmp_path: Path, monkeypatch, moment: str) -> None:
    checkpoints.write(state_of(1), tmp_path)
    monkeypatch.setattr(checkpoints, "PART", 1000)

    def kill(*_, **__):
        raise KeyboardInterrupt

    def write_then_die(original):
        def write(self, data):
            if self.name == moment:
                kill()
            return original(self, data)

        return write

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if moment == "rename":
            patch.setattr(Path, "rename", kill)
        elif moment == "rmtree":
            patch.setattr(
                checkpoints.shutil,
                "rmtree",
                lambda path, ignore_errors=False: None if ignore_errors else kill(),
            )
        else:
            for name in ("write_bytes", "write_text"):
                patch.setattr(Path, name, write_then_die(getattr(Path, name)))
        checkpoints.write(state_of(2), tmp_path)
    assert step_of(tmp_path) == (2 if moment == "rmtree" else 1)
    checkpoints.write(state_of(3), tmp_path)
    assert step_of(tmp_path) == 3 and len(list(tmp_path.iterdir())) == 1


def test_damaged_parts_are_not_continued(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "PART", 1000)
    for name, damage, told in (
        (checkpoints.LIST, Path.unlink, "parts.json is missing"),
        (checkpoints.LIST, lambda path: path.write_text("{"), "parts.json cannot be read"),
        ("part.01", Path.unlink, "part.01 is missing"),
        ("part.01", lambda path: path.write_bytes(b"x"), "wrong checksum"),
    ):
        place = tmp_path / f"{name} {told}"
        place.mkdir()
        checkpoints.write(state_of(1), place)
        damage(next(place.glob(f"*/{name}")))
        with pytest.raises(SystemExit, match=f"{told}.*delete it to train from the start"):
            checkpoints.read(place)


def test_an_export_is_not_repeated(tmp_path: Path, monkeypatch) -> None:
    """It continues with the objects that it is calibrated with, and ends once."""
    trainee = Trainee(initial_network(write_config(tmp_path / "config"), 0))
    state = {"trainee": trainee.state_dict(), "steps": 1}
    checkpoint, heads = tmp_path / "a.pt", tmp_path / "heads.safetensors"
    checkpoints.write(state | {"step": 1}, checkpoint)
    encoded = []

    def encode(model, truth, camera, light):
        if len(encoded) == 1 and encoded != ["killed"]:
            encoded[:] = ["killed"]
            raise KeyboardInterrupt
        encoded.append(truth)
        return SimpleNamespace(density_bias=0)

    monkeypatch.setattr(export, "encode", encode)
    monkeypatch.setattr(export, "density_at", lambda code, points: np.ones(len(points), np.float32))

    def exported() -> None:
        export.export(checkpoint, tmp_path / "model", heads, objects=2, resume=True)

    with pytest.raises(KeyboardInterrupt):
        exported()
    assert not heads.exists() and len(list(tmp_path.glob("*.jsonl"))) == 1
    exported()
    assert len(encoded) == 2  # the kill, and the one object that was left
    assert not list(tmp_path.glob("*.jsonl")) and not list(tmp_path.rglob("*.part"))
    exported()
    assert len(encoded) == 2
    checkpoints.write(state | {"step": 2}, checkpoint)
    exported()
    assert len(encoded) == 4


def test_what_was_computed_is_kept(tmp_path: Path) -> None:
    kept, names, computed = tmp_path / "kept.jsonl", ["a", "b", "c"], []

    def compute(numbers):
        for number in numbers:
            if number == 1 and not computed[1:]:
                computed.append("killed")
                raise KeyboardInterrupt
            computed.append(number)
            yield {"value": number / 3}

    with pytest.raises(KeyboardInterrupt):
        list(resumed(names, compute, kept))
    with kept.open("a") as file:
        file.write('["b", {"val')  # as if the kill had come in the middle of a line
    expected = [{"value": number / 3} for number in range(3)]
    assert list(resumed(names, compute, kept)) == expected
    assert list(resumed(names, compute, kept)) == expected
    assert computed == [0, "killed", 1, 2]
    assert list(resumed(names, compute, None)) == expected
    assert computed[4:] == [0, 1, 2]
    kept.write_text("{\n")
    with pytest.raises(SystemExit, match="damaged"):
        list(resumed(names, compute, kept))


def test_kept_figures_are_as_the_measured_ones() -> None:
    measured = Figures(7, "chair", False, True, 0.1, 0.2, 1 / 3, 0.4, (0.1, 0.2, 0.3), (0, 1, 2))
    assert evaluate.figures_from(json.loads(json.dumps(asdict(measured)))) == measured


def test_a_dead_process_ends_the_work_with_a_word() -> None:
    with pytest.raises(SystemExit, match="ended from outside"), worker_pool(1) as pool:
        list(pool.map(os._exit, [1]))


def test_other_samples_are_told_apart_without_reading_them(tmp_path: Path) -> None:
    for name, value in (("one", 0), ("other", 1), ("same", 0)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "00000.npz", hits=np.full(1000, value, np.uint8))
    one, other, same = (fingerprint(tmp_path / name) for name in ("one", "other", "same"))
    assert one == same != other
