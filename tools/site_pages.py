"""MkDocs hook that adds files outside docs/ to the documentation site.

Pages link to files by their paths in the repository, so that the links work there too; this hook
turns them into links between pages of the site.
"""

import os
import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

ELSEWHERE = {
    "README.md": "index.md",  # the site has its own first page
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "models/starter/README.md": "starter.md",
    "models/starter/CREDITS.md": "credits.md",
    "models/shadow/README.md": "shadow.md",
    "examples/row_of_pictures.py": "examples/row_of_pictures.py",
}
"""Pages of the site by the repository's files."""

LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))|(?<=\bsrc=\")[^\"]+(?=\")")
"""Matches the address of a Markdown link or picture, and of an HTML picture."""

RUN = re.compile(r' data-run="\w+"(?=\n)')
"""Matches the mark of a block that the tests run; with the mark, MkDocs would not see a block."""

FENCE = re.compile(r"^(`{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/."""
    for origin, target in ELSEWHERE.items():
        if target not in files.src_uris:
            files.append(File.generated(config, target, abs_src_path=str(ROOT / origin)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at the site's pages."""
    origin = _origin_of(page.file.src_uri)
    parts, end = [], 0
    for fence in FENCE.finditer(markdown):
        shown = RUN.sub("", fence.group(), count=1)
        parts += [_relinked(markdown[end : fence.start()], origin, page), shown]
        end = fence.end()
    return "".join([*parts, _relinked(markdown[end:], origin, page)])


def _origin_of(target: str) -> str:
    """Return the repository path of a page's source."""
    found = (origin for origin, page in ELSEWHERE.items() if page == target and page != "index.md")
    return next(found, f"docs/{target}")


def _relinked(text: str, origin: str, page: Page) -> str:
    def replace(match: re.Match[str]) -> str:
        link = match.group()
        parts = urlsplit(link)
        if parts.scheme or not parts.path:
            return link
        named = posixpath.normpath(posixpath.join(posixpath.dirname(origin), parts.path))
        target = ELSEWHERE.get(named, named.removeprefix("docs/"))
        here = posixpath.dirname(page.file.src_uri)
        return posixpath.relpath(target, here or os.curdir) + link.removeprefix(parts.path)

    return LINK.sub(replace, text)
