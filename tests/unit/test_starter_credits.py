"""Credits of the starter model: who made the objects that a training used."""

import hashlib
import sys
from pathlib import Path

import pytest

import credits

PROPERTIES = """# models
name=Things
name#1=Chair
model#1=/things/chair/chair.obj
creator#1=Zoé
dropOnTopElevation#-1
name#2=Caf\\u00e9 table
model#2=/things/café/table.obj
Creator#2=not the author
name#3=Lamp
model#3=/things/lamp/lamp.obj
creator#3=Adam
name#4=Chair
model#4=/things/chair/other.obj
creator#4=Zoé
"""
CHAIR = """Thank you for downloading "Seat" by ZOÉ
Creative Commons Attribution 3.0
Downloaded from http://www.blendswap.com/blends/view/7
"""
LAMP = """<h1><a href="https://www.blendswap.com/blends/view/8">Blend #8: Lamp</a></h1>
<h3>Released under <a href="https://creativecommons.org/licenses/by/3.0/">by</a></h3>
<a href="http://www.blendswap.com/blends/view/9">another one</a>
"""


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A list of what was used of two catalogs, of which one is free, and of a collection."""
    for name, head in (("Things", ""), ("Free", "license=Public domain\n")):
        catalog = tmp_path / "home" / name
        for thing, files in {"chair": "chair other", "café": "table", "lamp": "lamp"}.items():
            (catalog / "things" / thing).mkdir(parents=True)
            for file in files.split():
                path = catalog / "things" / thing / f"{file}.obj"
                path.write_text(f"{name} {file}")
        (catalog / credits.CATALOG).write_text(head + PROPERTIES, encoding="latin-1")
        (catalog / "things" / "lamp" / "8 - LICENSE.html").write_text(LAMP)
    (tmp_path / "home/Things/things/chair/LICENSE.txt").write_text(CHAIR, encoding="latin-1")
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "bird.glb").write_text("bird")
    return listed(tmp_path, *sorted(tmp_path.rglob("*.obj")), tmp_path / "low" / "bird.glb")


def listed(folder: Path, *files: Path) -> Path:
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in files
    ]
    (folder / "used.sha256").write_text("".join(lines), encoding="utf-8")
    return folder / "used.sha256"


def credited(monkeypatch, used: Path, objects: Path | None = None) -> None:
    monkeypatch.setattr(sys, "argv", ["credits.py", str(used), str(objects or used.parent)])
    credits.main()


def test_credits_name_the_authors_of_what_was_used(used: Path, capsys, monkeypatch) -> None:
    credited(monkeypatch, used)
    said = capsys.readouterr()
    head = "| author | objects | from |\n|---|---|---|\n"
    lamp = "| Adam | Lamp | <https://www.blendswap.com/blends/view/8> |"
    assert said.out.split("\n\n") == [
        "## Free: 1 object",  # Its lamp is not as free as its catalog says.
        f"{head}{lamp}",
        "## Things: 4 objects",
        f"{head}{lamp}\n| author not named | Café table |  |\n"
        "| ZOÉ | Chair (2) | <http://www.blendswap.com/blends/view/7> |",
        "",
    ]
    assert said.err.splitlines() == ["not named: 3 of home/Free", "not named: 1 of low"]
    listed(used.parent, *sorted(used.parent.rglob("table.obj")))
    credited(monkeypatch, used)
    assert "## Things: 1 object\n" in capsys.readouterr().out


def test_models_say_at_their_heads_who_made_them(used: Path, capsys, monkeypatch) -> None:
    head = "# by zoé\n# https://blendswap.com/blend/5\n# CC-BY 3.0\n{}\n# https://blendswap.com/blend/6\n"
    free = used.parent / "home" / "Free" / "things"
    (free / "chair" / "chair.obj").write_text(head.format("v 0 0 0"))
    (free / "café" / "table.mtl").write_text(head.format("newmtl wood"))
    listed(used.parent, free / "chair" / "chair.obj", free / "café" / "table.obj")
    credited(monkeypatch, used)
    rows = capsys.readouterr().out.splitlines()
    assert "| zoé | Chair | <https://blendswap.com/blend/5> |" in rows
    assert "| author not named | Café table | <https://blendswap.com/blend/5> |" in rows


def test_nobody_is_left_out_of_the_credits_without_a_word(used: Path, monkeypatch) -> None:
    folder, things = used.parent, used.parent / "home" / "Things"
    unknown = things / "things" / "unknown.obj"
    unknown.write_text("made by whom?")
    listed(folder, unknown)
    with pytest.raises(SystemExit, match=r"does not name .*unknown\.obj: credit by hand"):
        credited(monkeypatch, used)
    listed(folder, things / "things" / "lamp" / "lamp.obj")
    (things / credits.CATALOG).unlink()
    with pytest.raises(SystemExit, match=r"No catalog says who made .*lamp\.obj: credit by hand"):
        credited(monkeypatch, used)
    listed(folder, folder / "low" / "bird.glb")
    credited(monkeypatch, used)
    for terms in ("Creative Commons Attribution 4.0", "license: CC BY 4.0"):
        (folder / "License.txt").write_text(terms)
        with pytest.raises(SystemExit, match=r"No catalog says who made .*bird\.glb"):
            credited(monkeypatch, used)


@pytest.mark.parametrize(
    "terms",
    [
        "https://creativecommons.org/licenses/by-sa/4.0/",
        "CC BY-NC 4.0",
        "Creative Commons Attribution-NonCommercial 4.0",
        "Creative Commons Attribution-NoDerivs 3.0",
    ],
)
def test_licenses_that_demand_more_are_noticed(used: Path, monkeypatch, terms: str) -> None:
    (used.parent / "home" / "Free" / "LICENSE").write_text(terms)
    with pytest.raises(SystemExit, match=r"Attribution is not enough for .*lamp\.obj"):
        credited(monkeypatch, used)


def test_credits_are_of_the_very_files_that_were_used(used: Path, monkeypatch) -> None:
    with pytest.raises(SystemExit, match="pass the folder below which"):
        credited(monkeypatch, used, used.parent / "home")
    (used.parent / "low" / "bird.glb").write_text("another bird")
    with pytest.raises(SystemExit, match=r"bird\.glb is another file"):
        credited(monkeypatch, used)
    used.write_text("objects\n")
    with pytest.raises(SystemExit, match="no list of sha256sum: 'objects'"):
        credited(monkeypatch, used)
    used.write_bytes(b"\xff")
    with pytest.raises(SystemExit, match="cannot be read"):
        credited(monkeypatch, used)
    used.unlink()
    with pytest.raises(SystemExit, match="cannot be read"):
        credited(monkeypatch, used)
