"""The camera of a picture: its projection, outlines, and finding it from a matte."""

import threading
from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import mcubes
import numpy as np
import pytest
from numpy.typing import NDArray

from triposr.inference import InputError, Options, prepare_image
from triposr.inference.texture import camera_fit
from triposr.inference.texture.camera import Camera, focal_of, fov_of
from triposr.inference.texture.camera_fit import fit_camera
from triposr.inference.texture.outline import Outline, filled, running_sums, shared, simplified

Mesh = tuple[NDArray[np.float32], NDArray[np.int32]]
DATA = Path(__file__).parent.parent / "data"
SIZES = ((640, 480), (480, 640), (512, 512), (1200, 500))


def surface(*distances: Callable[..., NDArray], points: int = 128) -> Mesh:
    """The surface of a union of solids, as the add-on extracts surfaces."""
    ticks = np.linspace(-0.87, 0.87, points)
    grid = np.meshgrid(ticks, ticks, ticks, indexing="ij")
    inside = -np.minimum.reduce([distance(*grid) for distance in distances])
    vertices, faces = mcubes.marching_cubes(inside, 0.0)
    return (vertices / (points - 1) * 1.74 - 0.87).astype(np.float32), faces.astype(np.int32)


def ellipsoid(center, radii):
    return lambda *p: np.sqrt(sum(((p[i] - center[i]) / radii[i]) ** 2 for i in range(3))) - 1


def box(center, half):
    return lambda *p: np.maximum.reduce([abs(p[i] - center[i]) / half[i] for i in range(3)]) - 1


@pytest.fixture(scope="module")
def shapes(golden_mesh: Mesh) -> dict[str, Mesh]:
    return {
        "ellipsoid": surface(ellipsoid((0, 0, 0), (0.5, 0.3, 0.4))),
        "box": surface(box((0, 0, 0), (0.45, 0.3, 0.35))),
        "asymmetric": surface(
            box((0, -0.2, 0.1), (0.22, 0.2, 0.45)),
            box((0, 0.2, -0.15), (0.25, 0.2, 0.2)),
            box((0.3, 0.22, -0.25), (0.12, 0.12, 0.1)),
            ellipsoid((-0.1, -0.2, 0.6), (0.1, 0.1, 0.2)),
        ),
        "robot": golden_mesh,
    }


@pytest.fixture(scope="module")
def golden_mesh() -> Mesh:
    with np.load(DATA / "scene" / "golden.npz") as golden:
        return golden["mesh64_vertices"], golden["mesh64_faces"]


def camera_at(
    rng: np.random.Generator, size: tuple[int, int], part: float = 0.6, offset: float = 0.05
) -> Camera:
    """A camera that sees a subject of 1.2 model units in about that part of a picture."""
    width, height = size
    focal = focal_of(rng.uniform(*camera_fit.FOVS), width, height)
    distance = max(1.2 * focal / (part * min(size)), 1.4)
    focal = part * min(size) * distance / 1.2
    center = tuple(side * (0.5 + rng.uniform(-offset, offset)) for side in size)
    angles = rng.uniform(-25, 50), rng.uniform(-40, 40)
    return Camera(*angles, fov_of(focal, width, height), distance, center, width, height)


def drawn(mesh: Mesh, camera: Camera) -> NDArray[np.uint8]:
    """The matte of a mesh, by OpenCV's own triangles."""
    vertices, faces = mesh
    pixels, _ = camera.project(vertices)
    matte = np.zeros((camera.height, camera.width), np.uint8)
    # OpenCV's pixels have their centers at whole numbers; 4 more bits place the corners.
    corners = np.rint((pixels[faces] - 0.5) * 16).astype(np.int32)
    for triangle in corners:
        cv2.fillConvexPoly(matte, triangle, 255, shift=4)
    return matte


def overlap(these: NDArray[np.bool_], those: NDArray[np.bool_]) -> float:
    return float((these & those).sum() / (these | those).sum())


def test_the_origin_lies_on_the_axis_and_z_points_up() -> None:
    camera = Camera(0, 0, 40, 1.9, (100.0, 80.0), 320, 200)
    points = np.array([[0, 0, 0], [0, 0, 0.2], [0, 0.2, 0], [0.5, 0, 0]])
    pixels, depth = camera.project(points)
    np.testing.assert_allclose(pixels[0], (100, 80))
    assert pixels[1, 1] < 80 and pixels[1, 0] == pytest.approx(100)
    assert pixels[2, 0] > 100  # seen from +X, +Y is on the right
    np.testing.assert_allclose(depth, (1.9, 1.9, 1.9, 1.4))
    # The field of view is that of the longer side.
    edge = np.array([[0, 1.9 * np.tan(np.radians(20)), 0]])
    assert camera.project(edge)[0][0, 0] == pytest.approx(100 + 160)


