"""The last stage: a scene code becomes files, on any core. No Ray, no bpy."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import pickle
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..inference.errors import InputError
from ..settings import AFTER_FACES
from .passing import DONE, FATAL, WORK, Batch, each, failed, output, packed, timed, unfinished
from .places import name_of
from .rows import CODES, OBJECTS, THUMBNAILS, Row
from .run import Run
from .stages import Encoded, Subject
from .storage import Folder, StorageError

if TYPE_CHECKING:
    from ..inference.texture.camera import Camera
    from ..inference.types import MeshData
    from ..scene.placement import Placement

log = logging.getLogger(__name__)


def finish(batch: Batch, run: Run) -> Iterator[dict[str, list[Any]]]:
    """Turn scene codes into files."""
    yield from packed(_each_finished(batch, run))


def _each_finished(batch: Batch, run: Run) -> Iterator[dict[str, list[Any]]]:
    for number, kind, row, work in each(batch):
        if kind != WORK:
            yield output(number, kind, row)
            continue
        try:
            row = _finished(row, pickle.loads(work), run)
        except StorageError as error:  # it would hit all others, too
            yield output(number, FATAL, failed(row, error))
        except Exception as error:  # one bad picture does not stop the others
            yield unfinished(number, row, error)
        else:
            yield output(number, DONE, row)


def _finished(row: Row, work: Encoded, run: Run) -> Row:
    import torch

    from ..inference.surface.extraction import extract_mesh
    from ..scene.placement import placed
    from .glb import colored_glb
    from .thumbnail import thumbnail

    torch.set_num_threads(1)  # there are as many of these tasks as cores
    options, settings = run.options, run.settings
    started = time.perf_counter()
    mesh = extract_mesh(
        work.code, options.resolution, options.threshold, device="cpu", closed=options.closed
    )
    row = timed(row, "extract", started)
    row, camera = _matched(row, mesh, work.subject)
    placement, _ = placed(mesh, settings["size"], settings["measure"], settings["origin"])
    started = time.perf_counter()
    if run.texture_size:
        faces, glb = _textured(row, mesh, placement, camera, work, run)
        row = timed(row, "texture", started)
    else:
        points, faces = placement.place(mesh.vertices), len(mesh.faces)
        glb = colored_glb(points, mesh.faces, mesh.colors, stem_of(row.picture))
    started = time.perf_counter()
    row = dataclasses.replace(
        row,
        file=f"{OBJECTS}/{_place(row, run)}.glb",
        code=f"{CODES}/{_place(row, run)}.safetensors" if run.keeps_codes else "",
        thumbnail=f"{THUMBNAILS}/{_place(row, run)}.jpg",
        faces=faces,
        cut_off=bool(mesh.cut_off),
        scale=placement.scale,
        base=placement.base,
    )
    folder = Folder(run.output)
    if row.code:
        folder.write(row.code, work.code.to_bytes(half=True))
    folder.write(
        row.thumbnail, thumbnail(work.subject.cutout, mesh.vertices, mesh.faces, mesh.colors)
    )
    folder.write(row.file, glb)
    return timed(row, "write", started)


def _matched(row: Row, mesh: MeshData, subject: Subject) -> tuple[Row, Camera | None]:
    """Find the picture's camera and the match; without them, the object is as good."""
    from ..inference.texture.camera_fit import fit_camera

    started = time.perf_counter()
    try:
        fitted = fit_camera(mesh.vertices, mesh.faces, subject.matte, size=subject.size)
    except InputError as error:  # a picture without a background, which shows no outline
        log.info("%s: no camera: %s", row.picture, error)
        return row, None
    camera = fitted.camera
    values = (
        *(camera.elevation, camera.azimuth, camera.fov, camera.distance, *camera.center),
        *(float(camera.width), float(camera.height)),
    )
    row = dataclasses.replace(row, camera=values, match=float(fitted.match))
    return timed(row, "match", started), camera


def _textured(
    row: Row,
    mesh: MeshData,
    placement: Placement,
    camera: Camera | None,
    work: Encoded,
    run: Run,
) -> tuple[int, bytes]:
    """Unwrap a mesh and bake its textures: the number of faces, and the content of a GLB file.

    The photo is on the front if the object matches it well, as in Blender.
    """
    from ..inference.texture.bake import bake
    from ..inference.texture.camera import GOOD
    from ..inference.texture.photo import Photo
    from ..inference.texture.pictures import TextureOptions
    from ..scene.placement import Frame
    from .glb import textured_glb
    from .unwrap import unwrap

    points, size = placement.place(mesh.vertices), run.texture_size
    unwrapped = unwrap(points, mesh.faces, run.settings[AFTER_FACES.name], size)
    photo, subject = None, work.subject
    if camera is not None and subject.photo is not None and row.match >= GOOD:
        photo = Photo(camera, subject.photo, subject.matte)
    corners, frame = unwrapped.corners(), Frame(placement, "none")
    threshold, options = run.options.threshold, TextureOptions(size)
    textures = bake(work.code, threshold, corners, frame, options, photo, device="cpu")
    return len(unwrapped.faces), textured_glb(unwrapped, textures, stem_of(row.picture))


def stem_of(picture: str) -> str:
    """Return a picture's name without its folder and ending."""
    return PurePosixPath(name_of(picture.replace("\\", "/"))).stem or "picture"


def _place(row: Row, run: Run) -> str:
    """The name of a picture's files, without folder and ending, the same in every run.

    Pictures of one name in two folders get different ones, by a digest of their whole paths.
    """
    mark = hashlib.sha256(row.picture.encode()).hexdigest()[:12]
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem_of(row.picture))
    name = f"{stem.encode()[:80].decode(errors='ignore')}-{mark}"
    return f"{mark[:2]}/{name}" if run.is_sharded else name
