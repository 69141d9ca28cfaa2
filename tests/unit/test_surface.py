"""Blocks welded into one mesh: closed, wound outward, equal to that of the whole lattice."""

import mcubes
import numpy as np
import pytest
from numpy.typing import NDArray

from triposr.inference.surface.marching_cubes import Surface


def sphere(grid: tuple[NDArray, ...]) -> NDArray:
    x, y, z = grid
    return 0.6 - np.sqrt((x - 0.05) ** 2 + y**2 + z**2)


def ring(grid: tuple[NDArray, ...]) -> NDArray:
    x, y, z = grid
    return 0.2 - np.hypot(np.hypot(x, y) - 0.55, z)


def two_balls(grid: tuple[NDArray, ...]) -> NDArray:
    x, y, z = grid
    return np.maximum(*(0.2 - np.sqrt((x + s) ** 2 + y**2 + z**2) for s in (-0.5, 0.47)))


def random_waves(grid: tuple[NDArray, ...]) -> NDArray:
    generator = np.random.default_rng(7)
    return sum(
        generator.normal()
        * np.cos(sum(k * axis for k, axis in zip(generator.normal(0, 6, 3), grid, strict=True)))
        for _ in range(12)
    )


def steep(grid: tuple[NDArray, ...]) -> NDArray:
    """Vertices lie within a millionth of a millionth of an edge from its end."""
    inside = sphere(grid) > 0
    return np.where(inside, 1e6, -1e-6)


def lattice(shape, resolution: int) -> NDArray[np.float32]:
    axis = np.linspace(-1, 1, resolution)
    return shape(np.meshgrid(axis, axis, axis, indexing="ij")).astype(np.float32)


def extract(values: NDArray[np.float32], block: int) -> tuple[NDArray, NDArray]:
    surface = Surface(len(values), closed=False)
    starts = range(0, len(values) - 1, block)
    for x in starts:
        for y in starts:
            for z in starts:
                here = tuple(slice(start, start + block + 1) for start in (x, y, z))
                surface.add(np.ascontiguousarray(values[here]), (x, y, z))
    return surface.welded()


def euler_characteristic(faces: NDArray) -> int:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return len(np.unique(faces)) - len(np.unique(edges, axis=0)) + len(faces)


def assert_closed(faces: NDArray) -> None:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    counts = np.unique(edges, axis=0, return_counts=True)[1]
    assert (counts == 2).all(), "every edge joins two faces"


def signed_volume(vertices: NDArray, faces: NDArray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@pytest.mark.parametrize("block", [3, 16, 100])
@pytest.mark.parametrize(
    ("shape", "expected"), [(sphere, 2), (ring, 0), (two_balls, 4), (steep, 2)]
)
def test_closed_and_outward(shape, expected: int, block: int) -> None:
    vertices, faces = extract(lattice(shape, 40), block)
    assert_closed(faces)
    assert euler_characteristic(faces) == expected
    assert signed_volume(vertices, faces) > 0


def test_volume_of_a_sphere() -> None:
    vertices, faces = extract(lattice(sphere, 64), 16)
    radius = 0.6 * 63 / 2
    assert signed_volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)


@pytest.mark.parametrize("shape", [sphere, ring, random_waves])
@pytest.mark.parametrize("resolution", [16, 33, 50])
def test_blocks_give_the_mesh_of_the_whole_lattice(shape, resolution: int) -> None:
    values = lattice(shape, resolution)
    vertices, faces = extract(values, 7)
    whole, whole_faces = mcubes.marching_cubes(values, 0.0)
    assert len(vertices) == len(whole)
    assert len(faces) == len(whole_faces)
    order, whole_order = (np.lexsort(np.round(v, 9).T) for v in (vertices, whole))
    assert np.allclose(vertices[order], whole[whole_order], atol=1e-9)
    assert signed_volume(vertices, faces) == pytest.approx(
        signed_volume(whole, whole_faces.astype(int))
    )


def test_nothing_added_is_an_empty_mesh() -> None:
    surface = Surface(8, closed=False)
    surface.add(np.full((4, 4, 4), -1, np.float32), (0, 0, 0))
    vertices, faces = surface.welded()
    assert vertices.shape == faces.shape == (0, 3)
