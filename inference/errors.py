"""What can go wrong on the way from a picture to a mesh, each with a hint for the artist."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from .machine.packages import Clash, are_paths_too_long, find_clash, name_the_nameless
from .message import Message, Value

log = logging.getLogger(__name__)


class TripoSRError(RuntimeError):
    """A failure that the artist reads about in one sentence, without a traceback.

    Args:
        message: What happened, one sentence without a final period; a template of a `Message`.
        hint: What to do next, likewise.
        values: What stands in both.

    Attributes:
        message, hint: In English, and ready to be translated.
    """

    def __init__(self, message: str, hint: str, /, **values: Value) -> None:
        self.message = Message(message, **values)
        self.hint = Message(hint, **values)
        super().__init__(self.message)

    @property
    def sentences(self) -> Message:
        """All that there is to say."""
        return Message("{message}. {hint}.", message=self.message, hint=self.hint)

    def __str__(self) -> str:
        return str(self.sentences)

    def __reduce__(self) -> tuple[type[TripoSRError], tuple[Message, Message]]:
        """So that it can come back from a worker process."""
        return type(self), (self.message, self.hint)


def explain(error: BaseException) -> TripoSRError:
    """What to report to the artist; an error that nobody foresaw is logged with its traceback."""
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
"""What `InputError` says when nothing is left in front of the background."""


class ModelFilesError(TripoSRError):
    """The files of a model are missing, damaged, or do not belong together."""


class DownloadError(TripoSRError):
    """A file does not come to this machine: the network, the server or the disk is in the way."""


class DependencyError(TripoSRError):
    """A Python package that the add-on needs cannot be imported."""


class DeviceError(TripoSRError):
    """The chosen device is not there, or has too little memory."""


class DeviceMemoryError(DeviceError):
    """The device has too little memory, at least for now."""


class EmptySurfaceError(TripoSRError):
    """The density never crosses the threshold, so there is no surface to extract."""


@contextmanager
def importing(package: str) -> Iterator[None]:
    """Turn whatever goes wrong while a package is imported into a `DependencyError`.

    A broken install raises anything: ImportError, OSError for a missing DLL, AttributeError for
    packages that do not fit together; rembg even calls `sys.exit`.

    Args:
        package: By the name under which pip knows it.
    """
    name_the_nameless()
    try:
        yield
    except DependencyError:
        raise  # of a package that ours has led to, and that is told by its own name
    except (Exception, SystemExit) as error:
        raise _cannot_import(package, error) from error


NETWORK_PACKAGES = {"PyYAML": "yaml", "safetensors": "safetensors", "torch": "torch"}
"""What all modules of the network import, by the names that pip and Python have for it."""


def import_network_packages() -> None:
    """Import those; raises DependencyError. Whoever imports such a module does this before."""
    for package, module in NETWORK_PACKAGES.items():
        with importing(package):
            import_module(module)


def _cannot_import(package: str, error: BaseException) -> DependencyError:
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
    return DependencyError(
        "The package {package} cannot be imported ({kind}: {error})",
        "Install {package} for Blender's Python, or disable add-ons that bring their own",
        package=package,
        kind=type(error).__name__,
        error=str(error),
    )


def _look_for_clash(package: str) -> Clash | None:
    try:
        return find_clash(package)
    except Exception:  # what is told must be the first error, not one of looking for its cause
        log.exception("Looking for what clashes with %s failed", package)
        return None
