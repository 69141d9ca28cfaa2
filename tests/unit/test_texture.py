"""Textures: which texels a UV map covers, and what a scene code says of them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from triposr.inference import SceneCode
from triposr.inference.errors import DeviceMemoryError, InputError
from triposr.inference.texture.bake import bake
from triposr.inference.texture.corners import Corners
from triposr.inference.texture.pictures import TextureOptions
from triposr.inference.texture.surface import surface_near
from triposr.inference.texture.texels import rasterize

SQUARE = np.array(
    [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]],
    np.float32,
)
"""Two triangles that cover the whole texture."""

RADIUS = 0.5
"""Of the analytic ball, in model units."""

STEEPNESS = 40.0


@pytest.fixture(scope="module")
def ball() -> SceneCode:
    """A ball, each coordinate of whose color is the sigmoid of four times that of the place.

    Its raw density is STEEPNESS (RADIUS² - x² - y² - z²), as far as 128 texels can tell. A feature
    passes the activation unchanged as the difference of two: silu(s) - silu(-s) = s.
    """
    size, box = 128, 0.87
    ticks = ((np.arange(size) + 0.5) / size * 2 - 1) * box
    first, second = np.meshgrid(ticks, ticks)  # the first coordinate runs along the last axis
    planes = np.zeros((3, 4, size, size), np.float32)
    planes[0, 0], planes[2, 0] = first**2 + second**2, second**2
    planes[0, 1], planes[0, 2], planes[2, 3] = first, second, second
    features = np.zeros((4, 12), np.float32)
    for feature in range(4):
        features[feature, feature::4] = 1
    weights = np.concatenate((features, -features))
    last = np.diag([-STEEPNESS, 4, 4, 4]).astype(np.float32)
    bias = np.array([STEEPNESS * RADIUS**2, 0, 0, 0], np.float32)
    layers = ((weights, np.zeros(8, np.float32)), (np.concatenate((last, -last), axis=1), bias))
    return SceneCode(planes, layers, radius=box, density_bias=0.0)


THRESHOLD = 1.0
"""Density at which the raw density is 0: the ball's surface."""


