"""The DLLs of every Windows wheel can be loaded by the Blenders that the zip is for."""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from clean_blender import cache, one_at_a_time
from small_dll import small_dll, wheel

import dlls
import package
import runtime_symbols
import wheels as wheels_module
from bundle import TARGETS, Target
from dlls import check_dlls
from triposr.inference.machine.packages import DEEPEST
from wheels import locked

OLD = TARGETS["windows-x64-py311"]
NEW = TARGETS["windows-x64-py313"]

NEWER_TORCH = (
    "torch==2.13.0 --hash=sha256:a0d8b11f16a48d60e2015d8213aa0390744cbebb98e58b62b3514dddc656e330"
)


def fetched(target: Target, pins: Mapping[str, str]) -> list[Path]:
    """The wheels of a target, downloaded once into the cache folder."""
    folder = cache() / "windows-wheels"
    with one_at_a_time(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheels_module, "WHEELS", folder)
        (folder / target.name).mkdir(parents=True, exist_ok=True)
        if missing := [
            pin for name, pin in pins.items() if not wheels_module._find(target, name, pin)
        ]:
            wheels_module._download(target, missing, folder / target.name)
        found = [wheels_module._find(target, name, pin) for name, pin in pins.items()]
    assert None not in found
    return [path for path in found if path]


def problems(target: Target, *wheels: Path) -> list[str]:
    with pytest.raises(RuntimeError) as caught:
        check_dlls(target, wheels)
    first, *lines = str(caught.value).splitlines()
    assert target.name in first and target.runtime in first
    return [line.strip() for line in lines]


def test_the_real_wheels_for_blender_4_2_to_5_0() -> None:
    wheels = fetched(OLD, locked(OLD))
    table = check_dlls(OLD, wheels)
    rows = {row.split("|")[1].strip(): row for row in table.splitlines() if row.startswith("| ")}
    assert "any 14" in rows["torch-2.8.0"] and "14.38" in rows["torch-2.8.0"]
    assert "onnxruntime-1.18.1" in rows
    with_libraries = {path.name.split("-")[0] for path in wheels if dlls.read_libraries(path)}
    assert {name.split("-")[0] for name in rows} == {"wheel", *with_libraries}
    assert deepest(wheels) == DEEPEST[OLD.python]


def test_the_real_torch_2_13_would_not_load_there() -> None:
    [torch] = fetched(OLD, {"torch": NEWER_TORCH})
    found = problems(OLD, torch)
    assert len(found) == 4
    assert found[0] == (
        f"{torch.name}: torch/lib/c10.dll needs the C++ runtime 14.40: its mutexes are made at"
        " compile time (linker 14.42)"
    )
    assert {re.search(r"torch/lib/(\w+)\.dll", line)[1] for line in found} == {"c10", "torch_cpu"}


def test_the_real_wheels_for_blender_5_1() -> None:
    """Without PyMCubes, which is built for it on Windows."""
    pins = {name: pin for name, pin in locked(NEW).items() if name != "pymcubes"}
    wheels = fetched(NEW, pins)
    table = check_dlls(NEW, wheels)
    [torch] = [row for row in table.splitlines() if row.startswith("| torch-2.13.0")]
    assert "14.40" in torch
    assert deepest(wheels) == DEEPEST[NEW.python]


def deepest(wheels: list[Path]) -> int:
    """Characters of the longest path that the wheels are unpacked to."""
    return max(len(name) for path in wheels for name in zipfile.ZipFile(path).namelist())


def test_the_real_onnxruntime_of_other_targets_would_not_load_there() -> None:
    pin = {"onnxruntime": f"onnxruntime==1.23.2 {' '.join(hashes('onnxruntime==1.23.2'))}"}
    found = problems(OLD, *fetched(OLD, pin))
    assert len(found) == 2 and all("its mutexes are made at compile time" in line for line in found)


def hashes(pin: str) -> list[str]:
    text = (wheels_module.REQUIREMENTS / "lock.txt").read_text()
    block = text.partition(pin)[2].partition("\n\n")[0]
    return re.findall(r"--hash=sha256:\w+", re.split(r"\n(?=\w)", block)[0])


