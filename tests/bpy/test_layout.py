"""Sentences in panels: as many lines as the font needs in a region's width."""

# ruff: noqa: RUF001
# Chinese and Japanese punctuation is meant.

from itertools import pairwise
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

ENGLISH = "The picture has no transparent background. Choose Automatic as the Background."
GERMAN = (
    "Die Hintergrundentfernungsmethode „Plain“ passt nicht: Freistellungsmodelle gibt es in den"
    " Add-on-Voreinstellungen, für PNG-Dateien und Bildschirmfotoausschnitte."
)
JAPANESE = (
    "「背景」を選んでください。モデルはこのコンピューターにありません（ダウンロードが必要です）。"
)
CHINESE = "无法读取图片，请选择另一张图片：PNG、JPEG 或 WebP 文件。"
PATH = "/home/artist/" + "a" * 200 + "/toy.png"


@pytest.fixture
def lines_of(bpy, addon, monkeypatch):
    """The lines of a text in a region of some width, and what they measure at most."""
    layout = addon("panels.layout")

    def lines_of(text: str, width: int, scale: float = 1.0, points: float = 11.0) -> list[str]:
        style = SimpleNamespace(widget=SimpleNamespace(points=points))
        context = SimpleNamespace(
            region=SimpleNamespace(width=width),
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=scale), ui_styles=[style]),
        )
        monkeypatch.setattr(layout, "bpy", SimpleNamespace(context=context))
        drawn = MagicMock()
        layout.draw_text(drawn, text, "INFO")
        calls = drawn.column.return_value.label.call_args_list
        assert [call.kwargs["icon"] for call in calls] == ["INFO", *["BLANK1"] * (len(calls) - 1)]
        lines = [call.kwargs["text"] for call in calls]
        import blf

        blf.size(0, points * scale)
        room = max(width - layout.MARGIN * scale, layout.LEAST * scale)
        assert all(blf.dimensions(0, line)[0] <= room for line in lines)
        return lines

    return lines_of


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, JAPANESE, CHINESE, PATH])
@pytest.mark.parametrize("width", [60, 240, 320, 500, 5000])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_every_line_fits_and_nothing_is_lost(lines_of, text: str, width: int, scale: float) -> None:
    lines = lines_of(text, int(width * scale), scale)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(line == line.strip() and line for line in lines)
    assert len(lines) == 1 if width == 5000 else len(lines) > 1 or width == 500


def test_a_line_is_full_before_the_next_begins(lines_of) -> None:
    import blf

    for text in (ENGLISH, GERMAN):
        lines = lines_of(text, 320)
        blf.size(0, 11.0)
        for line, following in pairwise(lines):
            gap = "" if line.endswith("-") else " "
            start = following.split("-")[0].split()[0]
            assert blf.dimensions(0, line + gap + start)[0] > 320 - 90


def test_words_stay_whole_where_they_fit(lines_of) -> None:
    words = {*ENGLISH.split(), *GERMAN.replace("-", "- ").split()}
    for text in (ENGLISH, GERMAN):
        for line in lines_of(text, 300):
            assert set(line.replace("-", "- ").split()) <= words


def test_japanese_ends_no_line_where_it_may_not(lines_of) -> None:
    for text in (JAPANESE, CHINESE):
        for width in range(210, 400, 11):
            lines = lines_of(text, width)
            assert not [line for line in lines[1:] if line[0] in "、。，：）」ー"]
            assert not [line for line in lines if line[-1] in "「（"]
            assert max(map(len, lines)) > 8
    assert any("JPEG" in line for line in lines_of(CHINESE, 210))


def test_narrow_letters_leave_room_for_more(lines_of) -> None:
    narrow, broad = lines_of("till " * 60, 320), lines_of("WOMB " * 60, 320)
    assert len(broad) > 2 * len(narrow)
    assert len(lines_of(ENGLISH, 320, points=18.0)) > len(lines_of(ENGLISH, 320))
    assert lines_of("  one\n two\u00a0three ", 500) == ["one two\u00a0three"]
    assert lines_of("", 500) == [""]
