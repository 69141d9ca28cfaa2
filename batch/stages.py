"""The first two stages between a picture and its files, as the workers run them. No Ray, no bpy.

`prepare` decodes and mattes on any core; `Encoder` runs the network on workers that keep it. Each
takes a batch, columns of equal length, and yields its rows, large ones one by one. A row that has
become final at an early stage passes through the others as it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import pickle
import platform
import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..inference.errors import DeviceError, InputError
from ..inference.files.download import sha256
from ..inference.types import ignore_progress
from .passing import FATAL, KEPT, WORK, Batch, each, failed, output, packed, timed, unfinished
from .places import public
from .rows import Row
from .run import Run, matting_model_of
from .storage import read

if TYPE_CHECKING:
    import torch

    from ..inference.model.network import Model
    from ..inference.scene_code import SceneCode

log = logging.getLogger(__name__)


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
    return output(number, WORK, timed(row, "prepare", started), work)


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
    return output(number, WORK, timed(row, "encode", started), Encoded(code, work.subject))


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
