"""The contact sheet, in a browser that opens it from a disk."""

import json
import subprocess
from pathlib import Path

import pytest
from batch_runs import draw
from chromium import NO_WEBGL, PROGRAM, _need_chromium
from PIL import Image

from triposr.batch.page import page
from triposr.batch.rows import PAGE, Row

HOSTILE = "script><b>x.png"
"""Name of a picture in a folder that is named <."""

NAMES = [HOSTILE, "100% #1 ä&ß.png", "a.png", "chair 2.png", "chair 10.png"]

REPORT = """
<script>
const log = value => console.log("REPORT " + JSON.stringify(value));
const names = () => [...document.querySelectorAll("#cards strong")].map(each => each.textContent);
const pick = (id, value) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("input"));
  return names();
};
addEventListener("load", () => log({
  title: document.title,
  names: names(),
  images: [...document.images].map(each => each.naturalWidth),
  links: [...document.links].map(each => each.href),
  texts: [...document.querySelectorAll("#cards > li")].map(each => each.innerText),
  bold: document.querySelectorAll("b").length,
  more: document.getElementById("more").offsetHeight,
  empty: document.getElementById("empty").offsetHeight,
  poorest: pick("sort", "match"),
  best: pick("sort", "-match"),
  faces: pick("sort", "-faces"),
  failures: pick("show", "failures"),
  objects: [pick("sort", "name"), pick("show", "objects")][1],
  found: [pick("show", "all"), pick("find", "CHAIR")][1],
  none: [pick("find", "zebra"), document.querySelector("main, body").innerText][1],
}));
</script>
"""


def opened(page_file: Path, place: Path, size: str = "1200,900", *options: str) -> tuple[str, Path]:
    """What the page said on the console of a browser that opened it, and a screenshot."""
    _need_chromium()
    picture = place / "page.png"
    done = subprocess.run(
        [
            *(PROGRAM, "--no-sandbox", "--hide-scrollbars", f"--window-size={size}", *NO_WEBGL),
            *("--virtual-time-budget=8000", f"--user-data-dir={place / 'profile'}"),
            *("--enable-logging=stderr", f"--screenshot={picture}", *options),
            page_file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line), picture


def report(page_file: Path, place: Path) -> dict:
    """What the page shows, after each choice."""
    with_report = page_file.with_name("report.html")
    with_report.write_bytes(
        page_file.read_bytes().replace(b"</body>", REPORT.encode() + b"</body>")
    )
    said, _ = opened(with_report, place)
    [line] = said.splitlines()
    text = line.partition('"REPORT ')[2].rpartition('", source:')[0]
    return json.loads(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder with four objects and a failure."""
    rows = []
    for number, name in enumerate(NAMES[:-1]):
        place = f"thumbnails/{number:02}/x #%ü {number}.jpg"
        draw(tmp_path / place).unlink()
        Image.new("RGB", (384, 192), (40 * number, 90, 60)).save(tmp_path / place)
        folder = "/pictures/<" if name == HOSTILE else "/pictures"
        rows.append(
            Row(
                picture=f"{folder}/{name}",
                file=f"objects/{number:02}/x #%ü {number}.glb",
                thumbnail=place,
                match=(0.9, 0.3, 0.0, 0.6)[number],
                faces=1000 * (number + 1),
                seconds={"prepare": 1.0, "encode": 0.25},
            )
        )
    bad = Row(picture=f"s3://b/{NAMES[-1]}?region=eu", error="It is <i>empty</i>", hint='Use "x"')
    (tmp_path / PAGE).write_bytes(page([*rows, bad]))
    return tmp_path


def test_cards_sorting_and_filter(folder: Path) -> None:
    seen = report(folder / PAGE, folder)
    assert seen["title"] == "4 objects, 1 failure"
    assert sorted(seen["names"]) == sorted(NAMES) and seen["bold"] == 0
    assert seen["names"][2:4] == ["chair 2.png", "chair 10.png"], "numbers by their value"
    assert seen["more"] == seen["empty"] == 0, "neither is shown"
    assert seen["images"] == [384] * 4, "every thumbnail is found"
    assert all(link.startswith("file:///") and "%23%25%C3%BC" in link for link in seen["links"])
    texts = dict(zip(seen["names"], seen["texts"], strict=True))
    assert "90 %" in texts[HOSTILE] and "1,000 faces" in texts[HOSTILE]
    assert "1.3 s" in texts[HOSTILE] or "1.2 s" in texts[HOSTILE]
    assert "%" not in texts["a.png"].replace("a.png", ""), "no match is known"
    assert 'It is <i>empty</i>. Use "x".' in texts["chair 10.png"]
    assert seen["poorest"][:3] == ["100% #1 ä&ß.png", "chair 2.png", HOSTILE]
    assert seen["best"][:3] == [HOSTILE, "chair 2.png", "100% #1 ä&ß.png"]
    assert set(seen["poorest"][3:]) == {"a.png", "chair 10.png"} == set(seen["best"][3:])
    assert seen["faces"][0] == "chair 2.png"
    assert seen["failures"] == ["chair 10.png"]
    assert len(seen["objects"]) == 4 and "chair 10.png" not in seen["objects"]
    assert seen["found"] == ["chair 2.png", "chair 10.png"]
    assert "No picture fits" in seen["none"]


def test_thousands_of_cards_come_as_they_are_needed(tmp_path: Path) -> None:
    rows = [Row(picture=f"/p/{number}.png", faces=number) for number in range(3000)]
    (tmp_path / PAGE).write_bytes(page(rows))
    seen = report(tmp_path / PAGE, tmp_path)
    assert seen["title"] == "3,000 objects"
    assert 200 <= len(seen["names"]) < 3000 and seen["more"] > 0
    assert seen["faces"][0] == "2999.png", "of all, not of those that are shown"


def test_of_very_many_the_page_shows_what_needs_a_look(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("triposr.batch.page.MOST", 3)
    rows = [Row(picture=f"/p/{n}.png", match=n / 10) for n in range(9)]
    bad = Row(picture="/p/bad.png", error="Empty", hint="Look")
    (tmp_path / PAGE).write_bytes(page([*rows, bad]))
    seen = report(tmp_path / PAGE, tmp_path)
    assert seen["title"] == "9 objects, 1 failure"
    assert seen["names"] == ["1.png", "2.png", "bad.png"]
    assert "Here are the 3 pictures that need a look most" in seen["none"]


def test_it_opens_without_an_error_and_shows_something(folder: Path) -> None:
    for size in ("1200,900", "380,700"):
        said, picture = opened(folder / PAGE, folder, size)
        assert said == ""
        with Image.open(picture) as image:
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_an_empty_page(tmp_path: Path) -> None:
    (tmp_path / PAGE).write_bytes(page([]))
    assert report(tmp_path / PAGE, tmp_path)["title"] == "0 objects"
