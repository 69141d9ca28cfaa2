"""NVIDIA's driver: its version and the cards that it drives, without torch.

Calls the CUDA driver API (https://docs.nvidia.com/cuda/cuda-driver-api/) through ctypes. No context
is made, so no memory of a card is taken.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from dataclasses import dataclass

from ..message import Message

log = logging.getLogger(__name__)

LIBRARIES = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}
"""The driver's library on each system. Its presence alone says nothing: Windows has a stub."""

NO_CARD = frozenset({34, 100})
"""Results of cuInit without a card: CUDA_ERROR_STUB_LIBRARY, CUDA_ERROR_NO_DEVICE."""

UNKNOWN_ERROR = 999
"""Result of cuInit, CUDA_ERROR_UNKNOWN, with a broken driver; also with a card that is switched
off to save power."""

CAPABILITY = (75, 76)
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


@dataclass(frozen=True)
class Card:
    """A graphics card.

    Attributes:
        name: Its product name, such as `NVIDIA GeForce RTX 3060`.
        capability: Its compute capability, such as (8, 6).
        memory: Its memory in bytes.
    """

    name: str
    capability: tuple[int, int]
    memory: int


@dataclass(frozen=True)
class Driver:
    """What the driver reports.

    Attributes:
        api: Version of CUDA that it supports: 1000 × major + 10 × minor; 0 without a driver.
        cards: Its cards, in its own order.
        problem: A message that says why it reports no cards, if that is an error; else empty.
        is_puzzling: Whether the error may also mean that its card is switched off on purpose.
    """

    api: int = 0
    cards: tuple[Card, ...] = ()
    problem: str = ""
    is_puzzling: bool = False


class _CallFailed(Exception):  # noqa: N818, it never leaves this module
    """A call of the driver returned an error; `result` is its number."""

    def __init__(self, function: str, result: int) -> None:
        super().__init__(f"{function}: CUDA error {result}")
        self.result = result


def look_at_driver(library: str | None = None) -> Driver:
    """Ask the driver for its cards. May wake them, which takes up to a second: call it on a worker.

    Args:
        library: Name or path of the driver's library; if None, the system's own.
    """
    library = library or LIBRARIES.get(sys.platform)
    if library is None:
        return Driver()
    try:
        driver = ctypes.CDLL(library)
    except OSError as error:  # no driver, as on machines without an NVIDIA card
        log.debug("No NVIDIA driver: %s", error)
        return Driver()
    try:
        api = _number(driver, "cuDriverGetVersion")
        return Driver(api, _cards(driver))
    except _CallFailed as error:
        if error.result in NO_CARD:
            return Driver()
        log.warning("The NVIDIA driver does not answer: %s", error)
        is_puzzling = error.result == UNKNOWN_ERROR
        return Driver(problem=_does_not_work(str(error)), is_puzzling=is_puzzling)
    except OSError as error:  # as ctypes reports on Windows that the driver reads wrong memory
        log.warning("The NVIDIA driver fails: %s", error)
        return Driver(problem=_does_not_work(str(error)))
    except AttributeError as error:  # a function is missing: the driver is ancient, or no driver
        log.warning("The NVIDIA driver lacks a function: %s", error)
        return Driver(problem=_does_not_work(str(error)))


def _does_not_work(reason: str) -> Message:
    return Message("The NVIDIA driver does not work ({reason})", reason=reason)


def _cards(driver: ctypes.CDLL) -> tuple[Card, ...]:
    _call(driver, "cuInit", ctypes.c_uint(0))
    return tuple(_card(driver, number) for number in range(_number(driver, "cuDeviceGetCount")))


def _card(driver: ctypes.CDLL, number: int) -> Card:
    device = ctypes.c_int(_number(driver, "cuDeviceGet", ctypes.c_int(number)))
    name = ctypes.create_string_buffer(256)
    _call(driver, "cuDeviceGetName", name, ctypes.c_int(len(name) - 1), device)
    memory = ctypes.c_size_t()
    _call(driver, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    major, minor = (
        _number(driver, "cuDeviceGetAttribute", ctypes.c_int(which), device) for which in CAPABILITY
    )
    return Card(name.value.decode("utf-8", "replace"), (major, minor), memory.value)


def _number(driver: ctypes.CDLL, function: str, *arguments: object) -> int:
    """Return the number that a function writes to its first argument."""
    number = ctypes.c_int()
    _call(driver, function, ctypes.byref(number), *arguments)
    return number.value


def _call(driver: ctypes.CDLL, function: str, *arguments: object) -> None:
    if result := getattr(driver, function)(*arguments):
        raise _CallFailed(function, result)
