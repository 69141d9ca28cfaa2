"""The photo on the surface: what its camera sees, and nothing else, without a seam."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from triposr.inference.texture.camera import Camera
from triposr.inference.texture.photo import Photo, depth_map, project_photo

CAMERA = Camera(10.0, 20.0, 40.0, 2.0, (100.0, 120.0), 240, 200)
RED, BLUE, MAGENTA = (200, 40, 40), (40, 40, 200), (255, 0, 255)


def quad(
    center: tuple[float, float, float], size: float, tilt: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Two triangles (2, 3, 3) that face +X, tilted about Z, and their normal."""
    normal = np.array([np.cos(tilt), np.sin(tilt), 0.0])
    side, up = np.array([-np.sin(tilt), np.cos(tilt), 0.0]), np.array([0.0, 0.0, 1.0])
    a, b, c, d = (
        np.array(center) + size * (x * side + y * up)
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )
    return np.array([[a, b, c], [a, c, d]], np.float32), normal


def sphere(count: int = 60) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Triangles (T, 3, 3) of a ball of radius 0.5, and the middles (T, 3) of their outer sides."""
    polar = np.linspace(0, np.pi, count + 1)[:, None]
    around = np.linspace(0, 2 * np.pi, 2 * count + 1)[None]
    points = 0.5 * np.stack(
        np.broadcast_arrays(
            np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)
        ),
        axis=-1,
    )
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    triangles = np.concatenate(
        [np.stack(corners, axis=2).reshape(-1, 3, 3) for corners in ((a, b, c), (a, c, d))]
    )
    size = np.linalg.norm(
        np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1
    )
    triangles = triangles[size > 1e-9]  # at the poles, half of them have no area
    middles = triangles.mean(axis=1)
    middles *= 0.5 / np.linalg.norm(middles, axis=1, keepdims=True)
    return triangles.astype(np.float32), middles.astype(np.float32)


@pytest.fixture(scope="module")
def ball() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return sphere()


def photo_of(triangles: NDArray[np.float32], stripe: int = 4) -> Photo:
    """A photo of a mesh with fine red and blue stripes, on magenta."""
    is_there = np.isfinite(depth_map(triangles, CAMERA))
    rows = np.arange(CAMERA.height)[:, None, None]
    stripes = np.where(rows // stripe % 2 == 0, RED, BLUE)
    pixels = np.where(is_there[..., None], stripes, MAGENTA).astype(np.uint8)
    return Photo(CAMERA, pixels, (255 * is_there).astype(np.uint8))


def facing(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine between the normals of a ball and the view."""
    away = CAMERA.position - points
    return np.einsum("ij,ij->i", away, points) / np.linalg.norm(away, axis=1) / 0.5


