"""Pin every requirement with its hashes: requirements/*.in becomes requirements/*.txt.

`make lock` runs this. The locks of the documentation, of the batch command and of extra
transformers releases hold only the pins that lock.txt lacks.

    .venv/bin/python tools/lock.py [NAME...]

pins only requirements/NAME.in, and leaves lock.txt as it is.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
DOCS, BATCH = REQUIREMENTS / "docs.in", REQUIREMENTS / "batch.in"

# rembg requires these; inference/picture/matting.py puts them off when it imports
# rembg. Without them and their own requirements, its first import takes 0.4 s instead of 43 s.
# onnxruntime requires the last two for its own command line. package/bundle.py lists what the zips
# leave out.
LEFT_OUT = {
    "pymatting",
    *("scikit-image", "imageio", "lazy-loader", "tifffile"),
    *("jsonschema", "jsonschema-specifications", "attrs", "referencing", "rpds-py"),
    *("coloredlogs", "humanfriendly"),
}

HEADER = """\
# Written by `make lock` from {source}. Install it with: pip install --no-deps --require-hashes -r
"""


def compile_pins(
    pip_compile: Path,
    source: Path,
    agreeing_with: Iterable[str] = (),
    left_out: Iterable[str] = LEFT_OUT,
) -> dict[str, str]:
    """Return {`name==version`: its line with hashes} for everything that `source` requires.

    Packages pinned in `agreeing_with`, as `name==version`, keep that version. Those of `left_out`
    are not returned.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, constraints = Path(folder) / "pins.txt", Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(agreeing_with))
        subprocess.run(
            [
                *(pip_compile, "--quiet", "--generate-hashes", "--strip-extras"),
                *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
                *("--unsafe-package", "pip"),  # The default would leave out setuptools too.
                *(f"--constraint={constraints}", f"--output-file={output}", source),
            ],
            check=True,
        )
        pins = read_pins(output)
    return {pin: block for pin, block in pins.items() if pin.split("==")[0] not in left_out}


def read_pins(path: Path) -> dict[str, str]:
    """Return {`name==version`: its line with hashes} for a requirements file."""
    text = path.read_text()
    blocks = re.findall(r"^[\w.-]+==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {block.split()[0]: block.strip() for block in blocks}


def write_lock(source: Path, pins: dict[str, str]) -> None:
    """Write `pins` to the .txt file beside `source`."""
    text = HEADER.format(source=source.name) + "\n" + "\n".join(pins.values()) + "\n"
    source.with_suffix(".txt").write_text(text)
    print(f"requirements/{source.stem}.txt: {len(pins)} packages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    names = parser.parse_args().names
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        binaries = Path(folder) / "bin"
        subprocess.run([binaries / "pip", "install", "-qq", "pip-tools==7.6.2"], check=True)

        base_source = REQUIREMENTS / "lock.in"
        if not names or base_source.stem in names:
            write_lock(base_source, compile_pins(binaries / "pip-compile", base_source))
        base = read_pins(base_source.with_suffix(".txt"))

        # For .venv too, where everything is as in lock.txt. Ray needs some of what rembg does not.
        present = dict(base)
        for source, left_out in (DOCS, LEFT_OUT), (BATCH, ()):
            if not names or source.stem in names:
                pins = compile_pins(binaries / "pip-compile", source, present, left_out)
                write_lock(source, {pin: pins[pin] for pin in pins if pin not in present})
            present |= read_pins(source.with_suffix(".txt"))

        # An extra transformers release is installed elsewhere.
        for source in sorted(REQUIREMENTS.glob("transformers-*.in")):
            if names and source.stem not in names:
                continue
            pins = compile_pins(binaries / "pip-compile", source)
            write_lock(source, {pin: block for pin, block in pins.items() if pin not in base})

        build = REQUIREMENTS / "build.in"  # for a separate environment, so with all requirements
        if not names or build.stem in names:
            write_lock(build, compile_pins(binaries / "pip-compile", build))


if __name__ == "__main__":
    main()
