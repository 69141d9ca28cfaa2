"""Take one measurement in a process of its own, so that its memory can be measured.

    python tools/bench/measure.py extract '{"scene": ..., "way": "ours", ...}'

prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triposr.inference import SceneCode, extract_mesh, load_model

WARM_UP = 32  # lattice points per axis
THRESHOLD = 25.0
OTHER_THRESHOLDS = (15.0, 20.0, 30.0, 40.0)
MB = 1e6


def extract(scene: str, way: str, resolution: int, device: str, repeats: int) -> dict[str, Any]:
    """Measure the way from a scene code to a colored mesh, ours or published; best of `repeats`."""
    import published

    # One scene code per repeat, because a second extraction of the same one is faster.
    codes = [SceneCode.load(scene) for _ in range(repeats + 1)]

    def run(points: int) -> Any:
        code = codes.pop()
        if way == "published":
            return published.extract(code, points, THRESHOLD, device)
        return extract_mesh(code, points, THRESHOLD, device=device, closed=False)

    run(WARM_UP)
    seconds, peak, mesh = timed(lambda: run(resolution), repeats, device)
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
    }


def threshold(scene: str, resolution: int, device: str) -> dict[str, Any]:
    """Measure other thresholds of a scene code that has been extracted before."""
    code = SceneCode.load(scene)
    extract_mesh(code, resolution, THRESHOLD, device=device)
    times = [
        timed(partial(extract_mesh, code, resolution, value, device=device), 1, device)[0]
        for value in OTHER_THRESHOLDS
    ]
    return {"seconds": float(np.mean(times))}


def stages(scene: str, resolution: int, device: str) -> dict[str, Any]:
    """Measure where the time of an extraction goes; best of three."""
    from stages import stages

    extract_mesh(SceneCode.load(scene), WARM_UP, THRESHOLD, device=device)
    found = [stages(SceneCode.load(scene), resolution, THRESHOLD, device) for _ in range(3)]
    return min(found, key=lambda one: one["total_seconds"])


def load(folder: str, device: str, precision: str) -> dict[str, Any]:
    """Measure loading a model, with its weights in the page cache, and encoding a picture."""
    weights = next(path for path in Path(folder).iterdir() if path.name.startswith("model."))
    with weights.open("rb") as file:
        while file.read(1 << 24):
            pass
    before = rss()
    loading, _, model = timed(lambda: load_model(folder, device, precision), 1, device)
    peak = highest_rss() - before
    picture = np.full((512, 512, 3), 0.5, np.float32)
    first, _, _ = timed(lambda: model.encode(picture), 1, device)
    # Mapped weights enter memory when they are first used.
    peak = max(peak, highest_rss() - before)
    again, on_device, _ = timed(lambda: model.encode(picture), 1, device)
    return {
        "load_seconds": loading,
        "weights_mb": weights.stat().st_size / MB,
        "peak_mb": peak,
        "first_encode_seconds": first,
        "encode_seconds": again,
        "encode_peak_mb": on_device,
        "dtype": str(model.dtype).removeprefix("torch."),
    }


def timed(work: Callable[[], Any], repeats: int, device: str) -> tuple[float, float, Any]:
    """Return the shortest time (s) of `work`, the memory (MB) that it added, and its result."""
    on_gpu = device.startswith("cuda")
    forget_highest_rss()
    before = rss()
    if on_gpu:
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated() / MB
        torch.cuda.reset_peak_memory_stats()
    best, result = float("inf"), None
    for _ in range(repeats):
        result = None
        started = time.perf_counter()
        result = work()
        if on_gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    after = torch.cuda.max_memory_allocated() / MB if on_gpu else highest_rss()
    return best, after - before, result


def rss() -> float:
    """Return the memory that this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


def highest_rss() -> float:
    """Return the most memory that this process has held since `forget_highest_rss`, in MB."""
    status = Path("/proc/self/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kilobytes) * 1024 / MB


def forget_highest_rss() -> None:
    """Reset the high-water mark of memory, which Linux does when a 5 is written to clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    measurements = {"extract": extract, "threshold": threshold, "stages": stages, "load": load}
    print(json.dumps(measurements[sys.argv[1]](**json.loads(sys.argv[2]))))