def is_striped(colors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether colors (N, 3) are about those of the stripes."""
    off = [np.abs(colors - np.divide(color, 255)).max(axis=1) for color in (RED, BLUE)]
    return np.minimum(*off) < 0.1


def test_depth_is_that_of_a_ray() -> None:
    """Of a tilted quad, at every pixel: the inverse of depth is what is linear in a picture."""
    triangles, normal = quad((0.1, 0.0, 0.0), 5.0, tilt=0.7)
    depth = depth_map(triangles, CAMERA)
    y, x = np.indices(depth.shape) + 0.5
    right, up, forward = CAMERA.axes
    ray = (
        forward
        + ((x - CAMERA.center[0]) / CAMERA.focal)[..., None] * right
        - ((y - CAMERA.center[1]) / CAMERA.focal)[..., None] * up
    )
    expected = ((triangles[0, 0] - CAMERA.position) @ normal) / (ray @ normal)
    there = np.isfinite(depth)
    assert there.mean() > 0.4
    assert np.abs(depth - expected)[there].max() < 1e-3


def test_the_nearest_surface_counts() -> None:
    near, _ = quad((0.4, 0.0, 0.0), 0.2)
    far, _ = quad((-0.4, 0.0, 0.0), 1.0)
    for triangles in (np.concatenate((near, far)), np.concatenate((far, near))):
        depth = depth_map(triangles, CAMERA)
        alone = depth_map(near, CAMERA)
        there = np.isfinite(alone)
        assert there.any()
        assert (depth[there] == alone[there]).all()


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    behind, _ = quad((4.0, 1.5, 0.7), 1.0)
    assert np.isinf(depth_map(behind, CAMERA)).all()


def test_the_front_takes_the_photo(ball) -> None:
    triangles, points = ball
    gray = np.full_like(points, 0.5)
    colors = project_photo(photo_of(triangles, 20), triangles, points, 2 * points, gray)
    cosine = facing(points)
    assert is_striped(colors[cosine > 0.75]).mean() > 0.85  # the others lie between two stripes
    assert not is_striped(colors[cosine < 0]).any()


def test_the_background_never_comes_along(ball) -> None:
    """Neither at the outline nor elsewhere, although the matte is a little too wide."""
    triangles, points = ball
    photo = photo_of(triangles)
    wide = cv2.dilate(photo.matte, np.ones((3, 3), np.uint8))
    gray = np.full_like(points, 0.5)
    colors = project_photo(Photo(CAMERA, photo.pixels, wide), triangles, points, 2 * points, gray)
    is_magenta = (colors[:, 0] > 0.75) & (colors[:, 2] > 0.75)
    assert not is_magenta.any()


def test_hidden_parts_keep_their_own_colors() -> None:
    """A wall behind a board takes the photo beside the board, but not the board's picture."""
    board, _ = quad((0.5, 0.0, 0.0), 0.15)
    wall, normal = quad((-0.2, 0.0, 0.0), 0.6)
    triangles = np.concatenate((board, wall))
    covered = np.isfinite(depth_map(board, CAMERA))
    there = np.isfinite(depth_map(triangles, CAMERA))
    pixels = np.where(covered[..., None], MAGENTA, (60, 160, 60)).astype(np.uint8)
    photo = Photo(CAMERA, pixels, (255 * there).astype(np.uint8))
    side = np.linspace(-0.55, 0.55, 80, dtype=np.float32)
    y, z = (axis.ravel() for axis in np.meshgrid(side, side))
    points = np.stack((np.full_like(y, -0.2), y, z), axis=1)
    normals = np.broadcast_to(normal, points.shape).astype(np.float32)
    green = np.full_like(points, (60 / 255, 160 / 255, 60 / 255))
    colors = project_photo(photo, triangles, points, normals, green)
    assert np.abs(colors - green).max() < 0.02


def test_there_is_no_seam(ball) -> None:
    """Where the photo ends, colors pass into those of the scene code, which are darker by far."""
    triangles, points = ball
    photo = photo_of(triangles)
    photo.pixels[photo.matte > 0] = (200, 180, 160)
    dark = np.full_like(points, (0.4, 0.35, 0.3))
    colors = project_photo(photo, triangles, points, 2 * points, dark)
    assert np.abs(colors[facing(points) > 0.8] - np.divide((200, 180, 160), 255)).max() < 0.02
    order = np.argsort(facing(points))
    steps = np.abs(np.diff(colors[order], axis=0)).max()
    assert steps < 0.02
    assert np.abs(colors[facing(points) < 0] - colors[order[-1]]).max() < 0.05


def test_the_back_takes_the_mirrored_photo_on_request(ball) -> None:
    triangles, points = ball
    gray = np.full_like(points, 0.5)
    photo = photo_of(triangles, 20)
    forward = CAMERA.axes[2] * (1, 1, 0)
    forward /= np.linalg.norm(forward)
    mirrored = points - 2 * (points @ forward)[:, None] * forward
    back = facing(mirrored.astype(np.float32)) > 0.75
    plain, both = (
        project_photo(photo, triangles, points, 2 * points, gray, mirror_to_back=mirror)
        for mirror in (False, True)
    )
    assert is_striped(plain[back]).mean() < 0.05
    assert is_striped(both[back]).mean() > 0.85
    front = facing(points) > 0.75
    assert np.abs(plain[front] - both[front]).max() < 1e-6


def test_a_photo_of_another_size_is_the_same(ball) -> None:
    """The camera counts pixels of the original; a cut-out may have fewer."""
    triangles, points = ball
    gray = np.full_like(points, 0.5)
    photo = photo_of(triangles, 20)
    size = (CAMERA.width // 2, CAMERA.height // 2)
    smaller = (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        for image in (photo.pixels, photo.matte)
    )
    one, other = (
        project_photo(each, triangles, points, 2 * points, gray)
        for each in (photo, Photo(CAMERA, *smaller))
    )
    assert np.abs(one - other)[facing(points) > 0.75].mean() < 0.03


def test_a_camera_that_sees_nothing_changes_nothing(ball) -> None:
    triangles, points = ball
    gray = np.full_like(points, 0.5)
    empty = Photo(CAMERA, np.zeros((200, 240, 3), np.uint8), np.zeros((200, 240), np.uint8))
    assert (project_photo(empty, triangles, points, 2 * points, gray) == gray).all()


def test_one_can_leave_everywhere(ball) -> None:
    triangles, points = ball
    gray = np.full_like(points, 0.5)
    seen: list[float] = []
    project_photo(photo_of(triangles), triangles, points, 2 * points, gray, progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert 0 <= seen[0] <= seen[-1] == 1
