"""Errors keep what they say, also on the way back from a worker process."""

import pickle

import pytest

from triposr.inference import errors
from triposr.inference.errors import InputError, TripoSRError
from triposr.inference.message import Message

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TripoSRError)
]


def shouted(template: str) -> str:
    """A language in which every text is the English one, with an exclamation mark."""
    return f"{template}!"


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_pickling(kind: type[TripoSRError]) -> None:
    error = kind("{name} is gone", "Choose another than {name!r}", name="The picture")
    error = pickle.loads(pickle.dumps(error))
    assert type(error) is kind
    assert error.message == "The picture is gone"
    assert error.hint == "Choose another than 'The picture'"
    assert str(error) == "The picture is gone. Choose another than 'The picture'."
    assert error.hint.template == "Choose another than {name!r}"
    assert error.message.values == {"name": "The picture"}


def test_only_the_template_is_formatted() -> None:
    error = InputError("{name} is {odd}", "Choose {odd}", name="{odd}", odd="{name}")
    assert str(error) == "{odd} is {name}. Choose {name}."
    assert error.sentences.translated(shouted) == "{odd} is {name}!. Choose {name}!.!"
    assert str(InputError(error.message, error.hint)) == str(error)


def test_messages_among_the_values_are_translated_too() -> None:
    message = Message("{name} is {what}", name="vase", what=Message("large"))
    assert message == "vase is large"
    assert message.translated(shouted) == "vase is large!!"
    copy = pickle.loads(pickle.dumps(message))
    assert type(copy) is Message and copy == message
    assert copy.translated(shouted) == "vase is large!!"
