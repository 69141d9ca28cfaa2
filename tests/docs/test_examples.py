"""Every example of the documentation runs."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import markdown
import pytest
from fences import BLOCKS, PAGES, ROOT, Block, commands_of, without_blocks

TIMEOUT = 120

BLENDER_COMMAND = "blender --command "


def of_kind(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


def pages_with(kind: str) -> list[Path]:
    return sorted({block.page for block in of_kind(kind)})


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What a command prints; fails if it does."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, f"{command}\n{output}"
    return output


def test_there_are_examples_of_each_kind() -> None:
    for kind in ("Blender", "Python", "shell", "help"):
        assert len(of_kind(kind)) > 1, kind


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_each_block_says_what_it_is(block: Block) -> None:
    assert block.kind, f"{block.info!r}: see CONTRIBUTING.md for what a block may begin with"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_by_indentation(page: Path) -> None:
    text = without_blocks(page)
    assert "```" not in text and "~~~" not in text, "a fence that is not closed, or of another kind"
    html = markdown.markdown(text, extensions=["tables"])
    assert "<pre>" not in html, html.partition("<pre>")[2][:200]


@pytest.mark.parametrize("page", pages_with("Blender"), ids=lambda page: page.stem)
def test_blocks_for_blender(
    page: Path, bpy: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of a page in order, in one scene, as who tries them does."""
    monkeypatch.chdir(folder)
    bpy.ops.wm.read_homefile(use_empty=True)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in of_kind("Blender"):
        if block.page == page:
            lines = "\n" * (block.line - 1) + block.text  # so that errors name the page's line
            exec(compile(lines, str(page), "exec"), names)


@pytest.mark.parametrize("page", pages_with("Python"), ids=lambda page: page.stem)
def test_blocks_without_blender(page: Path, folder: Path) -> None:
    """The blocks of a page in order, where there is no Blender."""
    texts = [block.text for block in of_kind("Python") if block.page == page]
    without = "import sys\nsys.modules['bpy'] = None\n"
    run([sys.executable, "-c", "\n".join([without, *texts])], folder, dict(os.environ))


@pytest.mark.parametrize("block", of_kind("shell"), ids=str)
def test_blocks_for_the_shell(block: Block, folder: Path, shell: dict[str, str]) -> None:
    run(["bash", "-euo", "pipefail", "-c", block.text], folder, shell)


def program_of(command: str) -> str:
    """A command without its options; `blender --command NAME` is one with options of its own."""
    start = BLENDER_COMMAND if command.startswith(BLENDER_COMMAND) else ""
    return start + command.removeprefix(start).partition(" --")[0]


@pytest.fixture(scope="module")
def helps(folder: Path, shell: dict[str, str]) -> dict[str, str]:
    """Help texts of the programs, which take long because some import much."""
    programs = {program_of(command) for block in of_kind("help") for command in commands_of(block)}
    with ThreadPoolExecutor(2) as pool:
        futures = {
            program: pool.submit(run, ["bash", "-c", f"{program} --help"], folder, shell)
            for program in sorted(programs)
        }
    return {program: future.result() for program, future in futures.items()}


@pytest.mark.parametrize("block", of_kind("help"), ids=str)
def test_blocks_that_take_hours_know_their_commands(block: Block, helps: dict[str, str]) -> None:
    """Each line runs with --help instead, which must describe every option of the line."""
    for command in commands_of(block):
        program = program_of(command)
        for option in command.removeprefix(program).split(" --")[1:]:
            assert f"--{option.split()[0]}" in helps[program], command
