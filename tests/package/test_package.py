"""What `make package` builds, and what it refuses to build."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from clean_blender import CleanBlender
from packaging.metadata import RawMetadata

import weights
import wheels as wheels_module
from bundle import BLENDERS_OWN, OFFICIAL, PACKAGES, TARGETS, Target
from check import check
from package import main, package, write_index
from wheels import fetch, locked, pip_options

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "data" / "tiny"
SWITCH = "--without-gpu-downloads"
LINUX = TARGETS["linux-x64-py311"]


def pip_report(target: Target, without: list[str]) -> dict[str, RawMetadata]:
    """What pip would download for a target, and what each wheel says about itself.

    pip reads a wheel's metadata from the index, and a whole wheel only where the index has no such
    file; it refuses what does not match the lock's hashes, the platform and the Python.
    """
    pins = "\n".join(pin for name, pin in locked(target).items() if name not in without)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
        *("--report=-", "--target=nowhere", *pip_options(target), "--requirement=/dev/stdin"),
    ]
    done = subprocess.run(command, input=pins, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {
        Path(item["download_info"]["url"]).name.replace("%2B", "+"): item["metadata"]
        for item in json.loads(done.stdout)["install"]
    }


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_wheel_exists_and_fits(name: str) -> None:
    """For all platforms and Pythons, the platform's own torch among them.

    Left out are PyMCubes where it is built, and torch for Linux, which is not where pip looks.
    """
    target = TARGETS[name]
    without = ["pymcubes"] if target.builds_pymcubes else []
    without += ["torch"] if target.platform == "linux-x64" else []
    found = pip_report(target, without)
    assert len(found) == len(PACKAGES) + 1 - len(without)
    check(target, found)


def test_check_names_everything_that_does_not_fit() -> None:
    with pytest.raises(RuntimeError) as caught:
        check(
            LINUX,
            {
                "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl": {},
                "b-1.0-cp311-cp311-win_amd64.whl": {},
                "c-1.0-cp311-cp311-musllinux_1_2_x86_64.whl": {},
                "numpy-2.0-py3-none-any.whl": {},
                "d-1.0-py3-none-any.whl": {
                    "requires_dist": ["e<2", "f", "numpy>=1.25", 'g; sys_platform == "win32"']
                },
                "e-2.0-py3-none-any.whl": {"requires_python": ">=3.12"},
            },
        )
    problems = str(caught.value).splitlines()[1:]
    assert [line.strip() for line in problems] == [
        "a-1.0-cp313-cp313-manylinux_2_28_x86_64.whl is not for linux-x64-py311",
        "b-1.0-cp311-cp311-win_amd64.whl is not for linux-x64-py311",
        "c-1.0-cp311-cp311-musllinux_1_2_x86_64.whl is not for linux-x64-py311",
        "numpy is Blender's own and must not be bundled",
        "d-1.0-py3-none-any.whl needs e<2, and gets 2.0",
        "d-1.0-py3-none-any.whl needs f, which is not bundled",
        "d-1.0-py3-none-any.whl needs numpy>=1.25, and gets 1.24.3",
        "e-2.0-py3-none-any.whl needs Python >=3.12",
    ]


def test_the_lock_is_for_all_platforms() -> None:
    for target in TARGETS.values():
        pins = locked(target)
        assert set(pins) == {*PACKAGES, "torch"}
        assert not set(pins) & set(BLENDERS_OWN)
        assert all("--hash=sha256:" in pin for pin in pins.values())
    assert "+cpu" in locked(LINUX)["torch"]
    assert "+cpu" not in locked(TARGETS["windows-x64-py311"])["torch"]


def test_a_damaged_wheel_is_fetched_again(monkeypatch, tmp_path: Path) -> None:
    there = fetch(LINUX, with_torch=False)
    monkeypatch.setattr(wheels_module, "WHEELS", tmp_path)
    folder = tmp_path / LINUX.name
    folder.mkdir()
    for wheel in there:
        shutil.copy(wheel, folder)
    damaged = next(folder.glob("tqdm-*"))
    damaged.write_bytes(b"half of it")
    again = fetch(LINUX, with_torch=False)
    assert [wheel.name for wheel in again] == [wheel.name for wheel in there]
    assert zipfile.is_zipfile(damaged)


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    light = [package("light", LINUX, tmp_path / name) for name in ("first", "second")]
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in light}
    assert len(digests) == 1
    with zipfile.ZipFile(light[0]) as content, zipfile.ZipFile(archive) as standard:
        assert {entry.date_time for entry in content.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        torch = [name for name in standard.namelist() if name.startswith("wheels/torch-")]
        assert len(torch) == 1
        of_torch = {*torch, *(n for n in standard.namelist() if n.startswith("licenses/torch/"))}
        assert set(standard.namelist()) - set(content.namelist()) == of_torch


def test_a_zip_for_platforms_that_forbid_downloads(tmp_path: Path) -> None:
    """It lacks the catalog of Use My GPU, and nothing else."""
    arguments = [LINUX.name, "--kind", "light", "--out", str(tmp_path)]
    assert main(arguments) == main([*arguments[:-1], str(tmp_path / "other"), SWITCH]) == 0
    found = []
    for folder in (tmp_path, tmp_path / "other"):
        [path] = (folder / "light").glob("*.zip")
        with zipfile.ZipFile(path) as content:
            found.append(set(content.namelist()))
    assert found[0] - found[1] == {"inference/machine/gpu_builds.json"}
    assert found[1] <= found[0]


def test_make_knows_the_switch() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "package"]
    for variables, is_there in (([], False), (["WITHOUT_GPU_DOWNLOADS=1"], True)):
        told = subprocess.run([*command, *variables], cwd=ROOT, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        assert (SWITCH in told.stdout) == is_there


def test_the_manifest_and_the_index_say_whom_it_is_for(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        manifest = tomllib.loads(content.read("blender_manifest.toml").decode())
        listed = [wheel.removeprefix("./") for wheel in manifest["wheels"]]
        assert listed == sorted(n for n in content.namelist() if n.endswith(".whl"))
    assert manifest["platforms"] == ["linux-x64"]
    assert (manifest["blender_version_min"], manifest["blender_version_max"]) == ("4.2.0", "5.1.0")
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(archive, repository)
    write_index(repository)
    [listed] = json.loads((repository / "index.json").read_text())["data"]
    assert listed["platforms"] == ["linux-x64"] and listed["python_versions"] == ["3.11"]
    assert listed["archive_url"] == f"./{archive.name}"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert listed["archive_hash"] == f"sha256:{digest}"


def test_standard_zips_stay_within_their_budget(archive: Path) -> None:
    assert archive.stat().st_size < 350e6


def test_a_full_zip_needs_no_download(
    python: Path, picture: Path, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With small weights of the published format."""
    digest = hashlib.sha256((TINY / "model.ckpt").read_bytes()).hexdigest()
    monkeypatch.setattr(weights, "PUBLISHED", digest)
    arguments = [LINUX.name, "--kind", "full", "--weights", str(TINY), "--out", str(tmp_path)]
    assert main(arguments) == 0, capsys.readouterr().err
    [path] = (tmp_path / "full").glob("triposr-full-*.zip")
    with zipfile.ZipFile(path) as content:
        names = {n for n in content.namelist() if n.startswith("models/triposr/")}
        size = content.getinfo("models/triposr/model.safetensors").file_size
    assert {Path(name).name for name in names} == {
        *("config.yaml", "config.json", "model.safetensors", "LICENSE.txt")
    }
    assert size < 0.75 * (TINY / "model.ckpt").stat().st_size
    blender = CleanBlender(python, tmp_path / "profile")
    blender.profile.mkdir()
    answer = blender.run(
        f"install({str(path)!r})\n"
        "inventory = sys.modules[MODULE].tasks.inventory\n"
        "found = inventory.find(inventory.places_of(bpy.context))\n"
        "answer['starter'] = found.uses_starter\n"
        "try:\n"
        f"    generate({str(picture)!r}, threshold=0.01)\n"
        "except RuntimeError as error:\n"
        "    answer['error'] = str(error)\n"
    )
    assert answer["starter"] is False
    # The tiny network was never trained: whether it sees anything there is left to chance.
    assert "object" in answer or "threshold" in answer["error"].lower()


