"""The site builds without a warning, and loads nothing from elsewhere."""

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fences import PAGES, ROOT

IMAGES = ROOT / "docs" / "images"
NAMED = re.compile(r"""(?:\]\(|src=")([^)"\s]+\.(?:png|svg))""")
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
"""What a browser fetches by itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [ROOT / ".venv/bin/mkdocs", "build", "--strict", "--site-dir", site],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0 and "WARNING" not in output, output
    return site


class Loaded(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        address = given.get(LOADED.get(tag, "")) or ""
        if address and given.get("rel") not in ("prev", "next", "canonical"):
            self.addresses.append(address)


def test_pages_load_only_what_the_site_has(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 10
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        for address in loaded.addresses:
            path = address.partition("?")[0].partition("#")[0]
            if page.name == "404.html":  # shown at any address, so its own are absolute
                assert path.startswith("/") or not path, address
            else:
                assert (page.parent / path).is_file(), f"{page.name} loads {address}"


def test_every_block_of_code_is_shown_as_one(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert any("<pre>" in page.read_text(encoding="utf-8") for page in pages)
    for page in pages:
        assert "```" not in page.read_text(encoding="utf-8"), page.name


def test_styles_load_nothing_from_elsewhere(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"url\([\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_search_works_from_a_disk(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert "Network Sees" in index
    assert "iframe-worker.js" in (site / "index.html").read_text(encoding="utf-8")


def test_each_picture_is_there_and_each_one_is_shown() -> None:
    shown = set()
    for page in PAGES:
        for name in NAMED.findall(page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), f"{page.name} shows {name}"
            shown.add((page.parent / name).resolve())
    icon = IMAGES / "icon.svg"  # which mkdocs.yml names
    assert set(IMAGES.iterdir()) - shown == {icon}


def test_links_between_files_of_the_repository() -> None:
    """MkDocs looks at those of the site only."""
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = link.partition("#")[0]
            if path and "://" not in link:
                assert (page.parent / path).exists(), f"{page.name} links to {link}"
