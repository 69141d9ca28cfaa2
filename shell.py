"""Options of shell commands, made from the settings. No bpy."""

from __future__ import annotations

import argparse
from typing import Any

from .settings import AFTER_FACES, AFTER_TEXTURE, Setting, number_text, values_of


def add_settings(group: argparse._ArgumentGroup, settings: tuple[Setting, ...]) -> None:
    """Add an option for each setting; by default, its help is the tooltip."""
    for setting in settings:
        _add_setting(group, setting)


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    description = setting.flag_help.replace("%", "%%")
    if isinstance(setting.default, bool):
        action = "store_false" if setting.default else "store_true"
        group.add_argument(setting.flag, dest=setting.name, action=action, help=description)
        return
    names = tuple(name for name, _, _ in setting.choices)
    kind: dict[str, Any] = {"choices": names, "metavar": setting.metavar or None}
    default = str(setting.default)
    if setting.limits is not None:
        kind = {"type": type(setting.default), "metavar": setting.metavar}
        description += f"; {' to '.join(map(number_text, setting.limits))}"
        default = number_text(float(setting.default))
    elif setting.metavar:  # in place of the choices
        description += f"; one of {', '.join(names)}"
    group.add_argument(
        setting.flag, dest=setting.name, help=f"{description}; default: {default}", **kind
    )


def given(settings: tuple[Setting, ...], options: argparse.Namespace) -> dict[str, object]:
    """Return the values of the settings that the command line gives, by name."""
    return {name: v for name, v in values_of(settings, options).items() if v is not None}


def check_faces(values: dict[str, object]) -> None:
    """Raise ValueError if a number of faces is given, but no texture, without which it has no
    effect.
    """
    if AFTER_FACES.name in values and values.get(AFTER_TEXTURE.name, "none") == "none":
        raise ValueError(
            f"{AFTER_FACES.flag} is for objects with a texture: add {AFTER_TEXTURE.flag} 2048"
        )
