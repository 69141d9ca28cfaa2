"""Connected parts of a mesh."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import NDArray

from ..inference.errors import importing


def edges_of(data: bpy.types.Mesh) -> NDArray[np.int32]:
    """The edges (E, 2) of a data-block, as indices of vertices."""
    edges = np.empty((len(data.edges), 2), np.int32)
    data.edges.foreach_get("vertices", edges.ravel())
    return edges


def small_parts(edges: NDArray[np.int32], count: int, least: float) -> NDArray[np.bool_]:
    """Mask of the vertices that belong to small parts.

    Args:
        edges: (E, 2), indices of vertices.
        count: Number of vertices.
        least: A part is small if it has fewer vertices than this fraction (0...1) of the largest
            part's. With 1, exactly one part is not small, even if several are equally large.

    Returns:
        (V,) bool.

    Raises:
        DependencyError: scipy cannot be imported.
    """
    with importing("scipy"):
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components
    links = coo_matrix((np.ones(len(edges), bool), edges.T), shape=(count, count))
    _, part = connected_components(links, directed=False)
    sizes = np.bincount(part)
    goes = sizes < least * sizes.max()
    if least >= 1:
        goes[:] = True
        goes[sizes.argmax()] = False
    return goes[part]
