"""Pin every requirement with its hashes: requirements/*.in becomes requirements/*.txt.

Run by `make lock`. The lock of an extra transformers release holds only what lock.txt has not.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"

# rembg asks for these; inference/matting.py supplies placeholders for them when it imports rembg.
# Without them, and what only they need, its first import takes 0.4 s instead of 43 s. onnxruntime
# asks for the last two for its own command line. What the zips leave out is in package/bundle.py.
LEFT_OUT = {
    "pymatting",
    *("scikit-image", "imageio", "lazy-loader", "tifffile"),
    *("jsonschema", "jsonschema-specifications", "attrs", "referencing", "rpds-py"),
    *("coloredlogs", "humanfriendly"),
}

HEADER = """\
# Written by `make lock` from {source}. Install it with: pip install --no-deps --require-hashes -r
"""


def compile_pins(pip_compile: Path, source: Path) -> dict[str, str]:
    """Return {`name==version`: its line with hashes} for everything that `source` needs."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pins.txt"
        subprocess.run(
            [
                *(pip_compile, "--quiet", "--generate-hashes", "--strip-extras"),
                *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
                *("--unsafe-package", "pip"),  # instead of the default, which leaves out setuptools
                *(f"--output-file={output}", source),
            ],
            check=True,
        )
        text = output.read_text()
    blocks = re.findall(r"^[\w.-]+==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    pins = {block.split()[0]: block.strip() for block in blocks}
    return {pin: block for pin, block in pins.items() if pin.split("==")[0] not in LEFT_OUT}


def write_lock(source: Path, pins: dict[str, str]) -> None:
    """Write `pins` beside `source`."""
    text = HEADER.format(source=source.name) + "\n" + "\n".join(pins.values()) + "\n"
    source.with_suffix(".txt").write_text(text)
    print(f"requirements/{source.stem}.txt: {len(pins)} packages")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        binaries = Path(folder) / "bin"
        subprocess.run([binaries / "pip", "install", "-qq", "pip-tools==7.6.2"], check=True)

        base_source = REQUIREMENTS / "lock.in"
        base = compile_pins(binaries / "pip-compile", base_source)
        write_lock(base_source, base)

        for source in sorted(REQUIREMENTS.glob("transformers-*.in")):
            pins = compile_pins(binaries / "pip-compile", source)
            write_lock(source, {pin: block for pin, block in pins.items() if pin not in base})


if __name__ == "__main__":
    main()
