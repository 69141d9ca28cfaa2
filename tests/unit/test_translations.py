"""Everything that the artist reads can be translated, and has a German translation."""

import ast
import runpy
from collections.abc import Iterator

from messages import ERRORS, MARKS, ROOT, literal, messages, name_of, placeholders, trees

GERMAN: dict[str, str] = runpy.run_path(str(ROOT / "translations" / "de_DE.py"))["MESSAGES"]
ENGLISH = messages()

UNITS = {"MB", "GB", "torch"}
"""Words that are the same in all languages."""

SHOWN = {"poll_message_set": 0, "report": 1, "draw_text": 1, "push_undo_step": 0}
"""Position of the argument of a call that must have been made for translation before."""

CALLS = [
    (f"{path.relative_to(ROOT)}:{node.lineno}", node)
    for path, tree in trees()
    for node in ast.walk(tree)
    if isinstance(node, ast.Call)
]


def test_all_kinds_of_errors_are_looked_at() -> None:
    from triposr.inference import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert {kind.__name__ for kind in kinds if issubclass(kind, errors.TripoSRError)} == ERRORS


def test_german_is_complete() -> None:
    assert sorted(ENGLISH - set(GERMAN)) == [], "these have no German"
    assert sorted(set(GERMAN) - ENGLISH) == [], "the add-on no longer says these"


def test_german_asks_for_the_same_values() -> None:
    assert [text for text in GERMAN if placeholders(GERMAN[text]) != placeholders(text)] == []


def test_german_is_written_as_the_interface_is() -> None:
    odd = [
        text
        for text, german in GERMAN.items()
        if not german or german != german.strip() or german.endswith(".") != text.endswith(".")
    ]
    assert odd == []


def templates(call: ast.Call) -> list[ast.expr]:
    """The templates that are formatted with the keywords of a call."""
    if name_of(call) in {"Message", *ERRORS}:
        return call.args
    # iface_("...").format(...)
    inner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name_of(call) == "format" and isinstance(inner, ast.Call) and name_of(inner) in MARKS:
        return inner.args
    return []


def test_templates_get_their_values() -> None:
    wrong = []
    for place, call in CALLS:
        given = {keyword.arg for keyword in call.keywords}
        found = templates(call)
        if not found or None in given:  # an error passes on the keywords that it was given
            continue
        texts = filter(None, map(literal, found))
        if {name for text in texts for name, _, _ in placeholders(text)} != given:
            wrong.append(place)
    assert wrong == []


def shown(call: ast.Call) -> Iterator[ast.expr]:
    """Arguments of a call that the artist will read."""
    name = name_of(call)
    if name in SHOWN:
        yield from call.args[SHOWN[name] :][:1]
    if name in MARKS | ERRORS:
        yield from call.args
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "text")


def test_no_text_is_put_together_untranslated() -> None:
    """No translation can contain the text of an f-string."""
    said = {
        f"{place} {word}"
        for place, call in CALLS
        for text in shown(call)
        if isinstance(text, ast.JoinedStr)
        for part in filter(None, map(literal, text.values))
        for word in part.replace(",", " ").replace(".", " ").replace(":", " ").split()
        if word not in UNITS
    }
    assert said == set()


def test_what_blender_does_not_translate_is_translated_before() -> None:
    plain = [
        place
        for place, call in CALLS
        if name_of(call) in SHOWN and any(literal(text) for text in shown(call))
    ]
    assert plain == []