def test_the_pose_is_that_of_a_camera_in_blender() -> None:
    camera = Camera(25, -30, 35, 2.2, (10, 20), 64, 48)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    seen = np.c_[points, np.ones(20)] @ np.linalg.inv(camera.pose).T
    pixels, depth = camera.project(points)
    np.testing.assert_allclose(-seen[:, 2], depth)
    np.testing.assert_allclose(10 + camera.focal * seen[:, 0] / depth, pixels[:, 0])
    np.testing.assert_allclose(20 - camera.focal * seen[:, 1] / depth, pixels[:, 1])
    assert np.linalg.det(camera.pose[:3, :3]) == pytest.approx(1)


def test_a_point_behind_the_camera_is_told_by_its_depth() -> None:
    pixels, depth = Camera(0, 0, 40, 2, (5, 5), 10, 10).project(np.array([[3.0, 0, 0]]))
    assert depth[0] < 0 and np.isfinite(pixels).all()


def test_a_smaller_copy_of_the_picture_has_the_same_camera() -> None:
    camera = Camera(10, 20, 30, 2, (150, 90), 400, 300)
    half = camera.resized(200, 150)
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (9, 3))
    np.testing.assert_allclose(camera.project(points)[0] / 2, half.project(points)[0])
    assert half.lens() == camera.lens() and half.shift == camera.shift


@pytest.mark.parametrize("name", ["ellipsoid", "asymmetric", "robot"])
def test_outlines_enclose_what_triangles_cover(shapes, name: str) -> None:
    rng = np.random.default_rng(3)
    for size in SIZES:
        camera = camera_at(rng, size)
        vertices, faces = shapes[name]
        outline = Outline(vertices, faces)
        edges, layers = outline.edges_from(camera.position)
        assert edges.shape[1] < len(faces) / 4
        pixels, _ = camera.project(vertices)
        covered = filled(pixels.T[:, edges], layers, size[::-1], outline.layers)
        assert covered.min() >= 0 and covered.max() <= 1
        # OpenCV also draws the pixels that an edge only touches.
        assert overlap(covered > 0.01, drawn((vertices, faces), camera) > 0) > 0.985


@pytest.mark.parametrize("name", ["ellipsoid", "asymmetric", "robot", "open"])
def test_what_is_shared_with_a_picture_is_measured_without_filling(shapes, name: str) -> None:
    """Also where the outline leaves the picture. `filled` is exact where pixels are narrow."""
    narrow = 64
    rng = np.random.default_rng(7)
    vertices, faces = shapes["robot" if name == "open" else name]
    if name == "open":
        faces = faces[vertices[faces].mean(axis=1)[:, 0] > 0]
    outline = Outline(vertices, faces)
    for (width, height), part in zip(((160, 120), (90, 150)), (0.6, 1.6), strict=True):
        camera = camera_at(rng, (width, height), part)
        image = rng.random((height, width))
        edges, layers = outline.edges_from(camera.position)
        ends = camera.project(vertices)[0].T[:, edges]
        area, common = shared(ends, layers, running_sums(image), outline.layers)
        wide = ends * np.array((narrow, 1))[:, None, None]
        shape = (height, width * narrow)
        parts = filled(wide, layers, shape, outline.layers, scanlines=1)
        covered = parts.reshape(height, width, narrow).mean(axis=2)
        assert covered.sum() > 1000
        assert area == pytest.approx(covered.sum(), rel=1e-3)
        assert common == pytest.approx((covered * image).sum(), rel=1e-3)


def test_half_covered_pixels_are_half_covered() -> None:
    square = np.array([[[1.5, 4.25], [1.5, 4.25]], [[1, 4], [4, 1]]], float)
    covered = filled(square, np.array([1.0, 1.0]), (5, 6), 1)
    expected = np.zeros((5, 6))
    expected[1:4, 1:5] = (0.5, 1, 1, 0.25)
    np.testing.assert_allclose(covered, expected)


