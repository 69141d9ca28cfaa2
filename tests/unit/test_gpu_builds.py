"""The catalog of GPU builds, and which build is chosen for which cards."""

import re
from urllib.parse import urlsplit

import pytest

from triposr.inference.files.unpacking import DEEPEST
from triposr.inference.machine import gpu_builds
from triposr.inference.machine.driver import Card, Driver
from triposr.inference.machine.gpu_builds import (
    GpuBuild,
    Wheel,
    all_builds,
    at_mirror,
    builds_here,
    choose,
    hosts,
)
from triposr.inference.machine.installed_builds import ARCHIVES, OURS, PARTIAL
from triposr.inference.machine.packages import WINDOWS_LIMIT

GB = 1_000_000_000
RTX_5090 = Card("RTX 5090", (12, 0), 32 * GB)
RTX_3060 = Card("RTX 3060", (8, 6), 12 * GB)
GTX_1650 = Card("GTX 1650", (7, 5), 4 * GB)
GTX_1080 = Card("GTX 1080", (6, 1), 8 * GB)
GT_710 = Card("GT 710", (3, 5), 2 * GB)


def builds_for(system: str, python: str) -> tuple[GpuBuild, ...]:
    return tuple(b for b in all_builds() if (b.system, b.python) == (system, python))


@pytest.mark.parametrize(
    "system, python, card, api, version",
    [
        ("windows-x64", "cp311", RTX_5090, 12_080, "2.8.0+cu128"),
        ("windows-x64", "cp311", RTX_3060, 12_000, "2.8.0+cu128"),
        ("windows-x64", "cp311", GTX_1650, 13_000, "2.8.0+cu128"),
        ("windows-x64", "cp311", GTX_1080, 12_000, "2.7.1+cu126"),
        ("windows-x64", "cp313", RTX_3060, 13_000, "2.13.0+cu130"),
        ("windows-x64", "cp313", RTX_3060, 12_080, "2.8.0+cu128"),
        ("windows-x64", "cp313", GTX_1080, 13_000, None),
        ("linux-x64", "cp311", RTX_3060, 12_000, "2.8.0+cu128"),
        ("linux-x64", "cp313", RTX_5090, 13_000, "2.8.0+cu128"),
        ("linux-x64", "cp311", GT_710, 13_000, None),
        ("linux-x64", "cp314", RTX_3060, 13_000, None),
    ],
)
def test_the_first_that_fits(
    system: str, python: str, card: Card, api: int, version: str | None
) -> None:
    choice = choose(Driver(api, (card,)), builds_for(system, python))
    assert choice is not None and choice.card == card
    assert (choice.build and choice.build.version) == version
    assert choice.driver == ""


def test_where_only_the_driver_is_too_old() -> None:
    choice = choose(Driver(11_080, (RTX_3060,)), builds_for("windows-x64", "cp313"))
    assert choice is not None
    assert choice.build is None and choice.driver == "525", "not 580, which the newest one needs"


def test_the_strongest_card_that_can_be_used() -> None:
    builds = builds_for("linux-x64", "cp311")
    choice = choose(Driver(12_080, (GT_710, RTX_3060, GTX_1080, RTX_5090)), builds)
    assert choice is not None and choice.card == RTX_5090
    choice = choose(Driver(12_080, (GTX_1080, RTX_3060)), builds)
    assert choice is not None and choice.card == RTX_3060 and choice.build is not None
    choice = choose(Driver(11_000, (GTX_1080, RTX_3060)), builds)
    assert choice is not None and choice.card == RTX_3060 and choice.driver == "525"
    choice = choose(Driver(12_080, (GT_710, GTX_1080)), builds)
    assert choice is not None and choice.card == GTX_1080 and choice.build is None


def test_without_cards_there_is_no_choice() -> None:
    assert choose(Driver(13_000), all_builds()) is None


def test_the_catalog_names_only_two_servers() -> None:
    assert len(all_builds()) >= 6
    for build in all_builds():
        assert set(hosts(build)) <= {"download.pytorch.org", "pypi.nvidia.com"}
        assert build.files[0].name.startswith("torch-")
        for file in build.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 10_000
            assert file.url.startswith("https://") and file.name.endswith(".whl")
            if "nvidia" in hosts(build):
                project = urlsplit(file.url).path.split("/")[1]
                assert file.name.startswith(project.replace("-", "_"))
        tags = "win_amd64" if build.system == "windows-x64" else "x86_64"
        assert build.python in build.files[0].name and tags in build.files[0].name
        assert build.version in build.files[0].name
        assert build.size < build.unpacked < 4 * build.size
    hashes = [file.sha256 for build in all_builds() for file in build.files]
    assert len(set(hashes)) == len({file.url for build in all_builds() for file in build.files})


def test_folders_are_short_enough_for_windows() -> None:
    for build in all_builds():
        assert OURS.fullmatch(build.folder_name) and OURS.fullmatch(build.folder_name + ARCHIVES)
        deepest = 129 + len(f"/torch/{build.folder_name}{PARTIAL}/") + DEEPEST
        assert deepest < WINDOWS_LIMIT, "a path of 129 characters before ours is fine"
    assert len({build.folder_name for build in all_builds()}) == len(all_builds())


def test_a_mirror_has_the_same_paths() -> None:
    build = builds_for("linux-x64", "cp311")[0]
    moved = at_mirror(build, "https://mirror.example/pypi/")
    assert hosts(moved) == ("mirror.example",)
    assert moved.files[0].url == (
        "https://mirror.example/pypi/whl/cu128/"
        "torch-2.8.0%2Bcu128-cp311-cp311-manylinux_2_28_x86_64.whl"
    )
    assert [file.sha256 for file in moved.files] == [file.sha256 for file in build.files]
    assert moved.files[1].url.startswith("https://mirror.example/pypi/nvidia-")
    assert at_mirror(build, "") == build


def test_only_what_fits_this_python_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_builds.sys, "platform", "win32")
    monkeypatch.setattr(gpu_builds.platform, "machine", lambda: "AMD64")
    assert {build.system for build in builds_here()} == {"windows-x64"}
    monkeypatch.setattr(gpu_builds.sys, "platform", "darwin")
    monkeypatch.setattr(gpu_builds.platform, "machine", lambda: "arm64")
    assert builds_here() == ()
    monkeypatch.setattr(gpu_builds.sys, "platform", "linux")
    monkeypatch.setattr(gpu_builds.platform, "machine", lambda: "aarch64")
    assert builds_here() == ()


def test_a_zip_without_the_catalog_offers_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr(gpu_builds, "CATALOG", tmp_path / "gpu_builds.json")
    gpu_builds._catalog.cache_clear()
    assert all_builds() == ()
    gpu_builds._catalog.cache_clear()


def test_names_of_files_are_those_that_pip_knows() -> None:
    assert Wheel("https://host/whl/torch-2.8.0%2Bcu128-cp311.whl?x=1", 1, "").name == (
        "torch-2.8.0+cu128-cp311.whl"
    )
