"""A matting network so small that tests make it, for rembg and onnxruntime to run for real."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_matting_model(folder: Path) -> Path:
    """Put a u2net.onnx there that finds what is not green: 1 - green; returns the folder."""
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis"], ["green"]),
        helper.make_node("Neg", ["green"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "matte",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 320, 320])],
        [
            helper.make_tensor(name, TensorProto.INT64, [1], [value])
            for name, value in (("start", 1), ("end", 2), ("axis", 1))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, folder / "u2net.onnx")
    return folder