def test_an_open_or_badly_wound_mesh_has_the_same_outline(shapes) -> None:
    vertices, faces = shapes["robot"]
    camera = camera_at(np.random.default_rng(5), (300, 300))
    whole = drawn((vertices, faces), camera) > 0
    turned = faces.copy()
    turned[::3] = turned[::3, ::-1]
    sheet = faces[vertices[faces].mean(axis=1)[:, 0] > 0]
    for some in (turned, faces[::-1].copy(), sheet):
        outline = Outline(vertices, some)
        edges, layers = outline.edges_from(camera.position)
        covered = filled(
            camera.project(vertices)[0].T[:, edges], layers, (300, 300), outline.layers
        )
        expected = whole if some is not sheet else drawn((vertices, some), camera) > 0
        assert overlap(covered > 0.01, expected) > 0.98


def test_a_simplified_mesh_keeps_its_outline(shapes) -> None:
    vertices, faces = shapes["asymmetric"]
    merged, fewer = simplified(vertices, faces, 48)
    assert len(fewer) < len(faces) / 3
    camera = camera_at(np.random.default_rng(6), (200, 200), part=0.8)
    assert overlap(drawn((vertices, faces), camera) > 0, drawn((merged, fewer), camera) > 0) > 0.97


def test_known_cameras_are_found_again(shapes) -> None:
    rng = np.random.default_rng(0)
    matches, angles = [], []
    for name, size in product(shapes, SIZES):
        camera = camera_at(rng, size)
        vertices, faces = shapes[name]
        matte = drawn(shapes[name], camera)
        fitted = fit_camera(vertices, faces, matte)
        found = fitted.camera
        assert (found.width, found.height) == size
        # The match is what an independent drawing shows.
        redrawn = drawn(shapes[name], found)
        assert fitted.match == pytest.approx(overlap(redrawn > 0, matte > 0), abs=0.02)
        matches.append(fitted.match)
        if name == "asymmetric":  # the others look alike from several sides
            angles.append(abs(found.elevation - camera.elevation))
            angles.append(abs(found.azimuth - camera.azimuth))
    assert np.median(matches) > 0.98 and min(matches) > 0.95, sorted(matches)
    assert np.median(angles) < 1.5 and max(angles) < 8, sorted(angles)


def test_another_object_matches_less(shapes) -> None:
    camera = camera_at(np.random.default_rng(2), (400, 400))
    matte = drawn(shapes["robot"], camera)
    assert fit_camera(*shapes["ellipsoid"], matte).match < 0.9
    assert fit_camera(*shapes["robot"], matte).match > 0.97


def test_a_round_subject_is_seen_from_the_front() -> None:
    vase = surface(ellipsoid((0, 0, 0), (0.3, 0.3, 0.5)), points=64)
    camera = Camera(10, 30, 40, 2.0, (128, 128), 256, 256)
    found = fit_camera(*vase, drawn(vase, camera)).camera
    assert abs(found.azimuth) < 15


@pytest.mark.parametrize(
    "center", [(512, 256), (256, 20), (50, 256), (470, 490)], ids=["right", "top", "left", "corner"]
)
def test_what_the_picture_cuts_off_does_not_count(shapes, center: tuple[int, int]) -> None:
    camera = Camera(12, -15, 35, 2.4, center, 512, 512)
    matte = drawn(shapes["asymmetric"], camera)
    assert matte[0].any() or matte[:, -1].any() or matte[:, 0].any()
    assert fit_camera(*shapes["asymmetric"], matte).match > 0.96


def test_the_camera_is_in_units_of_the_original_picture(shapes) -> None:
    camera = Camera(12, -15, 35, 2.4, (300, 260), 640, 480)
    matte = drawn(shapes["asymmetric"], camera)
    found = fit_camera(*shapes["asymmetric"], matte, size=(2560, 1920)).camera
    assert (found.width, found.height) == (2560, 1920)
    vertices = shapes["asymmetric"][0]
    expected, _ = camera.resized(2560, 1920).project(vertices)
    assert np.linalg.norm(found.project(vertices)[0] - expected, axis=1).mean() < 12


def test_a_large_picture_is_prepared_with_its_size() -> None:
    from PIL import Image

    picture = Image.new("RGBA", (3000, 1500))
    picture.paste((200, 0, 0, 255), (1000, 500, 2000, 1000))
    prepared = prepare_image(picture, Options(background="alpha"))
    assert prepared.size == (3000, 1500) and max(prepared.cutout.size) < 3000


@pytest.mark.parametrize("size", [8, 20])
def test_a_tiny_subject_is_matched(shapes, size: int) -> None:
    camera = Camera(10, 15, 40, 60 / size * 8, (320, 240), 640, 480)
    vertices, faces = shapes["robot"]
    fitted = fit_camera(vertices, faces, drawn((vertices, faces), camera))
    assert fitted.match > 0.7 and np.isfinite(fitted.camera.pose).all()


