"""The world of objects that the starter model learns: distances, frames, and how it is framed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from dataset import HALF_BOX, PICTURE, framed, make_sample, sample_points, surface_points
from families import FAMILIES
from objects import LONGEST_SIDE, make_object
from primitives import BLEND, CUT
from primitives import BOX as BLOCK
from solids import Part, Solid
from triposr.inference import prepare_image
from views import Camera, Light, render

SEED = 20_000_000


@pytest.fixture(params=list(FAMILIES))
def solid(request) -> Solid:
    return make_object(SEED, request.param)


def test_objects_are_centered_and_of_one_size(solid: Solid) -> None:
    points = surface_points(solid, np.random.default_rng(0), 4000)
    low, high = points.min(axis=0), points.max(axis=0)
    # Carving and blending may take or add a little; the extreme tips may not be among the points.
    assert LONGEST_SIDE - 0.12 < (high - low).max() < LONGEST_SIDE + 0.05
    assert np.abs(low + high).max() < 0.15


def test_distances_seldom_overshoot(solid: Solid) -> None:
    """Sphere tracing may step by a distance: two points differ by no more than they are apart."""
    rng = np.random.default_rng(0)
    here = rng.uniform(-0.9, 0.9, (4000, 3))
    there = here + rng.normal(0, 0.02, here.shape)
    change = np.abs(solid.distance(here) - solid.distance(there))
    apart = np.linalg.norm(here - there, axis=1)
    # Ellipsoids have no exact distance; the formula used may overshoot inside them.
    assert np.mean(change > 1.02 * apart) < 0.03


def test_a_seed_gives_one_object_and_another_seed_another() -> None:
    first, again, other = make_object(SEED), make_object(SEED), make_object(SEED + 1)
    assert np.array_equal(first.parts, again.parts)
    assert first.parts.shape != other.parts.shape or not np.allclose(first.parts, other.parts)


def test_cut_and_blend() -> None:
    cube = Part(BLOCK, (0.4, 0.4, 0.4, 0.0), color=(1, 0, 0))
    bore = Part(BLOCK, (0.1, 0.1, 1.0, 0.0), op=CUT, color=(0, 0, 1))
    holed = Solid.pack("test", [cube, bore])
    at = np.array([[0.0, 0, 0], [0.2, 0, 0], [0.5, 0, 0]])
    assert np.sign(holed.distance(at)).tolist() == [1, -1, 1]
    assert holed.color(np.array([[0.101, 0, 0], [0.399, 0, 0.2]])).tolist() == [
        [0, 0, 1],
        [1, 0, 0],
    ]

    side = cube.shifted((0.8, 0, 0))
    corner = np.array([[0.4, 0.42, 0.0]])
    apart = Solid.pack("test", [cube, side]).distance(corner)
    side.op, side.blend = BLEND, 0.2
    assert Solid.pack("test", [cube, side]).distance(corner) < apart - 0.01


def test_picture_shows_plus_y_at_the_right_and_plus_z_on_top() -> None:
    """The convention of the published renderer: the camera on +X, right is +Y, up is +Z."""
    marks = [
        Part(BLOCK, (0.1,) * 3 + (0.0,), np.array(center), color=color)
        for center, color in (((0, 0.4, 0), (1, 0, 0)), ((0, 0, 0.4), (0, 1, 0)))
    ]
    view = render(Solid.pack("test", marks), Camera(0, 0, 40), Light(), 64)
    red, green = (view.rgba[..., channel] > 100 for channel in (0, 1))
    assert np.nonzero(red)[1].mean() > 40
    assert np.nonzero(green)[0].mean() < 24
    # And each pixel knows where it is.
    assert np.allclose(np.nanmean(view.positions[red], axis=0), (0.1, 0.4, 0), atol=0.03)


def test_azimuth_walks_counterclockwise() -> None:
    mark = Part(BLOCK, (0.1, 0.1, 0.1, 0.0), np.array([0.4, 0, 0]))
    solid = Solid.pack("test", [mark])
    columns = {
        azimuth: np.nonzero(render(solid, Camera(azimuth, 0, 40), Light(), 64).mask)[1].mean()
        for azimuth in (90, 270)
    }
    # Seen from +Y, the +X side is at the left.
    assert columns[90] < 24 and columns[270] > 40


def test_window_holds_the_whole_object(solid: Solid) -> None:
    camera = Camera(30, 20, 50)
    mask = render(solid, camera, Light(), 96, camera.window(solid)).mask
    border = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    assert not border.any()
    rows, columns = np.nonzero(mask)
    assert max(np.ptp(rows), np.ptp(columns)) > 0.8 * 96, "and little else"


def test_training_pictures_are_framed_as_the_add_on_frames_them() -> None:
    solid = make_object(SEED, "mug")
    camera = Camera(0, 20, 40)
    view = render(solid, camera, Light(), 512, camera.window(solid))
    ours = framed(view, None)[0].astype(np.float32) / 255
    prepared = torch.from_numpy(prepare_image(Image.fromarray(view.rgba)).rgb)
    theirs = torch.nn.functional.interpolate(
        prepared.permute(2, 0, 1)[None], (PICTURE, PICTURE), mode="bilinear", antialias=True
    )
    # The filters differ by 0.0034; one pixel beside would be 0.0084.
    assert np.abs(theirs[0].permute(1, 2, 0).numpy() - ours).mean() < 0.006


def test_sample_is_what_training_expects() -> None:
    sample, again = make_sample(SEED), make_sample(SEED)
    assert np.array_equal(sample.picture, again.picture)
    assert np.array_equal(sample.points, again.points)
    assert sample.picture.shape == (PICTURE, PICTURE, 3)
    assert np.abs(sample.picture[0, 0].astype(int) - 127).max() <= 12, "gray beside the object"
    inside = (sample.distances < 0).mean()
    assert 0.1 < inside < 0.7
    assert np.abs(sample.points).max() <= np.float16(HALF_BOX)
    seen = sample.positions[~np.isnan(sample.positions).any(axis=-1)]
    on_surface = make_object(SEED).distance(seen.astype(np.float64))
    assert np.abs(on_surface).max() < 0.01


def test_points_carry_distance_and_color() -> None:
    solid = make_object(SEED, "head")
    points, distances, colors = sample_points(solid, np.random.default_rng(0))
    assert np.allclose(distances, solid.distance(points.astype(np.float64)), atol=2e-3)
    assert np.abs(colors / 255 - solid.color(points.astype(np.float64))).max() < 0.01
