"""Work takes as many cores as it may, and gives them back."""

import os

import pytest
import torch

from triposr.inference.machine.threads import torch_threads


@pytest.fixture(autouse=True)
def four_threads(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "count", "expected"),
    [(8, 0, 4), (4, 0, 3), (2, 0, 1), (1, 0, 1), (4, 2, 2), (4, None, 4)],
)
def test_one_core_is_left_to_blender(monkeypatch, cores: int, count: int, expected: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    with torch_threads(count):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 4


def test_threads_come_back_after_an_error() -> None:
    with pytest.raises(ValueError), torch_threads(2):
        raise ValueError
    assert torch.get_num_threads() == 4
