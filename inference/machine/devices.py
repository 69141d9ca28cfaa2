"""Choice of a model's device and precision, and detection of memory that runs out."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import DeviceError, DeviceMemoryError, InputError
from ..message import Message
from ..types import DeviceInfo
from .driver import look_at_driver

log = logging.getLogger(__name__)

DEVICES = ("cuda", "xpu", "mps", "cpu")
"""Device types in order of preference; ROCm builds of torch call their devices `cuda`."""

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Return the device named `name`; `auto` takes the best one that works.

    Raises:
        DeviceError: The named device is missing or does not work.
        InputError: There is no such device type.
    """
    if name == "auto":
        return next(torch.device(name) for name in _candidates() if not problem_of(name))
    if name.partition(":")[0] not in DEVICES:
        raise InputError(
            "There is no device type {name!r}",
            "Choose auto, {names}",
            name=name,
            names=", ".join(DEVICES),
        )
    if problem := problem_of(name):
        raise DeviceError(
            problem, "Choose Automatic or CPU as the device in the add-on's preferences"
        )
    return torch.device(name)


def _candidates() -> Iterator[str]:
    """Yield the names of all devices, best first, ending with the CPU, which always works."""
    for kind in DEVICES[:-1]:
        if _backend(kind).is_available():
            yield from _names(kind)
    yield "cpu"


def _names(kind: str) -> list[str]:
    """Return the names of all devices of a kind."""
    # torch.backends.mps stands for the only GPU.
    if kind == "mps":
        return [kind]
    return [f"{kind}:{number}" for number in range(_backend(kind).device_count())]


def list_devices() -> tuple[DeviceInfo, ...]:
    """List the devices that could run the network, best first, the CPU last, and their problems."""
    found = []
    for kind in DEVICES[:-1]:
        if _backend(kind).is_available():
            found += [_described(name) for name in _names(kind)]
    if not found and (problem := _unused_gpu()):
        found.append(DeviceInfo("cuda", "GPU", problem=problem))
    cpu = Message("CPU, {count} cores", count=torch.get_num_threads())
    return (*found, DeviceInfo("cpu", cpu, _memory_of_cpu()))


def _described(name: str) -> DeviceInfo:
    kind, _, number = name.partition(":")
    if kind == "mps":
        return DeviceInfo(name, "Apple GPU", problem=problem_of(name))
    try:
        properties = _backend(kind).get_device_properties(int(number))
    except (RuntimeError, AssertionError) as error:
        problem = Message("The device {name} does not answer: {error}", name=name, error=str(error))
        return DeviceInfo(name, name, problem=problem)
    return DeviceInfo(name, properties.name, properties.total_memory, problem_of(name))


def problem_of(name: str) -> str:
    """Return why a device does not work, a message without a final period; empty if it works.

    A driver too old for torch, or a torch too old for the card, shows only when a kernel runs.
    """
    kind = name.partition(":")[0]
    if not _backend(kind).is_available():
        return Message(
            "The installed torch {version} finds no device {name}",
            version=torch.__version__,
            name=name,
        )
    try:
        device = torch.device(name)
        ones = torch.ones(8, 8, device=device)
        works = bool((ones @ ones).sum().item() == 512)
    except (RuntimeError, AssertionError) as error:
        log.warning("Device %s is listed but does not compute: %s", name, error)
        if is_out_of_memory(error):
            return Message("The device {name} has no free memory now", name=name)
        works = False
    return "" if works else _misfit(name)


def _misfit(name: str) -> Message:
    """Return a message that names the card and the build of torch that do not fit together."""
    kind, _, number = name.partition(":")
    if kind != "cuda" or int(number or 0) >= torch.cuda.device_count():
        return Message(
            "The device {name} does not work with the installed torch {version}",
            name=name,
            version=torch.__version__,
        )
    card = torch.cuda.get_device_name(int(number or 0))
    made_for = ", ".join(torch.cuda.get_arch_list()) or Message("no GPU")
    return Message(
        "{card} does not work with the installed torch {version}, which was made for {made_for}",
        card=card,
        version=torch.__version__,
        made_for=made_for,
    )


def _backend(kind: str) -> Any:
    # In older releases, torch.mps has no is_available() of its own.
    return torch.backends.mps if kind == "mps" else getattr(torch, kind)


AMD_DRIVER = "/dev/kfd"
"""File that AMD's driver for computing makes on Linux."""


def _unused_gpu() -> str:
    """Return a message that the machine's GPU is not used by this torch; empty without a GPU."""
    driver = look_at_driver()
    if not driver.cards and not Path(AMD_DRIVER).exists():
        return driver.problem
    card = driver.cards[0].name if driver.cards else Message("The AMD GPU")
    if driver.cards and torch.version.cuda:
        return Message(
            "{card} is not used: the installed torch {version} does not find it",
            card=card,
            version=torch.__version__,
        )
    return Message(
        "{card} is not used: the installed torch {version} was made for others",
        card=card,
        version=torch.__version__,
    )