def directions(count: int) -> NDArray[np.float32]:
    """Unit vectors all over."""
    vectors = np.random.default_rng(0).normal(size=(count, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_every_texel_is_found_where_it_is() -> None:
    texels = rasterize(SQUARE, 32)
    assert (texels.index == np.arange(32 * 32)).all()
    assert texels.overlap == 0
    column, row = texels.index % 32, texels.index // 32
    expected = np.stack(((column + 0.5) / 32, 1 - (row + 0.5) / 32), axis=1)
    assert np.abs(texels.interpolate(SQUARE) - expected).max() < 1e-6
    assert (texels.triangle == (expected[:, 1] > expected[:, 0])).mean() > 0.96  # but the diagonal


def test_a_map_that_repeats_covers_the_same_texels() -> None:
    shifted = rasterize(SQUARE * 0.5 + np.float32((3.25, -2.0)), 64)
    inside = rasterize(SQUARE * 0.5 + np.float32((0.25, 0.0)), 64)
    assert (shifted.index == inside.index).all()


def test_overlap_is_measured() -> None:
    half = SQUARE * np.float32((0.5, 1))
    assert rasterize(np.concatenate((SQUARE, half)), 64).overlap == pytest.approx(0.5, abs=0.03)
    assert rasterize(np.concatenate((half, half + np.float32((0.5, 0)))), 64).overlap == 0


@pytest.mark.parametrize(
    "uv",
    [
        np.zeros((5, 3, 2), np.float32),
        SQUARE * 1e-4,
        SQUARE * np.float32(1e6),
        np.full((1, 3, 2), np.nan, np.float32),
    ],
    ids=["all in one place", "smaller than a texel", "huge", "no numbers"],
)
def test_a_useless_map_is_refused(uv: NDArray[np.float32]) -> None:
    with pytest.raises(InputError) as error:
        rasterize(uv, 64)
    assert "UV map" in str(error.value)


def test_texels_outside_take_the_nearest_color() -> None:
    left = SQUARE * np.float32((0.25, 1))
    right = left + np.float32((0.75, 0))
    texels = rasterize(np.concatenate((left, right)), 64)
    image = texels.image((texels.triangle < 2)[:, None].astype(np.float32))
    assert (image[:, :31] == 255).all()
    assert (image[:, 33:] == 0).all()


@pytest.mark.parametrize("off", [-0.02, -0.004, 0.0, 0.01, 0.025])
def test_points_move_onto_the_surface(ball: SceneCode, off: float) -> None:
    """Positions, normals and colors are those of the ball itself, wherever the mesh lies."""
    out = directions(150)
    found = surface_near(ball, THRESHOLD, (RADIUS + off) * out, out, device="cpu")
    assert found.is_found.all()
    assert np.abs(found.points - RADIUS * out).max() < 3e-4
    assert np.einsum("ij,ij->i", found.normals, out).min() > np.cos(np.radians(1))
    expected = 1 / (1 + np.exp(-4 * RADIUS * out))
    assert np.abs(found.colors - expected).max() < 2e-3


def test_points_far_from_the_surface_stay(ball: SceneCode) -> None:
    """An artist may have sculpted them there."""
    out = directions(80)
    for distance in (-0.2, 0.2):
        points = (RADIUS + distance) * out
        found = surface_near(ball, THRESHOLD, points, out, device="cpu")
        assert not found.is_found.any()
        assert (found.points == points).all()
        assert np.abs(found.normals - out).max() < 1e-6


def test_a_surface_is_left_not_entered(ball: SceneCode) -> None:
    """With normals that point inward, as in a hollow, the surface lies the wrong way around."""
    out = directions(80)
    assert not surface_near(ball, THRESHOLD, RADIUS * out, -out, device="cpu").is_found.any()


def octahedron(levels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A coarse ball (T, 3, 3) and its UV map (T, 3, 2), in which no triangles touch."""
    axes = np.eye(3)
    faces = [
        np.array([axes[0] * x, axes[1] * y, axes[2] * z])[:: int(x * y * z)]
        for x in (1, -1)
        for y in (1, -1)
        for z in (1, -1)
    ]
    for _ in range(levels):
        smaller = []
        for a, b, c in faces:
            ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
            smaller += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = [np.array(face) for face in smaller]
    points = np.array(faces)
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    side = int(np.ceil(np.sqrt(len(points))))
    cell = np.stack(np.divmod(np.arange(len(points)), side), axis=1)[:, None]
    corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]])
    return points.astype(np.float32), ((cell + corners) / side).astype(np.float32)


class AsItIs:
    """The frame of an object whose space is the model's frame."""

    def to_model(self, points, directions):
        return points, directions

    def whole(self, points):
        return points

    def to_object(self, directions, points):
        return directions


def tangents_of(points: NDArray, uv: NDArray, normals: NDArray) -> tuple[NDArray, NDArray]:
    """Tangents and signs at the corners of triangles, across the normals."""
    one, two = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    (a, b), (c, d) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    turn = (a * d - b * c)[:, None]
    along = (one * d[:, None] - two * b[:, None]) / turn
    along = along[:, None] - (along[:, None] * normals).sum(axis=2, keepdims=True) * normals
    along /= np.linalg.norm(along, axis=2, keepdims=True)
    return along.astype(np.float32), np.sign(turn[:, 0]).astype(np.float32)


@pytest.mark.parametrize("flip", [False, True], ids=["as it is", "mirrored map"])
def test_a_normal_map_gives_back_the_normals(ball: SceneCode, flip: bool) -> None:
    """What a renderer makes of the normal map of a coarse, flat-shaded ball is the fine one."""
    points, uv = octahedron(3)
    points *= RADIUS
    if flip:
        uv = uv * np.float32((-1, 1)) + np.float32((1, 0))
    flat = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    normals = np.repeat(flat[:, None], 3, axis=1).astype(np.float32)
    tangents, signs = tangents_of(points, uv, normals)
    corners = Corners(points, uv, normals, tangents, signs)
    textures = bake(ball, THRESHOLD, corners, AsItIs(), TextureOptions(512), device="cpu")
    assert textures.found > 0.999
    color, bent = (
        cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), -1), cv2.COLOR_BGR2RGB)
        for png in (textures.color, textures.normals)
    )
    texels = rasterize(uv, 512)
    place = texels.interpolate(points)
    out = place / np.linalg.norm(place, axis=1, keepdims=True)
    seen = color.reshape(-1, 3)[texels.index] / 255
    assert np.abs(seen - 1 / (1 + np.exp(-4 * RADIUS * out))).max() < 0.01

    mixed = bent.reshape(-1, 3)[texels.index] / 255 * 2 - 1
    up, along = texels.interpolate(normals), texels.interpolate(tangents)
    across = np.cross(up, along) * signs[texels.triangle, None]
    shown = mixed[:, :1] * along + mixed[:, 1:2] * across + mixed[:, 2:] * up
    shown /= np.linalg.norm(shown, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", shown, out).min() > np.cos(np.radians(2.5))
    assert np.einsum("ij,ij->i", up, out).min() < np.cos(np.radians(3))  # the mesh itself is coarse


def test_no_normal_map_unless_asked_for(ball: SceneCode) -> None:
    points, uv = octahedron(1)
    normals = points.copy()
    tangents, signs = tangents_of(points, uv, normals)
    corners = Corners(points * np.float32(RADIUS), uv, normals, tangents, signs)
    options = TextureOptions(64, normal_map=False)
    assert bake(ball, THRESHOLD, corners, AsItIs(), options, device="cpu").normals is None


def test_one_can_leave_in_every_stage(ball: SceneCode) -> None:
    points, uv = octahedron(2)
    normals = points.copy()
    tangents, signs = tangents_of(points, uv, normals)
    corners = Corners(points * np.float32(RADIUS), uv, normals, tangents, signs)
    seen: dict[str, list[float]] = {}

    def tick(stage: str, fraction: float) -> None:
        seen.setdefault(stage, []).append(fraction)

    bake(ball, THRESHOLD, corners, AsItIs(), TextureOptions(256), tick=tick, device="cpu")
    assert list(seen) == ["snap", "color", "save"]
    for fractions in seen.values():
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] <= fractions[-1] == 1

    for stage in seen:

        def leave(at: str, fraction: float, stage: str = stage) -> None:
            if at == stage:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bake(ball, THRESHOLD, corners, AsItIs(), TextureOptions(256), tick=leave, device="cpu")


@pytest.mark.parametrize("step", ["bake.rasterize", "surface.Field"])
def test_memory_that_runs_out_has_a_hint_about_textures(ball: SceneCode, monkeypatch, step) -> None:
    def run_out(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(f"triposr.inference.texture.{step}", run_out)
    points, uv = octahedron(1)
    tangents, signs = tangents_of(points, uv, points)
    corners = Corners(points * np.float32(RADIUS), uv, points, tangents, signs)
    with pytest.raises(DeviceMemoryError) as error:
        bake(ball, THRESHOLD, corners, AsItIs(), TextureOptions(64), device="cpu")
    assert "smaller Size" in error.value.hint