def test_a_single_pixel_and_a_line_are_matched_somehow(shapes) -> None:
    for part in (np.s_[30:31, 40:41], np.s_[30:31, :], np.s_[5:95, 40:42]):
        matte = np.zeros((100, 120), np.uint8)
        matte[part] = 255
        fitted = fit_camera(*shapes["robot"], matte)
        assert 0 <= fitted.match <= 1 and np.isfinite(fitted.camera.pose).all()
        assert 0 < fitted.camera.fov < 179


def test_what_cannot_be_matched_is_explained(shapes) -> None:
    vertices, faces = shapes["robot"]
    some = np.zeros((50, 50), np.uint8)
    with pytest.raises(InputError, match="No subject"):
        fit_camera(vertices, faces, some)
    with pytest.raises(InputError, match="whole picture is the subject"):
        fit_camera(vertices, faces, some + 255)
    some[10:20, 10:20] = 255
    with pytest.raises(InputError, match="no faces"):
        fit_camera(vertices, faces[:0], some)
    with pytest.raises(InputError, match="lie nowhere"):
        fit_camera(vertices * np.float32(np.nan), faces, some)


def test_a_flat_mesh_and_a_single_triangle_are_matched() -> None:
    vertices = np.array([[0, -0.4, -0.3], [0, 0.4, -0.3], [0, 0, 0.4]], np.float32)
    faces = np.array([[0, 1, 2]], np.int32)
    matte = drawn((vertices, faces), Camera(0, 0, 40, 2, (100, 100), 200, 200))
    assert fit_camera(vertices, faces, matte).match > 0.95


def test_a_flat_closed_mesh_is_matched_although_its_edge_shows_nothing() -> None:
    """The search also looks at it from its plane, where its front and its back cancel."""
    vertices = np.array([[-0.4, -0.4, 0], [0.4, 0, 0], [-0.4, 0.4, 0]], float)
    faces = np.array([[0, 1, 2], [2, 1, 0]])
    edges, _ = Outline(vertices, faces).edges_from(np.array((2.0, 0, 0)))
    assert not edges.size
    matte = drawn((vertices, faces), Camera(30, 0, 40, 2, (100, 100), 200, 200))
    assert fit_camera(vertices, faces, matte).match > 0.9


def test_a_mesh_without_area_is_refused(shapes) -> None:
    """No vertex lies where another one does, but all lie on a line, or in a point."""
    matte = np.zeros((50, 50), np.uint8)
    matte[10:20, 10:20] = 255
    vertices, faces = shapes["robot"]
    for squeezed in ((1, 0, 0), (0, 0, 1), (0, 0, 0)):
        with pytest.raises(InputError, match="no area"):
            fit_camera(vertices * np.array(squeezed, np.float32), faces, matte)


def test_a_sliver_is_matched_although_the_lattice_takes_its_area() -> None:
    vertices = np.array([[0, -0.4, 0], [0, 0, 1e-4], [0, 0.4, 0]], np.float32)
    matte = np.zeros((64, 64), np.uint8)
    matte[31:33, 10:54] = 255
    assert 0 <= fit_camera(vertices, np.array([[0, 1, 2]]), matte).match <= 1


def test_each_try_can_be_cancelled(shapes) -> None:
    class StopError(Exception):
        pass

    matte = drawn(shapes["robot"], camera_at(np.random.default_rng(4), (200, 200)))
    stages = []

    def count(stage, fraction):
        stages.append((stage, fraction))

    fit_camera(*shapes["robot"], matte, count)
    assert {stage for stage, _ in stages} == {"match"}
    fractions = [fraction for _, fraction in stages]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0

    for last in (1, len(stages) // 2, len(stages) - 2):
        left = iter(range(last))

        def stop(stage, fraction, left=left):
            if next(left, None) is None:
                raise StopError

        with pytest.raises(StopError):
            fit_camera(*shapes["robot"], matte, stop)


def test_other_threads_go_on_meanwhile(shapes) -> None:
    """The search takes hundreds of steps, between which it lets others run."""
    matte = drawn(shapes["robot"], camera_at(np.random.default_rng(4), (200, 200)))
    turns = 0
    thread = threading.Thread(target=fit_camera, args=(*shapes["robot"], matte))
    thread.start()
    while thread.is_alive():
        thread.join(0.001)
        turns += 1
    assert turns > 20