def test_only_the_published_weights_are_bundled(tmp_path: Path) -> None:
    for source in (TINY, TINY / "model.safetensors", tmp_path):
        with pytest.raises(RuntimeError, match=r"is not the model\.ckpt that"):
            weights.bundle_weights(source, tmp_path / "bundled")


def test_pymcubes_counts_unhashed_only_where_it_is_built(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheels_module, "WHEELS", tmp_path)
    monkeypatch.setattr(wheels_module, "_download", lambda *_: None)
    monkeypatch.setattr(wheels_module, "_build", lambda *_: None)
    for name, python in (("linux-x64-py311", "cp311"), ("linux-x64-py313", "cp313")):
        folder = tmp_path / name
        folder.mkdir()
        wheel = folder / f"pymcubes-0.1.6-{python}-{python}-manylinux_2_28_x86_64.whl"
        wheel.write_bytes(b"half of it")
        with pytest.raises(RuntimeError, match=r"no wheel of .*pymcubes"):
            fetch(TARGETS[name], with_torch=False)
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("mcubes/__init__.py", "")
        with pytest.raises(RuntimeError) as caught:
            fetch(TARGETS[name], with_torch=False)
        assert ("pymcubes" in str(caught.value)) == (name == "linux-x64-py311")


def test_two_zips_for_one_blender_are_refused(archive: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "other.zip"):
        shutil.copy(archive, tmp_path / name)
    with pytest.raises(RuntimeError, match="duplicate"):
        write_index(tmp_path)


def test_what_cannot_be_built_is_told(
    tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wheels_module, "WHEELS", tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert main([LINUX.name, "--kind", "light", "--out", str(tmp_path / "dist")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("Not built: light linux-x64-py311")
    assert re.search("No matching distribution|Could not find", message)
    assert not list((tmp_path / "dist").glob("**/*.zip"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["solaris-py311"],
        ["--kind", "full"],
        ["--kind", "light", "--weights", "."],
        ["--weights", "nowhere"],
    ],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
