"""A mesh gets fewer faces, a UV map without overlap, and tangents that fit it."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from triposr.batch.unwrap import MARGIN, Unwrapped, unwrap
from triposr.inference import SceneCode, extract_mesh
from triposr.inference.texture.texels import rasterize

SCENE = Path(__file__).parents[1] / "data" / "scene" / "scene.safetensors"
Triangles = tuple[NDArray[np.float32], NDArray[np.int32]]


@pytest.fixture(scope="module")
def robot() -> Triangles:
    mesh = extract_mesh(SceneCode.load(SCENE), 48, 25.0, device="cpu")
    return mesh.vertices, mesh.faces


@pytest.fixture(scope="module")
def unwrapped(robot: Triangles) -> Unwrapped:
    return unwrap(*robot, 2000, 512)


def test_fewer_faces_of_the_same_shape(robot: Triangles, unwrapped: Unwrapped) -> None:
    assert 1800 <= len(unwrapped.faces) <= 2000
    before, after = (
        trimesh.Trimesh(points, faces, process=False)
        for points, faces in (robot, (unwrapped.points, unwrapped.faces))
    )
    assert after.volume == pytest.approx(before.volume, rel=0.03)
    assert np.allclose(after.bounds, before.bounds, atol=0.03)


def test_all_faces_are_kept_if_asked_for(robot: Triangles) -> None:
    points, faces = robot
    for count in (0, len(faces)):
        made = unwrap(points, faces, count, 256)
        assert len(made.faces) == len(faces)
    seen = {corner.tobytes() for corner in made.points}
    assert seen == {corner.tobytes() for corner in points[np.unique(faces)]}, "no vertex has moved"


def test_no_overlap_in_the_map(unwrapped: Unwrapped) -> None:
    uv = unwrapped.corners().uv
    assert uv.min() >= 0 and uv.max() <= 1
    assert rasterize(uv, 512, lambda _: None).overlap < 0.02
    doubled = np.concatenate((uv, uv))
    assert rasterize(doubled, 512, lambda _: None).overlap > 0.9, "the measure sees it"


def test_islands_keep_their_distance(unwrapped: Unwrapped) -> None:
    """Of two islands, no texels are closer than the margin."""
    from scipy import ndimage
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size, faces = 512, unwrapped.faces
    links = coo_matrix(
        (
            np.ones(2 * len(faces)),
            (np.r_[faces[:, 0], faces[:, 1]], np.r_[faces[:, 1], faces[:, 2]]),
        ),
        shape=(len(unwrapped.points),) * 2,
    )
    count, island = connected_components(links, directed=False)
    assert count > 1
    texels = rasterize(unwrapped.corners().uv, size, lambda _: None)
    image = np.full(size * size, -1)
    image[texels.index] = island[faces[texels.triangle, 0]]
    image = image.reshape(size, size)
    reach = MARGIN // 2
    high = ndimage.maximum_filter(image, 2 * reach + 1)
    low = -ndimage.maximum_filter(np.where(image < 0, -count, -image), 2 * reach + 1)
    share = (high[image >= 0] != low[image >= 0]).mean()
    assert share < 0.01


def test_tangents(unwrapped: Unwrapped) -> None:
    """Unit vectors along u, across the normals; the sign says whether the map mirrors the face."""
    normals, tangents = unwrapped.normals, unwrapped.tangents
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    assert np.allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-4)
    assert set(np.unique(tangents[:, 3])) <= {-1.0, 1.0}
    assert np.abs((normals * tangents[:, :3]).sum(axis=1)).max() < 1e-3
    corners, uv = unwrapped.points[unwrapped.faces], unwrapped.uv[unwrapped.faces]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    along = (a * v[:, 1:] - b * u[:, 1:]) / area[:, None]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    agreement = (along * tangents[unwrapped.faces[:, 0], :3]).sum(axis=1)
    assert np.median(agreement) > 0.9
    assert (np.sign(area) == tangents[unwrapped.faces[:, 0], 3]).mean() > 0.99


def test_normals_are_smooth_across_islands(unwrapped: Unwrapped) -> None:
    """Vertices that were split at a seam have one normal, so that no seam shows."""
    places, inverse = np.unique(unwrapped.points, axis=0, return_inverse=True)
    assert len(places) < len(unwrapped.points)
    first = np.full((len(places), 3), np.nan, np.float32)
    first[inverse.ravel()] = unwrapped.normals
    same = (first[inverse.ravel()] * unwrapped.normals).sum(axis=1)
    assert (same > 0.999).mean() > 0.99


def test_flat_and_empty_faces() -> None:
    """A mesh with faces without an area, a vertex of no face, and a vertex of such faces alone."""
    points = np.array(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [9, 9, 9], [5, 5, 5]], np.float32
    )
    faces = np.array([[0, 1, 2], [0, 3, 3], [5, 5, 5]], np.int32)
    made = unwrap(points, faces, 0, 64)
    for values in (made.points, made.uv, made.normals, made.tangents):
        assert np.isfinite(values).all()
    assert np.allclose(np.linalg.norm(made.tangents[:, :3], axis=1), 1, atol=1e-3)
