"""The families of objects that the starter model learns.

A family is a function from random numbers to parts, with the front toward +X and Z up, of any size
and in any place; `objects.make_object` turns, centers and scales the parts.
"""

from __future__ import annotations

from collections.abc import Callable

from creatures import animal, bird, figure, head
from forms import cutout, free, letters, stack, turned
from furniture import chair, lamp, mug, table
from maker import Maker
from places import building, plant, vehicle
from solids import Part

FAMILIES: dict[str, tuple[Callable[[Maker], list[Part]], float]] = {
    "stack": (stack, 1.0),
    "table": (table, 1.0),
    "chair": (chair, 1.2),
    "animal": (animal, 1.3),
    "bird": (bird, 0.8),
    "figure": (figure, 1.2),
    "head": (head, 1.2),
    "mug": (mug, 1.1),
    "lamp": (lamp, 0.7),
    "turned": (turned, 1.2),
    "cutout": (cutout, 0.7),
    "letters": (letters, 0.6),
    "vehicle": (vehicle, 1.0),
    "building": (building, 0.7),
    "plant": (plant, 0.8),
    "free": (free, 1.5),
}
"""The families and their relative frequencies, by name."""
