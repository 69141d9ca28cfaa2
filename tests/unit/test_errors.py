"""Errors keep what they say, also on the way back from a worker process."""

import pickle

import pytest

from triposr.inference import errors
from triposr.inference.errors import TripoSRError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TripoSRError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_pickling(kind: type[TripoSRError]) -> None:
    error = pickle.loads(pickle.dumps(kind("The picture is gone", "Choose another")))
    assert type(error) is kind
    assert (error.message, error.hint) == ("The picture is gone", "Choose another")
    assert str(error) == "The picture is gone. Choose another."
