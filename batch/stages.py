"""The three stages between a picture and its files, as the workers run them. No Ray, no bpy.

Each takes a batch, columns of equal length, and yields its rows, large ones one by one. A row that
has become final at an early stage passes through the others as it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import pickle
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..inference.errors import DeviceError, InputError, TripoSRError
from ..inference.files.download import sha256
from ..inference.types import ignore_progress
from ..settings import AFTER_FACES
from .rows import CODES, OBJECTS, THUMBNAILS, Row
from .run import Run, matting_model_of
from .storage import Folder, ReadError, StorageError, is_url, name_of, public, read

if TYPE_CHECKING:
    import torch

    from ..inference.model.network import Model
    from ..inference.scene_code import SceneCode
    from ..inference.texture.camera import Camera
    from ..inference.types import MeshData
    from ..scene.placement import Placement

log = logging.getLogger(__name__)

Batch = Mapping[str, Any]
"""Columns of equal length: `number` of the picture, `kind`, `row` (JSON) and `work` (pickled)."""

WORK, DONE, KEPT, AGAIN, FATAL = "work", "done", "kept", "again", "fatal"
"""Kinds of rows: on the way; final; as an earlier run left it; to be begun anew; an error that ends
the run."""

ROUNDS = 3
"""How often a picture is begun, if memory or a device fails or its worker is lost, before it counts
as failed."""

PACK_BYTES = 1 << 20
"""Bytes from which rows are yielded. Rows without work are small, and to Ray, a batch of one costs
as much as a batch of hundreds."""


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """Pixels of a picture that the last stage needs.

    Attributes:
        matte: (H, W) uint8, 255 where the subject is.
        size: Width and height of the picture, in pixels.
        cutout: See `small_cutout`.
        photo: (H, W, 3) uint8, the picture's colors, if a texture is to show them.
    """

    matte: NDArray[np.uint8]
    size: tuple[int, int]
    cutout: NDArray[np.uint8]
    photo: NDArray[np.uint8] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Result of the first stage.

    Attributes:
        rgb: See `PreparedImage`; no larger than the network's input.
    """

    rgb: NDArray[np.float32]
    subject: Subject


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """Result of the second stage."""

    code: SceneCode
    subject: Subject


def output(number: int, kind: str, row: Row, work: object = None) -> dict[str, list[Any]]:
    """Return a batch of one row."""
    packed = b"" if work is None else pickle.dumps(work, protocol=5)
    return {"number": [number], "kind": [kind], "row": [row.to_json()], "work": [packed]}


def each(batch: Batch) -> Iterator[tuple[int, str, Row, bytes]]:
    """Iterate over the rows of a batch that a stage has returned."""
    columns = (batch[name] for name in ("number", "kind", "row", "work"))
    for number, kind, row, work in zip(*columns, strict=True):
        yield int(number), str(kind), Row.from_json(str(row)), bytes(work)


def packed(rows: Iterable[dict[str, list[Any]]]) -> Iterator[dict[str, list[Any]]]:
    """Merge batches of one row until they hold PACK_BYTES."""
    pack: dict[str, list[Any]] = {}
    size = 0
    for row in rows:
        for name, values in row.items():
            pack.setdefault(name, []).extend(values)
        size += len(row["work"][0]) + len(row["row"][0])
        if size >= PACK_BYTES:
            yield pack
            pack, size = {}, 0
    if pack:
        yield pack


# First stage: decode and matte, on any core


def prepare(batch: Batch, run: Run) -> Iterator[dict[str, list[Any]]]:
    """Turn pictures into the network's input.

    Args:
        batch: Columns `number`, `picture`, `attempt`, and `known`: the digest with which an earlier
            run has finished a picture, or nothing.
        run: The run.
    """
    yield from packed(_each_prepared(batch, run))


def _each_prepared(batch: Batch, run: Run) -> Iterator[dict[str, list[Any]]]:
    columns = (batch[name] for name in ("number", "picture", "attempt", "known"))
    for number, picture, attempt, known in zip(*columns, strict=True):
        row = Row(
            picture=public(str(picture)),
            settings=run.digest,
            weights=run.weights,
            attempts=int(attempt),
        )
        yield _prepared(int(number), row, str(picture), str(known), run)


def _prepared(number: int, row: Row, place: str, known: str, run: Run) -> dict[str, list[Any]]:
    started = time.perf_counter()
    try:
        from ..inference.picture.prepare import prepare_image
        from .thumbnail import small_cutout

        content = read(place)
        row = dataclasses.replace(row, digest=hashlib.sha256(content).hexdigest())
        if row.digest == known:
            return output(number, KEPT, row)
        if (problem := _matting_problem(run)) is not None:
            return output(number, FATAL, failed(row, problem))
        prepared = prepare_image(content, run.options)
        pixels = np.asarray(prepared.cutout)
        subject = Subject(
            matte=pixels[..., 3],
            size=prepared.size,
            cutout=small_cutout(prepared.cutout),
            photo=pixels[..., :3] if run.texture_size else None,
        )
        work = Prepared(_reduced(prepared.rgb, run.image_size), subject)
    except Exception as error:  # one bad picture does not stop the others
        return unfinished(number, row, error)
    return output(number, WORK, _timed(row, "prepare", started), work)


def _matting_problem(run: Run) -> InputError | None:
    """The error of a machine that would cut out the subject in another way than the others."""
    mine = matting_model_of(run.options)
    if mine == run.matting:
        return None
    return InputError(
        "{machine} has {mine}, and the machine where the run was started {theirs}",
        "Copy the folder of the matting models to every machine, or choose another Background",
        machine=platform.node(),
        mine=_called(mine),
        theirs=_called(run.matting),
    )