def _memory_of_cpu() -> int:
    """Return the bytes of memory in this machine; 0 if the system does not report them."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        log.debug("The system does not tell how much memory it has")
        return 0


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return torch's type for `fp32`, `bf16` or `fp16`; `auto` is bf16 if the device supports it.

    bfloat16 has the range of float32, so no weights overflow in it; its two to three digits move
    the surface by about a cell of the lattice at 96³.

    Raises:
        InputError: There is no such precision.
    """
    if precision == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    try:
        return _DTYPES[precision]
    except KeyError:
        raise InputError(
            "There is no precision {name!r}",
            "Choose auto or one of {names}",
            name=precision,
            names=", ".join(_DTYPES),
        ) from None


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the device has bfloat16 instructions: emulated, it is slower than float32."""
    if device.type == "cuda":
        # ROCm also calls its devices `cuda`, with capability numbers of its own.
        is_nvidia = torch.version.hip is None
        return is_nvidia and torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # Torch has no public function for this; releases before 2.6 have none at all.
        return any(
            getattr(torch.cpu, name, lambda: False)()
            for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
    return False


@contextmanager
def full_float32() -> Iterator[None]:
    """Let convolutions and products of matrices compute float32 in full.

    By default, torch lets cuDNN round the factors of convolutions to the 10 bits of TF32. Another
    add-on may have allowed that for matrices too, or bfloat16 on the CPU. The settings are the
    process's, so they are put back afterwards.
    """
    convolutions: Any = getattr(torch.backends.cudnn, "conv", None)
    if not hasattr(convolutions, "fp32_precision"):
        with _full_float32_before_2_9():
            yield
        return
    # The older switches are no use here: they write "none", which inherits what another add-on
    # chose for all operators, and raise once both kinds have been used.
    places: list[Any] = [convolutions, torch.backends.cuda.matmul, *_of_onednn()]
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, precision in zip(places, before, strict=True):
            # torch returns an inherited value like one of the operator's own: inherit again if the
            # result is the same.
            place.fp32_precision = "none"
            if place.fp32_precision != precision:
                place.fp32_precision = precision


def _of_onednn() -> tuple[Any, ...]:
    """Return the settings of the CPU's library that this torch has."""
    names = ("conv", "matmul")
    found = (getattr(torch.backends.mkldnn, name, None) for name in names)
    return tuple(place for place in found if hasattr(place, "fp32_precision"))


@contextmanager
def _full_float32_before_2_9() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    try:
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before[0]
        torch.set_float32_matmul_precision(before[1])


LESS_MEMORY = Message("Lower the resolution, close other programs, or choose CPU as the device")


@contextmanager
def memory_errors(doing: str, hint: str = LESS_MEMORY) -> Iterator[None]:
    """Turn every out-of-memory error into a `DeviceMemoryError` that says what to do.

    Args:
        doing: The work in progress, for the message; a message or a name.
        hint: A message that says what to do.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceMemoryError(
            "Memory ran out while {doing}",
            hint,
            doing=doing,
        ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out; CPUs and MPS raise a RuntimeError then."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    texts = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(text in str(error) for text in texts)


def check_memory(device: torch.device, needed: int) -> None:
    """Raise `DeviceMemoryError` if an accelerator reports fewer free bytes than `needed`.

    Running out of memory instead takes longer, and takes memory from other programs meanwhile.
    """
    module = getattr(torch, device.type)
    if device.type == "cpu" or not hasattr(module, "mem_get_info"):
        return
    try:
        free, _ = module.mem_get_info(device)
    except RuntimeError as error:  # integrated GPUs do not report it
        log.info("%s does not tell how much memory is free: %s", device, error)
        return
    if free < needed:
        raise DeviceMemoryError(
            "The model needs {needed:.1f} GB of memory and the device {device} has"
            " {free:.1f} GB free",
            "Close other programs, or choose CPU as the device",
            needed=needed / 1e9,
            device=str(device),
            free=free / 1e9,
        )


def empty_caches() -> None:
    """Return memory that torch has freed on accelerators, and still caches, to their drivers."""
    for kind in DEVICES[:-1]:
        if _backend(kind).is_available():
            getattr(torch, kind).empty_cache()


def less_memory(device: str, precision: str) -> tuple[str, str] | None:
    """Return what to try after memory ran out: half precision, then the CPU, then nothing.

    An artist who chose `fp32` wants exact results, and gets them from the CPU.

    Args:
        device, precision: The names that `load_model` was called with.

    Returns:
        The device and the precision to try next; None if there is nothing left to try.
    """
    chosen = choose_device(device)
    if chosen.type == "cpu":
        return None
    if precision == "fp32":
        return "cpu", precision
    if choose_dtype(precision, chosen) == torch.float32:
        return device, "fp16"  # a device that multiplies bfloat16 has begun with that
    return "cpu", "auto"
