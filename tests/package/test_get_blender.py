"""How a build machine gets an official Blender, against a local server with small archives."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from file_server import serving

import get_blender


def tar_archive(name: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        entry = tarfile.TarInfo(f"{name}/blender")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"true"))
    return data.getvalue()


def zip_archive(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"{name}/blender.exe", b"true")
    return data.getvalue()


@pytest.mark.parametrize(
    ("system", "name", "ending", "make"),
    [
        ("Linux", "blender-9.1.2-linux-x64", ".tar.xz", tar_archive),
        ("Windows", "blender-9.1.2-windows-x64", ".zip", zip_archive),
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_blender_is_verified(
    system: str, name: str, ending: str, make, damaged: bool, tmp_path: Path, monkeypatch
) -> None:
    archive = make(name)
    digest = hashlib.sha256(archive).hexdigest()
    files = {
        f"/Blender9.1/{name}{ending}": archive + (b"!" if damaged else b""),
        "/Blender9.1/blender-9.1.2.sha256": f"{digest}  {name}{ending}\n".encode(),
    }
    with serving(files) as server:
        monkeypatch.setattr(get_blender, "RELEASES", server.url)
        if damaged:
            with pytest.raises(RuntimeError, match="does not list"):
                get_blender.get_blender("9.1.2", tmp_path, system)
            assert list(tmp_path.iterdir()) == []
        else:
            executable = get_blender.get_blender("9.1.2", tmp_path, system)
            assert executable.read_bytes() == b"true"


HDIUTIL = """\
#!/bin/sh
echo "/dev/disk4  Apple_HFS  $4"
if [ "$1" = attach ]; then
    mkdir -p "$4/Blender.app/Contents/MacOS"
    echo true >"$4/Blender.app/Contents/MacOS/Blender"
fi
"""


def test_a_disk_image_and_what_is_printed(tmp_path: Path, monkeypatch, capfd) -> None:
    """As on a Mac: hdiutil talks, and only the executable's path may be on the standard output."""
    tool = tmp_path / "bin" / "hdiutil"
    tool.parent.mkdir()
    tool.write_text(HDIUTIL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("sys.argv", ["get_blender.py", "9.1.2", str(tmp_path / "blender")])
    image = b"an image"
    name = "blender-9.1.2-macos-arm64.dmg"
    sums = f"{hashlib.sha256(image).hexdigest()}  {name}\n".encode()
    files = {f"/Blender9.1/{name}": image, "/Blender9.1/blender-9.1.2.sha256": sums}
    with serving(files) as server:
        monkeypatch.setattr(get_blender, "RELEASES", server.url)
        get_blender.main()
    [line] = capfd.readouterr().out.splitlines()
    assert Path(line).read_text() == "true\n"