def test_the_targets_name_their_runtimes() -> None:
    windows = {name: target.runtime for name, target in TARGETS.items() if "windows" in name}
    assert windows == {OLD.name: "14.29", NEW.name: "14.44"}
    assert not any(target.runtime for name, target in TARGETS.items() if "windows" not in name)


MUTEX = {"msvcp140.dll": ["_Mtx_lock", "_Mtx_unlock"]}
SAFE_MUTEX = {"MSVCP140.dll": ["_Mtx_lock", "_Mtx_unlock", "_Mtx_init_in_situ"]}
CONDITION = {"msvcp140.dll": ["_Cnd_wait", "_Mtx_init_in_situ"]}


@pytest.mark.parametrize(
    ("imports", "what"), [(MUTEX, "mutexes"), (CONDITION, "condition variables")]
)
def test_objects_made_at_compile_time(tmp_path: Path, imports: dict, what: str) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(imports, linker=(14, 42))})
    assert problems(OLD, there) == [
        f"{there.name}: a/_a.pyd needs the C++ runtime 14.40: its {what} are made at compile time"
        " (linker 14.42)"
    ]
    assert "| a-1.0 | 1 | 14.42 | 2 | 14.40 | Blender |" in check_dlls(NEW, [there])


def test_two_entries_for_one_library(tmp_path: Path) -> None:
    """Rust's linkers write them; the second does not hide what the first imports."""
    twice = {"MSVCP140.dll": MUTEX["msvcp140.dll"], "msvcp140.dll": ["_Thrd_id"]}
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(twice)})
    [library] = dlls.read_libraries(there)
    assert library.imports == {"msvcp140.dll": (*MUTEX["msvcp140.dll"], "_Thrd_id")}
    assert "its mutexes are made at compile time" in problems(OLD, there)[0]


def test_objects_made_at_run_time(tmp_path: Path) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(SAFE_MUTEX, linker=(14, 40))})
    assert "| a-1.0 | 1 | 14.40 | 3 | any 14 | Blender |" in check_dlls(OLD, [there])


def test_a_symbol_that_the_runtime_lacks(tmp_path: Path) -> None:
    imports = {"VCRUNTIME140.dll": ["memcpy", "__of_the_future", "__and_later"]}
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(imports)})
    assert problems(NEW, there) == [
        f"{there.name}: a/_a.pyd needs __and_later and 1 more of a newer vcruntime140.dll"
    ]


@pytest.mark.parametrize("missing", ["vcomp140.dll", "cudart64_12.dll", "python312.dll"])
def test_a_library_from_nowhere(tmp_path: Path, missing: str) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll({missing: ["f"], "KERNEL32.dll": ["g"]})})
    assert problems(OLD, there) == [
        f"{there.name}: a/_a.pyd needs {missing}, which comes from nowhere"
    ]


def test_libraries_that_are_somewhere(tmp_path: Path) -> None:
    imports = {
        "Python311.dll": ["PyInit"],
        "api-ms-win-crt-heap-l1-1-0.dll": ["malloc"],
        "beside.dll": ["f"],
        "openblas-0a1b2c.dll": ["dgemm"],
    }
    files = {
        "a/_a.pyd": small_dll(imports),
        "a/Beside.dll": small_dll({}),
        "a.libs/openblas-0a1b2c.dll": small_dll({}),
    }
    there = wheel(tmp_path, "a", files)
    assert "| a-1.0 | 3 | 14.38 | – | – | Blender, itself, Windows |" in check_dlls(OLD, [there])


def test_a_library_in_a_folder_where_windows_does_not_look(tmp_path: Path) -> None:
    files = {"a/_a.pyd": small_dll({"far.dll": ["f"]}), "a/bin/far.dll": small_dll({})}
    there = wheel(tmp_path, "a", files)
    assert problems(OLD, there) == [
        f"{there.name}: a/_a.pyd needs far.dll, which comes from nowhere"
    ]


@pytest.mark.parametrize("needs", [["torch>=2"], []])
def test_a_library_of_another_wheel(tmp_path: Path, needs: list[str]) -> None:
    """It is there only if the other package is imported before, and adds its folder."""
    torch = wheel(tmp_path, "torch", {"torch/lib/c10.dll": small_dll({})})
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll({"c10.dll": ["f"]})}, needs)
    if needs:
        assert "| a-1.0 | 1 | 14.38 | – | – | torch |" in check_dlls(OLD, [torch, there])
    else:
        assert problems(OLD, torch, there) == [
            f"{there.name}: a/_a.pyd needs c10.dll, which comes from nowhere"
        ]


