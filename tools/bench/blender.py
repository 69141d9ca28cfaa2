"""Measure work inside Blender: enabling the add-on, copying a mesh into a data-block, textures.

.venv/bin/python tools/background.py tools/bench/blender.py OUT.json
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path

import addon_utils
import bpy
import numpy as np

from triposr.inference import MeshData

ROBOT = Path(__file__).resolve().parents[2] / "tests" / "data" / "scene" / "scene.safetensors"
THRESHOLD = 25.0
VERTICES = 100_000
REPEATS = 5


def main() -> None:
    [addon] = (a.module for a in bpy.context.preferences.addons if a.module.endswith(".triposr"))
    new_mesh = import_module(f"{addon}.scene.mesh").new_mesh
    placed = import_module(f"{addon}.scene.placement").placed
    mesh = sheet(VERTICES)
    made = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        data = new_mesh(mesh, "bench", placed(mesh, 1.0)[0])
        made.append(time.perf_counter() - started)
        bpy.data.meshes.remove(data)
    Path(sys.argv[-1]).write_text(
        json.dumps(
            {
                "blender": bpy.app.version_string,
                "vertices": len(mesh.vertices),
                "mesh_seconds": min(made),
                "enable_seconds": enabling(addon),
                "texture_seconds": {size: texturing(addon, size) for size in ("1024", "2048")},
            }
        )
    )


def sheet(count: int) -> MeshData:
    """Return a closed, wavy surface of about `count` vertices, like a mesh from the network."""
    side = round(count**0.5)
    u, v = np.meshgrid(*[np.linspace(0, 2 * np.pi, side, endpoint=False)] * 2, indexing="ij")
    radius = 0.25 + 0.02 * np.sin(9 * u) * np.cos(7 * v)
    x, y = (0.5 + radius * np.cos(v)) * np.cos(u), (0.5 + radius * np.cos(v)) * np.sin(u)
    vertices = np.stack((x, y, radius * np.sin(v)), axis=-1).reshape(-1, 3).astype(np.float32)
    here = np.arange(side * side).reshape(side, side)
    right, up = np.roll(here, -1, axis=0), np.roll(here, -1, axis=1)
    beyond = np.roll(right, -1, axis=1)
    faces = np.stack((here, right, beyond, here, beyond, up), axis=-1).reshape(-1, 3)
    colors = np.random.default_rng(0).random((len(vertices), 3), np.float32)
    return MeshData(vertices, faces.astype(np.int32), colors)


def texturing(addon: str, size: str) -> float:
    """Return the seconds to give the golden robot 20,000 faces, a UV map and two textures."""
    code = import_module(f"{addon}.inference.scene_code").SceneCode.load(ROBOT)
    extract = import_module(f"{addon}.inference.surface.extraction").extract_mesh
    mesh = extract(code, 256, THRESHOLD)
    placement, _ = import_module(f"{addon}.scene.placement").placed(mesh, 1.0)
    add = import_module(f"{addon}.scene.mesh").add_object
    robot = add(bpy.context, mesh, "robot", placement, (0, 0, 0))
    import_module(f"{addon}.scene.source").remember_source(robot, code.to_bytes(), placement)
    robot.triposr.resolution, robot.triposr.threshold = 256, THRESHOLD
    texture = import_module(f"{addon}.api").texture
    started = time.perf_counter()
    texture(robot, faces=20_000, size=size, photo=False)
    return time.perf_counter() - started


def enabling(addon: str) -> float:
    """Return the seconds to enable the add-on again, with its modules imported from scratch."""
    times = []
    for _ in range(REPEATS):
        addon_utils.disable(addon)
        for name in [name for name in sys.modules if name.startswith(addon)]:
            del sys.modules[name]
        started = time.perf_counter()
        addon_utils.enable(addon)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
