"""What the documentation site shows of files outside docs/: a hook of MkDocs.

Pages link to files where the repository has them, so that links work there as well as in the site;
here they are turned into links between pages.
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
    "models/shadow/README.md": "shadow.md",
    "examples/row_of_pictures.py": "examples/row_of_pictures.py",
}
"""Where in the site a file of the repository is."""

LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))|(?<=\bsrc=\")[^\"]+(?=\")")
"""The address of a link or picture of Markdown, and of an HTML picture."""

RUN = re.compile(r' data-run="\w+"(?=\n)')
"""For the tests, which run the block; MkDocs would not take it for one."""

FENCE = re.compile(r"^(`{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that are not in docs/."""
    for origin, target in ELSEWHERE.items():
        if target not in files.src_uris:
            files.append(File.generated(config, target, abs_src_path=str(ROOT / origin)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the site has what they name."""
    origin = _origin_of(page.file.src_uri)
    parts, end = [], 0
    for fence in FENCE.finditer(markdown):
        shown = RUN.sub("", fence.group(), count=1)
        parts += [_relinked(markdown[end : fence.start()], origin, page), shown]
        end = fence.end()
    return "".join([*parts, _relinked(markdown[end:], origin, page)])


def _origin_of(target: str) -> str:
    """Where in the repository a page of the site comes from."""
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