def test_a_library_that_is_loaded_late(tmp_path: Path, monkeypatch) -> None:
    """It counts as well, unless it is known that the package can do without it."""
    content = small_dll({}, delayed={"nvcuda.dll": ["cuInit"], "msvcp140.dll": ["_Not_yet"]})
    there = wheel(tmp_path, "a", {"a/_a.pyd": content})
    late = f"{there.name}: a/_a.pyd needs nvcuda.dll, which comes from nowhere"
    lacking = f"{there.name}: a/_a.pyd needs _Not_yet of a newer msvcp140.dll"
    assert problems(OLD, there) == [late, lacking]
    monkeypatch.setitem(dlls.MAY_BE_MISSING, ("a", "nvcuda.dll"), "computes on the CPU")
    assert problems(OLD, there) == [lacking]


def test_a_library_for_another_processor(tmp_path: Path) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll({}, machine=0xAA64)})
    assert problems(OLD, there) == [f"{there.name}: a/_a.pyd is for another processor"]


@pytest.mark.parametrize("content", [b"", b"MZ", b"\x7fELF" + bytes(500)])
def test_a_file_that_is_no_library(tmp_path: Path, content: bytes) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": content})
    with pytest.raises(RuntimeError, match=r"a/_a\.pyd is no Windows library"):
        check_dlls(OLD, [there])


def test_a_symbol_of_a_newer_runtime(tmp_path: Path, monkeypatch) -> None:
    table = {"msvcp140.dll": {"14.29": ["_Old"], "14.44": ["_New"]}, "later.dll": {"14.44": ["f"]}}
    (tmp_path / "symbols.json").write_text(json.dumps(table))
    monkeypatch.setattr(dlls, "SYMBOLS", tmp_path / "symbols.json")
    dlls._symbols.cache_clear()
    try:
        imports = {"msvcp140.dll": ["_Old", "_New"], "later.dll": ["f"]}
        there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(imports)})
        assert check_dlls(NEW, [there])
        assert problems(OLD, there) == [
            f"{there.name}: a/_a.pyd needs later.dll, which comes from nowhere",
            f"{there.name}: a/_a.pyd needs _New of a newer msvcp140.dll",
        ]
    finally:
        dlls._symbols.cache_clear()


def test_the_table_of_symbols_is_that_of_the_runtimes(tmp_path: Path, monkeypatch) -> None:
    """Read anew from Microsoft's files, which are downloaded once into the cache folder."""
    download = runtime_symbols.download

    def kept(version: str) -> bytes:
        path = cache() / "windows-wheels" / f"runtime-{version}.zip"
        with one_at_a_time(path):
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                partial = path.with_suffix(".partial")
                partial.write_bytes(download(version))
                partial.rename(path)
        return path.read_bytes()

    monkeypatch.setattr(runtime_symbols, "download", kept)
    monkeypatch.setattr(runtime_symbols, "SYMBOLS", tmp_path / "symbols.json")
    runtime_symbols.main()
    assert (tmp_path / "symbols.json").read_bytes() == dlls.SYMBOLS.read_bytes()


def test_every_target_has_a_runtime_with_symbols() -> None:
    assert {OLD.runtime, NEW.runtime} == set(runtime_symbols.RUNTIMES)


def test_a_zip_with_such_a_wheel_is_not_built(tmp_path: Path, monkeypatch, capsys) -> None:
    there = wheel(tmp_path, "a", {"a/_a.pyd": small_dll(MUTEX, linker=(14, 42))})
    monkeypatch.setattr(package, "fetch", lambda target, with_torch: [there])
    out = tmp_path / "dist"
    assert package.main([OLD.name, "--kind", "light", "--out", str(out)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"Not built: light {OLD.name}"
    assert said[2].strip().startswith(f"{there.name}: a/_a.pyd needs the C++ runtime 14.40")
    assert not list(tmp_path.glob("dist/**/*.zip"))
