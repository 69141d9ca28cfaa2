"""Errors on the way from a picture to a mesh, each with a hint for the artist."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Literal

from .machine.packages import Clash, are_paths_too_long, find_clash, name_the_nameless
from .message import Message, Value

log = logging.getLogger(__name__)


class TripoSRError(RuntimeError):
    """A failure that is reported to the artist in one sentence, without a traceback.

    Args:
        message: What happened, one sentence without a final period; a template of a `Message`.
        hint: What to do next, likewise.
        values: The values for the placeholders of both templates.

    Attributes:
        message, hint: English messages, ready to be translated.
    """

    def __init__(self, message: str, hint: str, /, **values: Value) -> None:
        self.message = Message(message, **values)
        self.hint = Message(hint, **values)
        super().__init__(self.message)

    @property
    def sentences(self) -> Message:
        """The message and the hint as full sentences."""
        return Message("{message}. {hint}.", message=self.message, hint=self.hint)

    def __str__(self) -> str:
        return str(self.sentences)

    def __reduce__(self) -> tuple[type[TripoSRError], tuple[Message, Message]]:
        """Support pickling, so that a worker process can send the error back."""
        return type(self), (self.message, self.hint)


def explain(error: BaseException) -> TripoSRError:
    """Return the error to report to the artist; log an unforeseen one with its traceback."""
    if isinstance(error, TripoSRError):
        log.warning("%s", error)
        return error
    log.error("Unexpected error", exc_info=error)
    return TripoSRError(
        "Unexpected error: {kind}: {error}",
        "See Blender's console for the details, and report them",
        kind=type(error).__name__,
        error=str(error),
    )


class InputError(TripoSRError):
    """The picture or a setting cannot be used."""


NO_SUBJECT = Message("No subject was found in the picture")
"""Message of the `InputError` raised when nothing is left in front of the background."""


class ModelFilesError(TripoSRError):
    """The files of a model are missing, damaged, or do not belong together."""


class DownloadError(TripoSRError):
    """A file cannot be fetched or stored: the network, the server or the disk fails."""


class DependencyError(TripoSRError):
    """A Python package that the add-on needs cannot be imported."""


class DeviceError(TripoSRError):
    """The chosen device is missing, does not work or has too little memory."""


class DeviceMemoryError(DeviceError):
    """The device has too little free memory."""


class EmptySurfaceError(TripoSRError):
    """The density never crosses the threshold, so there is no surface to extract."""


@contextmanager
def importing(package: str) -> Iterator[None]:
    """Turn any error raised while a package is imported into a `DependencyError`.

    A broken install may raise anything: ImportError, OSError for a missing DLL, AttributeError for
    packages that do not fit together; rembg even calls `sys.exit`.

    Args:
        package: The package's name, as pip knows it.
    """
    name_the_nameless()
    try:
        yield
    except DependencyError:
        raise  # It names the package at fault, which `package` imports in turn.
    except (Exception, SystemExit) as error:
        raise explain_import(package, error) from error


NETWORK_PACKAGES = {"PyYAML": "yaml", "safetensors": "safetensors", "torch": "torch"}
"""Packages that every module of the network imports: pip's name, then Python's."""


def import_network_packages() -> None:
    """Import `NETWORK_PACKAGES`; raises DependencyError.

    Call this before importing a module of the network.
    """
    for package, module in NETWORK_PACKAGES.items():
        with importing(package):
            import_module(module)


Source = Literal["python", "own torch", "gpu build"]
"""Where a package comes from: Blender and its extensions, *Own Torch*, *Use My GPU*."""


def explain_import(
    package: str, error: BaseException, source: Source | None = None
) -> DependencyError:
    """Return the error to report to the artist for one that the import of a package raised.

    Args:
        package: The package's name, as pip knows it.
        error: What was raised.
        source: Where the package was imported from, on which the hint depends; None finds out,
            except for a build of *Use My GPU*.
    """
    log.warning("%s cannot be imported", package, exc_info=error)
    if clash := _look_for_clash(package):
        return DependencyError(
            "The package {package} cannot be imported: {needing} needs {needed}, but finds {there}",
            "Disable the extension {extension!r}, which brought that, and restart Blender"
            if clash.extension
            else "Disable add-ons that bring their own packages, and restart Blender",
            package=package,
            **clash._asdict(),
        )
    if package == "torch" and isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return DependencyError(
            "The package torch cannot be imported: it is not installed",
            "Install the zip that brings it, or choose a folder with one as Own Torch in the"
            " add-on's preferences",
        )
    if are_paths_too_long():
        return DependencyError(
            "The package {package} cannot be imported: its files lie deeper than Windows allows",
            "Turn on long paths in Windows, or unpack Blender with its portable folder close to the"
            " top of a disk, then install the add-on again",
            package=package,
        )
    source = source or _source_of(package)
    if (code := windows_code(error)) is not None:
        return explain_windows_code(package, code, source)
    return DependencyError(
        "The package {package} cannot be imported ({kind}: {error})",
        "Install {package} for Blender's Python, or disable add-ons that bring their own"
        if source == "python"
        else _how_to_find(source),
        package=package,
        kind=type(error).__name__,
        error=str(error),
    )


NOT_FOUND = 126
"""Windows' error ERROR_MOD_NOT_FOUND: a library, or one that it needs, is not there."""

