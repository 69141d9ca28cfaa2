"""A library with the interface of NVIDIA's driver, compiled here, with any cards and faults."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SOURCE = """
#include <stddef.h>
#include <stdio.h>

static const char *names[] = {{{names}}};
static const int majors[] = {{{majors}}}, minors[] = {{{minors}}};
static const size_t memories[] = {{{memories}}};
static int started = 0;

int cuInit(unsigned int flags) {{ started = 1; return {init}; }}
int cuDriverGetVersion(int *version) {{ *version = {api}; return 0; }}
int cuDeviceGetCount(int *count) {{ *count = {count}; return started ? {counting} : 3; }}
int cuDeviceGet(int *device, int number) {{ *device = 10 + number; return started ? 0 : 3; }}
int cuDeviceGetName(char *name, int size, int device) {{
    snprintf(name, size, "%s", names[device - 10]);
    return 0;
}}
int cuDeviceGetAttribute(int *value, int which, int device) {{
    if (which != 75 && which != 76) return 1;
    *value = which == 75 ? majors[device - 10] : minors[device - 10];
    return 0;
}}
int {total_memory}(size_t *bytes, int device) {{ *bytes = memories[device - 10]; return 0; }}
"""

_numbers = itertools.count()


class FakeCard(NamedTuple):
    """A card that the library claims to have."""

    name: str
    major: int
    minor: int
    memory: int


RTX_3060 = FakeCard("NVIDIA GeForce RTX 3060", 8, 6, 12_884_901_888)
GTX_1080 = FakeCard("NVIDIA GeForce GTX 1080", 6, 1, 8_589_934_592)
GT_710 = FakeCard("NVIDIA GeForce GT 710", 3, 5, 2_147_483_648)


def build(
    folder: Path,
    cards: Sequence[FakeCard] = (),
    api: int = 12_080,
    init: int = 0,
    counting: int = 0,
    total_memory: str = "cuDeviceTotalMem_v2",
) -> Path:
    """Compile a library into a folder.

    Args:
        api: Version of CUDA that it supports.
        init, counting: Results of cuInit and cuDeviceGetCount; 0 is success.
        total_memory: Name of the function for memory: another one stands for an ancient driver.
    """
    filled = cards or [FakeCard("", 0, 0, 0)]
    source = SOURCE.format(
        names=", ".join(f'"{card.name}"' for card in filled),
        majors=", ".join(str(card.major) for card in filled),
        minors=", ".join(str(card.minor) for card in filled),
        memories=", ".join(f"{card.memory}u" for card in filled),
        count=len(cards),
        api=api,
        init=init,
        counting=counting,
        total_memory=total_memory,
    )
    # A name of its own: the system's loader keeps a library that it has loaded once.
    path = folder / f"libcuda-{next(_numbers)}.so"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True)
    return path
