"""Telling the subject from its background: the picture's alpha, a rembg model, a plain backdrop.

Nothing here downloads: a model whose file is not on this machine is not used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import InputError, ModelFilesError, importing
from ..machine.home import expanded
from ..message import Message
from ..model.catalog import MATTING_MODELS
from ..types import Options
from .checks import is_picture_itself
from .plain_background import cut_out_plain

with importing("Pillow"):
    from PIL import Image, ImageChops

log = logging.getLogger(__name__)

USEFUL_ALPHA = 0.001
"""Part of the pixels that must be see-through before a picture's alpha counts as a cut-out."""

UNUSED = (
    "pymatting.alpha.estimate_alpha_cf",
    "pymatting.foreground.estimate_foreground_ml",
    "pymatting.util.util",
    "jsonschema",
)
"""Modules that rembg imports for alpha matting, which compiles for 43 s of CPU on its first import,
and for one model that the add-on does not offer. The zips bring neither.
"""


def remove_background(picture: Image.Image, options: Options) -> Image.Image:
    """The picture with a transparent background, by the method that the options name.

    Args:
        picture: RGBA, upright.
        options: `background`, `matting_model` and `matting_folder` are read.

    Raises:
        InputError: The method does not suit the picture.
        DependencyError: The method's package cannot be imported.
        ModelFilesError: The matting model's file is missing or damaged.
    """
    method = options.background
    if method == "none":
        return picture
    if method in ("auto", "alpha") and _nothing_visible(picture):
        raise InputError(
            "The picture is fully transparent", "Choose a picture that shows something"
        )
    if method != "alpha" and _is_rounded(picture):
        return _cut_out_rounded(picture, options)
    if method == "alpha" or (method == "auto" and _has_useful_alpha(picture)):
        return _with_alpha(picture)
    model = matting_model_file(options)
    is_chosen = model is not None or options.matting_model != "auto"
    if method == "model" or (method == "auto" and is_chosen):
        return _cut_out_with_model(picture, options, model)
    return cut_out_plain(picture)


def _nothing_visible(picture: Image.Image) -> bool:
    return picture.getchannel("A").getextrema() == (0, 0)


def _has_useful_alpha(picture: Image.Image) -> bool:
    alpha = np.asarray(picture.getchannel("A"))
    return bool((alpha < 128).mean() >= USEFUL_ALPHA)


def _is_rounded(picture: Image.Image) -> bool:
    """Whether the picture's alpha only rounds its corners, and says nothing of a subject."""
    alpha = np.asarray(picture.getchannel("A"))
    return _has_useful_alpha(picture) and is_picture_itself(alpha >= 128)


def _cut_out_rounded(picture: Image.Image, options: Options) -> Image.Image:
    """`remove_background` of what such a picture was before; the corners stay transparent."""
    try:
        cutout = remove_background(_with_corners(picture), options)
    except InputError as error:
        if options.background != "auto":
            raise
        # It may be a thing with round corners, cut out closely.
        log.info("Taking the picture's alpha after all: %s", error)
        return picture
    cutout.putalpha(ImageChops.darker(cutout.getchannel("A"), picture.getchannel("A")))
    return cutout


def _with_corners(picture: Image.Image) -> Image.Image:
    """The picture, opaque: beyond its visible part, each row goes on with its last color."""
    pixels = np.array(picture)
    is_visible = pixels[..., 3] >= 128
    rows = np.flatnonzero(is_visible.any(axis=1))
    row = np.arange(picture.height).clip(rows[0], rows[-1])[:, None]
    first = is_visible[row[:, 0]].argmax(axis=1)[:, None]
    last = picture.width - 1 - is_visible[row[:, 0], ::-1].argmax(axis=1)[:, None]
    filled = pixels[row, np.arange(picture.width)[None].clip(first, last)]
    filled[..., 3] = 255
    return Image.fromarray(filled)


