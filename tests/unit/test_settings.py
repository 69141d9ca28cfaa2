"""Settings allow what they say, whatever type it comes as, and name what they do not allow."""

import numpy as np
import pytest

from triposr import settings
from triposr.inference.errors import InputError
from triposr.settings import CLEAN_UP, OBJECT, REMESH, SURFACE, Setting, checked

ALL = [value for value in vars(settings).values() if isinstance(value, Setting)]


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: f"{setting.name} {setting.default}")
def test_defaults_and_limits_are_allowed(setting: Setting) -> None:
    values = [setting.default, *(setting.limits or ()), *(name for name, _, _ in setting.choices)]
    for value in values:
        result = setting.checked(value)
        assert result == value and type(result) is type(setting.default)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"resolution": np.int64(64)}, 64),
        ({"resolution": np.float32(64)}, 64),
        ({"resolution": 128.0}, 128),
        ({"threshold": np.float32(30)}, 30.0),
        ({"threshold": 30}, 30.0),
        ({"closed": np.bool_(False)}, False),
        ({"closed": 1}, True),
    ],
    ids=str,
)
def test_numbers_may_come_as_other_types(given: dict, expected: object) -> None:
    [result] = checked(SURFACE, given).values()
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(
    ("tools", "given", "said"),
    [
        (OBJECT, {"resolution": 100.5}, "Resolution is 100.5. Choose a whole number."),
        (OBJECT, {"resolution": "64"}, "Resolution is '64'. Choose a value from 16 to 1,024."),
        (OBJECT, {"threshold": float("nan")}, "Density Threshold is nan"),
        (OBJECT, {"size": float("inf")}, "Size is inf"),
        (OBJECT, {"closed": "yes"}, "Close at Box is 'yes'. Choose True or False."),
        (OBJECT, {"closed": np.array([True, False])}, "Choose True or False."),
        (OBJECT, {"background": "magic"}, "Background is 'magic'. Choose one of auto,"),
        (OBJECT, {"background": None}, "Background is None. Choose one of auto,"),
        (CLEAN_UP, {"smooth": 201}, "Smooth is 201. Choose a value from 0 to 200."),
        (REMESH, {"faces": 99}, "Faces is 99. Choose a value from 100 to 1,000,000."),
    ],
    ids=str,
)
def test_what_is_not_allowed_is_named(tools: tuple, given: dict, said: str) -> None:
    with pytest.raises(InputError) as caught:
        checked(tools, given)
    assert said in str(caught.value)


def test_a_setting_that_does_not_exist() -> None:
    with pytest.raises(TypeError, match="no setting 'resolutoin', only resolution, threshold"):
        checked(SURFACE, {"resolutoin": 64})
