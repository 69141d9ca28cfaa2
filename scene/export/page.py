"""The AR page: a web page with its viewer, a picture of the object, and nothing from elsewhere."""

from __future__ import annotations

import html
import shutil
from pathlib import Path
from string import Template

import bpy

from .names import PAGE_PARTS, file_name
from .poster import render_poster

WEB = Path(__file__).resolve().parents[2] / "web"
"""Folder of the viewer and of the page's template."""


def write_page(target: bpy.types.Object, folder: Path, title: str) -> None:
    """Write the page into a folder that holds model.glb and model.usdz."""
    render_poster(target, folder / "poster.png")
    for name in PAGE_PARTS:
        shutil.copyfile(WEB / name, folder / name)
    template = Template((WEB / "page.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=html.escape(title, quote=True), file=html.escape(file_name(title), quote=True)
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