def _with_alpha(picture: Image.Image) -> Image.Image:
    if not _has_useful_alpha(picture):
        raise InputError(
            "The picture has no transparent background", "Choose Automatic as the Background"
        )
    return picture


def matting_model_file(options: Options) -> Path | None:
    """The file of the chosen matting model, if it is on this machine."""
    names = [model.name for model in MATTING_MODELS]
    if options.matting_model != "auto":
        names = [options.matting_model]
    home = expanded(os.environ.get("U2NET_HOME") or "~/.u2net")
    folders = [folder for folder in (options.matting_folder, home) if folder is not None]
    files = (folder / f"{name}.onnx" for name in names for folder in folders)
    # os.path: another user's home, which HOME may name, must not be looked into.
    return next((file for file in files if os.path.isfile(file)), None)


def _cut_out_with_model(picture: Image.Image, options: Options, file: Path | None) -> Image.Image:
    if file is None:
        problem = Message("There is no matting model on this machine")
        if options.matting_model != "auto":
            problem = Message(
                "The matting model {name} is not on this machine", name=options.matting_model
            )
        raise ModelFilesError(
            problem,
            "Download one in the add-on's preferences, or choose another Background method",
        )
    global _last
    key = _identity(file, picture)
    last_key, last = _last  # at once: another thread may replace it
    if key == last_key:
        return last.copy()
    rembg = _import_rembg()
    session = _local_session(rembg, file.stem, file)
    try:
        cutout: Image.Image = rembg.remove(picture.convert("RGB"), session=session)
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        log.info("The matting model failed", exc_info=True)
        raise ModelFilesError(
            "{name} does not work as a matting model", "Fetch the file again", name=file.name
        ) from error
    cutout = cutout.convert("RGBA")
    _last = key, cutout
    return cutout.copy()


_last: tuple[tuple[object, ...], Image.Image] = ((), Image.new("RGBA", (1, 1)))
"""The last cut-out that a network made, which takes long, and of what: a preview and the run after
it, or two runs with other settings, need it once.
"""


def _identity(file: Path, picture: Image.Image) -> tuple[object, ...]:
    """What a cut-out depends on: the network's file and the picture's pixels."""
    status = file.stat()
    pixels = hashlib.sha256(picture.tobytes()).digest()
    return file, status.st_size, status.st_mtime_ns, picture.size, pixels


def _local_session(rembg: Any, name: str, file: Path) -> Any:
    """A rembg session that reads `file`: rembg's own would download when it finds a mismatch."""
    from onnxruntime import SessionOptions
    from rembg.sessions import sessions_class

    known = {cls.name(): cls for cls in sessions_class}
    if name not in known:
        raise InputError(
            "rembg {version} has no model {name!r}",
            "Choose one of {names}",
            version=rembg.__version__,
            name=name,
            names=", ".join(sorted(known)),
        )
    local = type("LocalSession", (known[name],), {"download_models": lambda *_, **__: str(file)})
    try:
        return local(name, SessionOptions())
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise ModelFilesError(
            "The matting model {name} cannot be loaded", "Fetch the file again", name=file.name
        ) from error


def _import_rembg() -> Any:
    """rembg, without the packages that it imports for what we never ask of it.

    They are many, and rembg imports them all at once: no smaller part of it can be imported. So
    they are put off until somebody calls them, for whoever else uses rembg in the same Blender.
    """
    with importing("onnxruntime"):  # rembg would exit the program when it is missing
        import onnxruntime  # noqa: F401
    put_off = {name: _PutOff(name) for name in UNUSED if name not in sys.modules}
    sys.modules.update(put_off)
    try:
        with importing("rembg"):
            import rembg
    finally:
        for name in put_off:
            sys.modules.pop(name, None)
    return rembg


class _PutOff(ModuleType):
    """Stands for a module until one of its functions is called, which imports it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **options: getattr(import_module(self.__name__), name)(
            *args, **options
        )
