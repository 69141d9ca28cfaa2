"""The blocks of code in the documentation."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    [
        *(ROOT / "docs").glob("**/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
        *(ROOT / "models").glob("*/README.md"),
    ]
)

FENCE = re.compile(r"^( *)(`{3,})(.*)\n((?:.*\n)*?)\1\2 *$", re.MULTILINE)

KINDS = {
    "python": "Blender",
    'python data-run="python"': "Python",
    "bash": "shell",
    'bash data-run="help"': "help",
    "text": "nothing",
}
"""Programs that run blocks, by the text after the opening fence."""


@dataclass(frozen=True)
class Block:
    """One block between fences.

    Attributes:
        page: The file that it is in.
        line: Of its first line of code.
        info: What follows the opening fence.
    """

    page: Path
    line: int
    info: str
    text: str = field(repr=False)

    @property
    def kind(self) -> str:
        """What runs it; empty if nobody knows."""
        return KINDS.get(self.info, "")

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start(4)) + 1, match[3].strip(), match[4])
        for match in FENCE.finditer(text)
    ]


def without_blocks(page: Path) -> str:
    """A page's text without what is between fences."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def commands_of(block: Block) -> list[str]:
    """The commands of a shell block, one a line, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip()]
