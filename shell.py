"""Options of shell commands, made from the settings. No bpy."""

from __future__ import annotations

import argparse
from typing import Any

from .settings import Setting, values_of


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
    kind: dict[str, Any] = {"choices": tuple(name for name, _, _ in setting.choices)}
    if setting.limits is not None:
        low, high = setting.limits
        kind = {"type": type(setting.default), "metavar": setting.metavar}
        description += f"; {low:g} to {high:g}"
    group.add_argument(
        setting.flag, dest=setting.name, help=f"{description}; default: {setting.default}", **kind
    )


def given(settings: tuple[Setting, ...], options: argparse.Namespace) -> dict[str, object]:
    """Return the values of the settings that the command line gives, by name."""
    return {name: v for name, v in values_of(settings, options).items() if v is not None}