def _called(matting: str) -> str:
    return f"the matting model {matting}" if matting else "no matting model"


def _reduced(rgb: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The picture (N, N, 3), at most `size` pixels a side unless that is 0.

    Model.encode would do the same, but large pictures travel slowly, and a GPU would wait.
    """
    if not size or len(rgb) <= size:
        return rgb
    import torch

    from ..inference.model.resize import resized

    torch.set_num_threads(1)  # there are as many of these tasks as cores
    planes = resized(torch.from_numpy(rgb), size)[0]
    return np.ascontiguousarray(planes.permute(1, 2, 0).numpy())


# Second stage: the network, on workers that keep it


class Encoder:
    """Worker that holds a model and turns the network's inputs into scene codes.

    Args:
        run: The run.
        has_gpu: Whether a GPU was set aside for this worker.
    """

    def __init__(self, run: Run, has_gpu: bool = False) -> None:
        self._run, self._has_gpu = run, has_gpu

    # Not in __init__: Ray would start a worker anew, without end, that is lost while it loads.
    @cached_property
    def _model(self) -> Model | Exception:
        try:
            return _loaded(self._run, self._has_gpu)
        except Exception as error:  # each picture that needs the model reports it
            return error

    def __call__(self, batch: Batch) -> Iterator[dict[str, list[Any]]]:
        yield from packed(self._each_encoded(batch))

    def _each_encoded(self, batch: Batch) -> Iterator[dict[str, list[Any]]]:
        for number, kind, row, work in each(batch):
            if kind != WORK:
                yield output(number, kind, row)
            elif isinstance(self._model, Exception):
                yield output(number, FATAL, failed(row, self._model))
            else:
                yield _encoded(number, row, pickle.loads(work), self._model)


def _encoded(number: int, row: Row, work: Prepared, model: Model) -> dict[str, list[Any]]:
    started = time.perf_counter()
    row = dataclasses.replace(row, device=str(model.device))
    try:
        code = model.encode(work.rgb)
    except Exception as error:  # one bad picture does not stop the others
        if not _answers(model.device):
            log.critical("%s: the device is lost with this worker", row.device, exc_info=error)
            os._exit(1)  # CUDA works again only in a new process; the picture comes again
        return unfinished(number, row, error)
    return output(number, WORK, _timed(row, "encode", started), Encoded(code, work.subject))


def _answers(device: torch.device) -> bool:
    """Whether a device still computes: after some errors, CUDA refuses all that a process asks."""
    import torch

    try:
        return bool(torch.ones(1, device=device).cpu().item() == 1)
    except RuntimeError:
        return False


def _loaded(run: Run, has_gpu: bool) -> Model:
    """Load the model, and make sure that it is that of the run, on the right device."""
    import torch

    from ..inference.model.checkpoint import load_model

    torch.set_num_threads(run.threads)
    if sha256(run.weights_path, ignore_progress) != run.weights:
        raise InputError(
            "{folder} on {machine} holds other weights than where the run was started",
            "Copy the model's folder to every machine",
            folder=str(run.model_folder),
            machine=platform.node(),
        )
    model = load_model(run.model_folder, run.device, run.precision)
    if has_gpu and model.device.type == "cpu":
        raise DeviceError(
            "{machine} has a GPU that its PyTorch does not use",
            "Install a build of PyTorch for it, or use --device cpu",
            machine=platform.node(),
        )
    return model


# Third stage: extract and write, on any core


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
        except StorageError as error:
            passes = is_url(run.output) and row.attempts < ROUNDS  # of a disk, it hits all others
            yield output(number, AGAIN if passes else FATAL, failed(row, error))
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
    row = _timed(row, "extract", started)
    row, camera = _matched(row, mesh, work.subject)
    placement, _ = placed(mesh, settings["size"], settings["measure"], settings["origin"])
    started = time.perf_counter()
    if run.texture_size:
        faces, glb = _textured(row, mesh, placement, camera, work, run)
        row = _timed(row, "texture", started)
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
    return _timed(row, "write", started)


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
    return _timed(row, "match", started), camera


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


def _timed(row: Row, stage: str, started: float) -> Row:
    seconds = round(time.perf_counter() - started, 4)
    return dataclasses.replace(row, seconds={**row.seconds, stage: seconds})


def unfinished(number: int, row: Row, error: Exception) -> dict[str, list[Any]]:
    """Return a batch of the row of a picture that became no object, for good or this time.

    Another worker may have the memory, another device may work, and a storage may answer again.
    """
    may_pass = isinstance(error, MemoryError | DeviceError) or (
        isinstance(error, ReadError) and is_url(row.picture)
    )
    return output(number, AGAIN if may_pass and row.attempts < ROUNDS else DONE, failed(row, error))


def failed(row: Row, error: BaseException) -> Row:
    """Return the row of a picture that became no object."""
    if isinstance(error, MemoryError):
        error = TripoSRError("There is not enough memory", "Use fewer cores, or a lower resolution")
    elif not isinstance(error, TripoSRError):
        log.error("Unexpected error with %s", row.picture, exc_info=error)
        error = TripoSRError(
            "Unexpected error: {kind}: {error}",
            "Report it, with the picture",
            kind=type(error).__name__,
            error=str(error),
        )
    return dataclasses.replace(
        row, file="", code="", thumbnail="", error=str(error.message), hint=str(error.hint)
    )
