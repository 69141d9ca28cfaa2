"""The measurements of `gpu_check.py`: each takes a `Setup` and returns what it found.

They need torch, transformers, numpy, Pillow, PyMCubes, safetensors and PyYAML, and a checkout.
"""

from __future__ import annotations

import atexit
import gc
import logging
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

import published
from full_size import generated
from triposr.inference import MeshData, SceneCode, TripoSRError, extract_mesh, load_model
from triposr.inference.engine import Engine
from triposr.inference.files.installation import PUBLISHED_CONFIG
from triposr.inference.machine import devices
from triposr.inference.machine.devices import choose_dtype, full_float32, problem_of
from triposr.inference.model.checkpoint import assign_weights, build_network, move_network
from triposr.inference.model.config import read_config
from triposr.inference.model.network import Model
from triposr.inference.model.weights import STARTER_FOLDER
from triposr.inference.picture.prepare import composite_on_gray
from triposr.inference.surface.field import Field
from triposr.inference.surface.marching_cubes import Surface
from triposr.inference.surface.workers import Workers
from triposr.inference.types import Machine, ignore_progress

Values = dict[str, Any]
"""Figures by name; `passed` says whether they are good, `why` why they are missing."""

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
TINY, ROBOT = DATA / "tiny", DATA / "scene"

THRESHOLD = 25.0
STARTER_THRESHOLD = 10.0  # at which the starter model's bf16 and fp32 surfaces are compared
PARITY = 1e-4  # of the largest value, as in tests/unit/test_parity.py
STRAY = 20  # vertices: a GPU adds in another order, so that a lattice point or two may differ
HALF_CELLS = 0.5  # of the lattice: how far half precision may move the surface on average
FASTER, SECONDS = 4.0, 0.15  # goals on a data-center card
FLAT_MB, FLAT_PROCESS_MB = 16.0, 64.0  # growth over the second half of the jobs
# The starter model has no room in it: its weights take 15 MB in half precision, each in segments of
# 2 MB; in fp32, the larger ones have 1.2 MB, and torch takes 20 MB at once for tensors of 1 to 10.
NETWORK_CAP_MB = 12
CAPS_MB = [round(2048 * 0.8**step) for step in range(17)]  # down to 58, by a fifth each
MB = 1e6


@dataclass(frozen=True)
class Setup:
    """Where to measure, and how much.

    Attributes:
        device: torch's name for the device.
        tiny: Whether the numbers are small, to try the measurements themselves.
    """

    device: str
    tiny: bool

    @property
    def resolution(self) -> int:
        """Lattice points per axis."""
        return 48 if self.tiny else 256

    @property
    def repeats(self) -> int:
        """How often to measure what is warm."""
        return 2 if self.tiny else 5

    @property
    def jobs(self) -> int:
        """How many jobs to run one after the other."""
        return 4 if self.tiny else 30

    @property
    def is_cuda(self) -> bool:
        """Whether the device is a GPU whose memory can be read and capped."""
        return self.device.startswith("cuda")


