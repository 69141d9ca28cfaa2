"""Write the tables of settings in docs/scripting.md from settings.py, where each is declared once.

    .venv/bin/python tools/settings_tables.py

A table stands between `<!-- settings: NAME -->` and `<!-- end -->`; the rest of the page is left as
it is.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from triposr.settings import (
    BATCH,
    CLEAN_UP,
    DROP_AT,
    FACING,
    MIRROR,
    OBJECT,
    RECOLOR,
    REMESH,
    TARGET,
    TEXTURE,
    VARIANTS,
    Setting,
    number_text,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scripting.md"

MARKED = re.compile(r"(<!-- settings: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

OF_CALLS = {
    "clean_up": CLEAN_UP,
    "remesh": REMESH,
    "mirror": MIRROR,
    "recolor": RECOLOR,
    "texture": TEXTURE,
    "variants": VARIANTS,
    "import_batch": BATCH,
    "export": (TARGET,),
}
"""Settings by the function or the operator that has them."""


def rewritten(page: str) -> str:
    """A page with its tables as settings.py has them; KeyError for a table that there is not."""
    return MARKED.sub(
        lambda found: found[1] + "\n".join(TABLES[found[2]]()) + "\n" + found[3], page
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from map(_row, rows)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _of_properties(settings: tuple[Setting, ...]) -> Iterator[str]:
    rows = ((_code(each.name), each.label, _values(each), _default(each)) for each in settings)
    return _table(("setting", "label", "values", "default"), rows)


def _of_calls() -> Iterator[str]:
    rows = (
        (_code(call), _code(each.name), each.flag_help, _values(each), _default(each))
        for call, settings in OF_CALLS.items()
        for each in settings
    )
    return _table(("of", "setting", "what it is", "values", "default"), rows)


def _of_shells() -> Iterator[str]:
    return _table(("option", "what it is", "values", "default"), map(_option, OBJECT))


def _option(setting: Setting) -> tuple[str, ...]:
    flag = f"{setting.flag} {setting.metavar}".rstrip()
    takes_value = not isinstance(setting.default, bool)
    values = (_values(setting), _default(setting)) if takes_value else ("–", "–")
    return _code(flag), setting.flag_help, *values


TABLES = {
    "object": partial(_of_properties, OBJECT),
    "scene": partial(_of_properties, (FACING, DROP_AT)),
    "calls": _of_calls,
    "shell": _of_shells,
}
"""Functions that make the tables, by the name in each table's marker."""


def _values(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(_code(name) for name, _, _ in setting.choices)
    if isinstance(setting.default, bool):
        return "`True`, `False`"
    assert setting.limits is not None
    return " to ".join(map(number_text, setting.limits))


def _default(setting: Setting) -> str:
    if isinstance(setting.default, str | bool):
        return _code(setting.default)
    return number_text(setting.default)


def _code(text: object) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
