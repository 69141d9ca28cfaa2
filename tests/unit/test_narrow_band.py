"""Where the surface may be, between texels."""

import math

import torch

from triposr.inference import SceneCode
from triposr.inference.surface.field import Field
from triposr.inference.surface.narrow_band import Band, find_band, texel_ticks, undecided


def test_the_band_is_small(robot: SceneCode) -> None:
    with torch.inference_mode():
        band = find_band(Field(robot), math.log(25) + 1, lambda done: None)
    assert 0.01 < band.active.float().mean() < 0.1


def test_ticks_are_texels_and_the_ends() -> None:
    ticks = texel_ticks(4, torch.device("cpu"))
    assert ticks.tolist() == [-1, -0.75, -0.25, 0.25, 0.75, 1]


def test_cells_near_the_surface_are_undecided() -> None:
    values = torch.full((9, 9, 9), -8.0)
    assert not undecided(values, 0.5).any()
    values[4, 4, 4] = -2.0  # It may rise above zero between here and the next point.
    near = undecided(values, 0.5)
    assert near[3:5, 3:5, 3:5].all()
    assert near.sum() == 2**3


def test_what_is_known_within_a_cell_counts() -> None:
    values = torch.full((5, 5, 5), -8.0)
    low, high = torch.full((4, 4, 4), math.inf), torch.full((4, 4, 4), -math.inf)
    high[1, 2, 3] = 0.5
    near = undecided(values, 0.25, (low, high))
    assert near.nonzero().tolist() == [[1, 2, 3]]


def test_wider_by_one_cell() -> None:
    active = torch.zeros(5, 5, 5, dtype=torch.bool)
    active[0, 2, 2] = True
    wider = Band(torch.zeros(6), torch.zeros(6, 6, 6), active).wider().active
    assert wider[:2, 1:4, 1:4].all()
    assert wider.sum() == 2 * 3 * 3
