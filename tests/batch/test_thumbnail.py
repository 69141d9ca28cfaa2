"""The small picture shows the cut-out at the left and the object at the right."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triposr.batch.thumbnail import FILLED, GROUND, SIDE, small_cutout, thumbnail

RED, BLUE, GREEN = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.1, 0.8, 0.1)


def box(
    low: tuple[float, float, float], high: tuple[float, float, float]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    import trimesh

    made = trimesh.creation.box(bounds=(low, high))
    return made.vertices.astype(np.float32), made.faces.astype(np.int32)


def opened(content: bytes) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG" and image.size == (2 * SIDE, SIDE)
        return np.asarray(image, np.float64)


def cutout(width: int = 40, height: int = 20) -> NDArray[np.uint8]:
    picture = Image.new("RGBA", (300, 200), (0, 255, 0, 0))
    picture.paste((220, 40, 40, 255), (30, 50, 30 + width, 50 + height))
    return small_cutout(picture)


def test_cutout_is_cropped_and_no_hidden_color_shows() -> None:
    small = cutout(240, 120)
    assert max(small.shape) == round(FILLED * SIDE) and abs(2 * small.shape[0] - small.shape[1]) < 2
    assert (small[..., 1] < 60).all(), "not the green below the transparent part"
    assert cutout().shape == (20, 40, 4), "a small one is not enlarged"


def test_halves() -> None:
    vertices, faces = box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))
    image = opened(thumbnail(cutout(), vertices, faces, np.tile(np.float32(BLUE), (8, 1))))
    assert np.allclose(image[2, 2], GROUND, atol=4) and np.allclose(image[2, -3], GROUND, atol=4)
    left, right = image[SIDE // 2, SIDE // 2], image[SIDE // 2, SIDE + SIDE // 2]
    assert left[0] > 180 and left[2] < 80
    assert right[2] > 2 * right[0]
    is_object = np.abs(image[:, SIDE:] - GROUND).max(axis=2) > 20
    rows, columns = (np.flatnonzero(is_object.any(axis=axis)) for axis in (1, 0))
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    assert abs(longest - FILLED * SIDE) < 6
    inside = is_object[rows[0] : rows[-1], columns[0] : columns[-1]]
    assert inside[20:-20, 20:-20].mean() > 0.97, "no holes between the points"


def test_the_subject_faces_the_viewer_and_left_stays_left() -> None:
    """In the model's frame, it faces +X, the picture's left is at -Y, and z is up."""
    parts = [
        (*box((0.0, -0.5, -0.2), (0.2, -0.1, 0.2)), RED),
        (*box((0.0, 0.1, -0.2), (0.2, 0.5, 0.2)), BLUE),
        (*box((-0.1, -0.1, 0.5), (0.1, 0.1, 0.7)), GREEN),
        (*box((-0.9, -0.1, -0.1), (-0.5, 0.1, 0.1)), (0.9, 0.9, 0.1)),
    ]
    vertices = np.concatenate([part[0] for part in parts])
    faces = np.concatenate([part[1] + 8 * number for number, part in enumerate(parts)])
    colors = np.concatenate([np.tile(np.float32(part[2]), (8, 1)) for part in parts])
    image = opened(thumbnail(cutout(), vertices, faces, colors))[:, SIDE:]

    def middle(channel: int) -> NDArray[np.float64]:
        others = [each for each in range(3) if each != channel]
        return np.argwhere(image[..., channel] > 1.6 * image[..., others].max(axis=2) + 10).mean(
            axis=0
        )

    red, green, blue = (middle(channel) for channel in range(3))
    assert red[1] < blue[1] - 20, "red is at the left"
    assert green[0] < red[0] - 20, "green is above"


def test_near_hides_far_and_inner_sides_do_not_show() -> None:
    near, faces = box((0.4, -1.0, -1.0), (0.5, 1.0, 1.0))
    far, _ = box((-0.5, -0.1, -0.1), (-0.4, 0.1, 0.1))
    for order in (1, -1):
        vertices = np.concatenate((near, far)[::order])
        colors = np.concatenate(
            [np.tile(np.float32(each), (8, 1)) for each in (RED, BLUE)[::order]]
        )
        image = opened(thumbnail(cutout(), vertices, np.concatenate((faces, faces + 8)), colors))
        assert (image[:, SIDE:, 0] > 100).sum() > 20 * (image[:, SIDE:, 2] > 100).sum()


def test_a_mesh_without_area_is_drawn_somehow() -> None:
    vertices, faces = np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)
    assert opened(thumbnail(cutout(), vertices, faces, np.ones((3, 3), np.float32))).any()