def parity(setup: Setup) -> Values:
    """Compare with what the published code computed, in float32."""
    golden = dict(np.load(TINY / "golden.npz"))
    model = load_model(tiny_folder(), setup.device, "fp32")
    apart: dict[str, float] = {}

    def compare(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> None:
        difference = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        apart[name] = max(apart.get(name, 0.0), difference)

    for number in (0, 1):
        picture = golden[f"model_input{number}"].astype(np.float32) / 255
        with torch.inference_mode(), full_float32():
            resized = model.resize(torch.from_numpy(picture))
            tokens = model.network.image_tokenizer(resized.to(model.device), ignore_progress_of)
        compare("image tokens", tokens[0].cpu().numpy(), golden["image_tokens"][number])
        code = model.encode(picture)
        compare("scene code", code.planes, golden["scene_codes"][number])
    robot = SceneCode.load(ROBOT / "scene.safetensors")
    answers = dict(np.load(ROBOT / "golden.npz"))
    with torch.inference_mode(), Workers(torch.device(setup.device)) as workers:
        field = Field(robot, workers)
        points = answers["query_points"]
        compare("density", field.density(points), answers["query_density_act"][:, 0])
        compare("color", field.color(points), answers["query_color"])
    mesh = extract_mesh(robot, 64, THRESHOLD, device=setup.device, closed=False)
    vertices, faces = answers["mesh64_vertices"], answers["mesh64_faces"]
    strays = max(abs(len(mesh.vertices) - len(vertices)), abs(len(mesh.faces) - len(faces)))
    cells = distances(vertices, mesh.vertices, setup.device) / cell(robot, 64)
    return {
        "relative_difference": apart,
        "stray_vertices_or_faces": strays,
        "vertices": len(vertices),
        "mean_distance_cells": float(cells.mean()),
        "passed": max(apart.values()) <= PARITY and strays <= STRAY and cells.mean() < 0.01,
    }


def ignore_progress_of(_done: float) -> None:
    """Do nothing: the progress callback of a part of the network."""


def half_precision(setup: Setup) -> Values:
    """Measure how far half precision moves the starter model's surface, in lattice cells."""
    resolution = 32 if setup.tiny else 96
    picture = drawn_picture()
    found: Values = {"resolution": resolution}

    def surface(precision: str) -> MeshData:
        code = load_model(STARTER_FOLDER, setup.device, precision).encode(picture)
        found["cell"] = cell(code, resolution)
        return extract_mesh(code, resolution, STARTER_THRESHOLD, device=setup.device)

    exact = surface("fp32")
    for precision in ("bf16", "fp16"):
        rounded = surface(precision)
        both_ways = torch.cat(
            [
                distances(exact.vertices, rounded.vertices, setup.device),
                distances(rounded.vertices, exact.vertices, setup.device),
            ]
        )
        cells = both_ways / found["cell"]
        found[precision] = {
            "mean_cells": float(cells.mean()),
            "p99_cells": float(torch.quantile(cells, 0.99)),
            "max_cells": float(cells.max()),
        }
    del found["cell"]
    chosen = {torch.bfloat16: "bf16", torch.float32: "fp32"}[
        choose_dtype("auto", torch.device(setup.device))
    ]
    worst = max(found[precision]["mean_cells"] for precision in ("bf16", "fp16"))
    return found | {"automatic": chosen, "passed": worst < HALF_CELLS}


def against_published(setup: Setup) -> Values:
    """Measure the extraction of a full-size scene code: the published way, and ours."""

    def theirs() -> MeshData:
        return published.extract(fresh_robot(), setup.resolution, THRESHOLD, setup.device)

    def ours() -> MeshData:
        return extract_mesh(
            fresh_robot(), setup.resolution, THRESHOLD, device=setup.device, closed=False
        )

    published.extract(fresh_robot(), 32, THRESHOLD, setup.device)
    with marching_time(theirs, setup) as (work, slow_marching):
        slow, slow_peak, expected = timed(work, 1 if setup.tiny else 2, setup)
    ours()
    with marching_time(ours, setup) as (work, quick_marching):
        quick, quick_peak, mesh = timed(work, setup.repeats, setup)
    strays = max(
        abs(len(mesh.vertices) - len(expected.vertices)), abs(len(mesh.faces) - len(expected.faces))
    )
    ratio = min(slow) / min(quick)
    # The published code may march on the GPU, in a time that is not known here.
    slow_rest, quick_rest = (
        min(all_of_it - part for all_of_it, part in zip(times, marching, strict=True))
        for times, marching in ((slow, slow_marching), (quick, quick_marching))
    )
    return {
        "resolution": setup.resolution,
        "vertices": len(mesh.vertices),
        "stray_vertices_or_faces": strays,
        "published_seconds": min(slow),
        "seconds": min(quick),
        "ratio": ratio,
        "published_marching_seconds": min(slow_marching),
        "marching_seconds": min(quick_marching),
        "ratio_without_marching": slow_rest / quick_rest,
        "published_peak_mb": slow_peak,
        "peak_mb": quick_peak,
        "passed": strays <= STRAY and (setup.tiny or ratio >= FASTER),
    }


@contextmanager
def marching_time(
    work: Callable[[], MeshData], setup: Setup
) -> Iterator[tuple[Callable[[], MeshData], list[float]]]:
    """Yield the work, and a list of the seconds of marching cubes in each of its runs.

    In the published way, that is with the lattice's way from the GPU. What ours computes on the GPU
    meanwhile also counts, so the rest of ours can be too short.
    """
    found: list[float] = []

    def run() -> MeshData:
        found.append(0.0)
        return work()

    def clocked(march: Callable[..., Any], begins_with: Callable[[], None]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            begins_with()
            started = time.perf_counter()
            result = march(*arguments)
            found[-1] += time.perf_counter() - started
            return result

        return call

    def wait() -> None:
        if setup.is_cuda:
            torch.cuda.synchronize()

    theirs, ours = published.march, Surface.add
    published.march = clocked(theirs, wait)
    Surface.add = clocked(ours, lambda: None)  # type: ignore[method-assign]
    try:
        yield run, found
    finally:
        published.march, Surface.add = theirs, ours  # type: ignore[method-assign]


def picture_to_object(setup: Setup) -> Values:
    """Measure the way from a prepared picture to a colored mesh, with the full-size network.

    Its weights are generated, so what it says about the picture is noise. The surface is therefore
    extracted from a fitted scene code of the same size.
    """
    picture = drawn_picture()
    started = time.perf_counter()
    exact = network(setup, "fp32")
    made = time.perf_counter() - started

    def published_way() -> MeshData:
        exact.encode(picture)
        return published.extract(fresh_robot(), setup.resolution, THRESHOLD, setup.device)

    exact.encode(picture)
    encode_exact, exact_peak, _ = timed(lambda: exact.encode(picture), setup.repeats, setup)
    theirs, _, _ = timed(published_way, 1 if setup.tiny else 2, setup)
    del exact
    network.cache_clear()  # the two would not fit into every card
    free(setup)
    model = network(setup, "auto")
    cold, _, _ = timed(lambda: job(model, picture, setup.resolution, setup), 1, setup)
    encode, peak, _ = timed(lambda: model.encode(picture), setup.repeats, setup)
    warm, _, mesh = timed(
        lambda: job(model, picture, setup.resolution, setup), setup.repeats, setup
    )
    return {
        "resolution": setup.resolution,
        "vertices": len(mesh.vertices),
        "precision": str(model.dtype).removeprefix("torch."),
        "making_the_network_seconds": made,
        "encode_fp32_seconds": min(encode_exact),
        "encode_fp32_peak_mb": exact_peak,
        "encode_seconds": min(encode),
        "encode_peak_mb": peak,
        "first_seconds": cold[0],
        "seconds": statistics.median(warm),
        "best_seconds": min(warm),
        "published_seconds": min(theirs),
        "ratio": min(theirs) / statistics.median(warm),
        "passed": setup.tiny
        or (statistics.median(warm) <= SECONDS and min(theirs) / statistics.median(warm) >= FASTER),
    }


def flat_memory(setup: Setup) -> Values:
    """Run jobs one after the other at changing resolutions, and read the memory after each."""
    model, picture = network(setup, "auto"), drawn_picture()
    sizes = (32, 48) if setup.tiny else (128, 256, 192)
    device, process = [], []
    for number in range(setup.jobs):
        job(model, picture, sizes[number % len(sizes)], setup)
        gc.collect()
        if setup.is_cuda:
            torch.cuda.synchronize()
            device.append(torch.cuda.memory_allocated() / MB)
        if (held := process_memory()) is not None:
            process.append(held)
    growth, process_growth = (late_growth(values) for values in (device, process))
    return {
        "jobs": setup.jobs,
        "device_mb": device,
        "process_mb": process,
        "growth_mb": growth,
        "process_growth_mb": process_growth,
        "reserved_mb": torch.cuda.memory_reserved() / MB if setup.is_cuda else None,
        "passed": setup.tiny
        or ((growth or 0.0) <= FLAT_MB and (process_growth or 0.0) <= FLAT_PROCESS_MB),
    }


def late_growth(values: list[float]) -> float | None:
    """Return how much the lowest of the last third lies above the lowest of the second; or None."""
    third = len(values) // 3
    return min(values[-third:]) - min(values[third : 2 * third]) if third else None


def less_memory(setup: Setup) -> Values:
    """Cap the GPU's memory and see that the results stay: with smaller blocks, then on the CPU."""
    if not setup.is_cuda:
        return {"why": "only a GPU's memory can be capped"}
    network.cache_clear()
    free(setup)
    expected = extract_mesh(fresh_robot(), setup.resolution, THRESHOLD, device=setup.device)
    found: Values = {"extraction": [], "passed": True}
    for megabytes in CAPS_MB:
        free(setup)
        with log_lines() as lines, capped(megabytes):
            try:
                mesh = extract_mesh(fresh_robot(), setup.resolution, THRESHOLD, device=setup.device)
                strays = abs(len(mesh.vertices) - len(expected.vertices))
                result = "the same mesh" if strays <= STRAY else f"{strays} vertices differ"
                found["passed"] &= strays <= STRAY
            except TripoSRError as error:
                result = str(error)
        blocks = sum("blocks of" in line for line in lines)
        found["extraction"].append(
            {"cap_mb": megabytes, "times_smaller_blocks": blocks, "result": result}
        )
        if result != "the same mesh":
            break
    found["passed"] &= any(
        row["times_smaller_blocks"] and row["result"] == "the same mesh"
        for row in found["extraction"]
    )
    free(setup)
    picture, engine = drawn_picture(), Engine()
    problem_of(setup.device)  # torch keeps the memory that its first multiplication takes
    with log_lines() as lines, capped(NETWORK_CAP_MB), without_bfloat16():
        code = engine.run(
            lambda model: model.encode(picture),
            STARTER_FOLDER,
            Machine(setup.device, "auto"),
            ignore_progress,
        )
    used = engine.device()
    engine.unload()
    found["network"] = {
        "cap_mb": NETWORK_CAP_MB,
        "steps": [line for line in lines if "Trying" in line],
        "device": used,
        "is_finite": bool(np.isfinite(code.planes).all()),
    }
    # Half precision, then the CPU.
    found["passed"] &= used == "cpu" and len(found["network"]["steps"]) == 2
    return found


@contextmanager
def without_bfloat16() -> Iterator[None]:
    """Let the network begin in fp32, as on cards before capability 8.0: newer ones skip a step."""
    multiplies = devices._multiplies_bfloat16
    devices._multiplies_bfloat16 = lambda device: False
    try:
        yield
    finally:
        devices._multiplies_bfloat16 = multiplies


@contextmanager
def capped(megabytes: float) -> Iterator[None]:
    """Let torch take no more than this much GPU memory beyond what it holds."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    allowed = torch.cuda.memory_reserved() + megabytes * MB
    torch.cuda.set_per_process_memory_fraction(min(1.0, allowed / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """Collect what the add-on logs."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, collector = logging.getLogger("triposr"), Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)


def job(model: Model, picture: NDArray[np.float32], resolution: int, setup: Setup) -> MeshData:
    """Encode a picture, and extract a colored mesh of the robot."""
    model.encode(picture)
    return extract_mesh(fresh_robot(), resolution, THRESHOLD, device=setup.device)


@cache
def network(setup: Setup, precision: str) -> Model:
    """Return the full-size network with generated weights (tiny: the tiny model) on the device."""
    if setup.tiny:
        return load_model(tiny_folder(), setup.device, precision)
    folder, device = PUBLISHED_CONFIG.parent, torch.device(setup.device)
    config, dtype = read_config(folder), choose_dtype(precision, device)
    built = build_network(config)
    assign_weights(built, full_size_weights(), config)
    move_network(built, device, dtype)
    return Model(network=built, config=config, device=device, dtype=dtype)


@cache
def tiny_folder() -> Path:
    """Return a copy of the tiny model without its checkpoint, which older torch may not read."""
    folder = Path(tempfile.mkdtemp(prefix="triposr-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(TINY / "vit", folder / "vit")
    for name in ("config.yaml", "model.safetensors"):
        shutil.copy(TINY / name, folder)
    return folder


@cache
def full_size_weights() -> dict[str, Tensor]:
    """Return generated weights of the published architecture, 1.7 GB."""
    return generated(PUBLISHED_CONFIG.parent)


def fresh_robot() -> SceneCode:
    """Return a scene code of which nothing has been computed: a second extraction is faster."""
    code = _robot()
    return SceneCode(code.planes, code.layers, code.radius, code.density_bias)


@cache
def _robot() -> SceneCode:
    return SceneCode.load(ROBOT / "scene.safetensors")


def drawn_picture() -> NDArray[np.float32]:
    """Return a prepared picture (512, 512, 3): a chair on 50 % gray."""
    image = Image.new("RGBA", (512, 512), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for left, top, right, bottom in (
        (120, 40, 180, 470),
        (120, 250, 390, 310),
        (330, 290, 390, 470),
    ):
        draw.rectangle((left, top, right, bottom), fill=(190, 60, 40, 255))
    return composite_on_gray(np.asarray(image))


def cell(code: SceneCode, resolution: int) -> float:
    """Return the length of a lattice cell in the units of the vertices."""
    return 2 * code.radius / (resolution - 1)


def distances(points: NDArray[Any], others: NDArray[Any], device: str) -> Tensor:
    """Return the distance (N,) from each of `points` (N, 3) to the nearest of `others` (M, 3)."""
    there = torch.from_numpy(np.asarray(others, np.float32)).to(device)
    nearest = [
        torch.cdist(block.to(device), there, compute_mode="donot_use_mm_for_euclid_dist")
        .min(dim=1)
        .values.cpu()
        for block in torch.from_numpy(np.asarray(points, np.float32)).split(1024)
    ]
    return torch.cat(nearest)


def timed(
    work: Callable[[], Any], repeats: int, setup: Setup
) -> tuple[list[float], float | None, Any]:
    """Return the times of `work` (s), the GPU memory (MB) that it added at most, and its result."""
    before = 0
    if setup.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    times, result = [], None
    for _ in range(repeats):
        result = None
        started = time.perf_counter()
        result = work()
        if setup.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    peak = (torch.cuda.max_memory_allocated() - before) / MB if setup.is_cuda else None
    return times, peak, result


def free(setup: Setup) -> None:
    """Return all memory that nothing uses to the driver."""
    gc.collect()
    if setup.is_cuda:
        torch.cuda.empty_cache()


def process_memory() -> float | None:
    """Return the memory that this process holds, in MB; None where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / MB


STEPS: dict[str, Callable[[Setup], Values]] = {
    "parity with the published code": parity,
    "half precision": half_precision,
    "extraction against the published code": against_published,
    "picture to object": picture_to_object,
    "jobs in a row": flat_memory,
    "little memory": less_memory,
}
"""The measurements by name, the most important first."""