NOT_STARTED = (127, 1114)
"""Windows' errors ERROR_PROC_NOT_FOUND and ERROR_DLL_INIT_FAILED: a library needs a newer one than
the process has loaded. That is Microsoft's C++ runtime, which Blender brings and loads first."""

NO_PAGES = 1455
"""Windows' error ERROR_COMMITMENT_LIMIT: memory and the paging file are promised to others."""


def windows_code(error: BaseException) -> int | None:
    """Return Windows' number of an error that occurred while a library was loaded, or None.

    torch loads its libraries itself and raises an OSError with the number. Python's import raises
    an ImportError without one, followed by Windows' text in the language of the system. Numbers
    that say nothing about libraries give None, and so do texts of others than those above.
    """
    known = (NOT_FOUND, *NOT_STARTED, NO_PAGES)
    code = getattr(error, "winerror", None)
    if code in known:
        return int(code)
    if not isinstance(error, ImportError) or not str(error).startswith("DLL load failed"):
        return None
    texts = {code: _windows_text(code) for code in known}
    return next((code for code, text in texts.items() if text and text in str(error)), None)


def _windows_text(code: int) -> str:
    """Return what Windows calls an error, in the language of the system; elsewhere nothing."""
    describe = getattr(ctypes, "FormatError", None)
    return describe(code).strip().rstrip(".") if describe else ""


def explain_windows_code(package: str, code: int, source: Source = "python") -> DependencyError:
    """Return the error to report if Windows could not load a package's library.

    Args:
        package: The package's name, as pip knows it.
        code: What `windows_code` returned, also in another process.
        source: Where the package was imported from.
    """
    if code == NO_PAGES:
        return DependencyError(
            "The package {package} cannot be imported: Windows' paging file is too small for it",
            "Enlarge Windows' paging file or close other programs, then try again",
            package=package,
        )
    if code == NOT_FOUND:
        return DependencyError(
            "The package {package} cannot be imported: Windows does not find one of its libraries",
            _how_to_find(source),
            package=package,
        )
    return DependencyError(
        "The package {package} cannot be imported: one of its libraries does not start in this"
        " Blender",
        _how_to_start(package, source),
        package=package,
    )


def _how_to_find(source: Source) -> Message:
    if source == "own torch":
        return Message(
            "Install torch into the folder of Own Torch again, or clear that field and restart"
            " Blender"
        )
    if source == "gpu build":
        return Message("Restart Blender and click Use My GPU again")
    return Message(
        "Restart Blender and install the add-on's zip again; on an N edition of Windows,"
        " install Microsoft's Media Feature Pack first"
    )


def _how_to_start(package: str, source: Source) -> Message:
    if source == "gpu build":  # chosen for this Blender, so another's library is in its place
        return Message(
            "Disable add-ons that bring their own {package}, then restart Blender and click Use My"
            " GPU again",
            package=package,
        )
    if sys.version_info < (3, 13):  # Blender 5.1 and newer bring a C++ runtime that is new enough
        if package == "torch":
            return Message(
                "Choose torch 2.8 as Own Torch, disable add-ons that bring a newer one, or use"
                " Blender 5.1 or newer"
            )
        return Message(
            "Disable add-ons that bring a newer {package}, or use Blender 5.1 or newer",
            package=package,
        )
    if source == "own torch":
        return Message("Choose another torch as Own Torch, or clear that field and restart Blender")
    return Message(
        "Disable add-ons that bring their own {package}, then restart Blender and install the"
        " add-on's zip again",
        package=package,
    )


def _source_of(package: str) -> Source:
    """Return where Python finds a package; *Use My GPU* names itself, as it tries its builds."""
    try:
        found, usual = importlib.util.find_spec(package), PathFinder.find_spec(package)
    except (ImportError, ValueError):  # a name that is none of Python's, or a half-loaded module
        return "python"
    is_elsewhere = found is not None and (usual is None or found.origin != usual.origin)
    return "own torch" if package == "torch" and is_elsewhere else "python"


def _look_for_clash(package: str) -> Clash | None:
    try:
        return find_clash(package)
    except Exception:  # Report the import error, not an error of the search for its cause.
        log.exception("Looking for what clashes with %s failed", package)
        return None
