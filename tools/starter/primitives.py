"""Signed distances and colors of packed parts, compiled with numba.

A distance is negative inside; lengths are in model units. Formulas of the primitives: Inigo Quilez,
"Distance functions", https://iquilezles.org/articles/distfunctions/.
"""

from __future__ import annotations

import numba
import numpy as np

# numba's cache of a function does not notice changes of functions that it calls: after an edit
# here, delete tools/starter/__pycache__, which also caches the callers of these functions.
jit = numba.njit(cache=True, fastmath=True, error_model="numpy")

ELLIPSOID = 0  # half axes x, y, z
BOX = 1  # half sides x, y, z, and the radius of the edges
CAPSULE = 2  # radius at the foot (z = 0), at the head, and the distance between their centers
CONE = 3  # radius at the foot (z = -h), at the head (z = h), h, and the radius of the edges
ARC = 4  # radius of the ring in xy, of the tube, half the angle around +y
LATHE = 5  # a profile (r, z), turned around z; the radius of the edges
PRISM = 6  # a profile (x, z), from -h to h along y: h, and the radius of the edges

JOIN, CUT, BLEND = 0, 1, 2  # how a part meets those before it; BLEND rounds the seam

PLAIN, STRIPES, CHECKS, DOTS, HALVES = range(5)  # patterns of two colors

# Columns of a packed part.
KIND, OP, SEAM, PROFILE, BOUND, PATTERN, PERIOD, GLOSS = range(8)
CENTER, DIMS, AXES, COLOR, SECOND = 8, 11, 15, 24, 27
COLUMNS = 30

FAR = 1e9


@jit
def _polygon(profile, count, x, y):
    """Return the signed distance to a polygon."""
    nearest = (x - profile[0, 0]) ** 2 + (y - profile[0, 1]) ** 2
    sign = 1.0
    previous = count - 1
    for i in range(count):
        ax, ay = profile[i, 0], profile[i, 1]
        ex, ey = profile[previous, 0] - ax, profile[previous, 1] - ay
        wx, wy = x - ax, y - ay
        t = min(max((wx * ex + wy * ey) / (ex * ex + ey * ey + 1e-18), 0.0), 1.0)
        bx, by = wx - ex * t, wy - ey * t
        nearest = min(nearest, bx * bx + by * by)
        above, below = y >= ay, y < profile[previous, 1]
        left = ex * wy > ey * wx
        if (above and below and left) or (not above and not below and not left):
            sign = -sign
        previous = i
    return sign * np.sqrt(nearest)


@jit
def _primitive(part, profiles, corners, x, y, z):
    """Return the signed distance to a part, at a point in the part's own coordinates."""
    kind = int(part[KIND])
    a, b, c, d = part[DIMS], part[DIMS + 1], part[DIMS + 2], part[DIMS + 3]
    if kind == ELLIPSOID:
        k0 = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
        k1 = np.sqrt((x / (a * a)) ** 2 + (y / (b * b)) ** 2 + (z / (c * c)) ** 2)
        if k1 < 1e-9:
            return -min(a, min(b, c))
        return k0 * (k0 - 1.0) / k1
    if kind == BOX:
        qx, qy, qz = abs(x) - a + d, abs(y) - b + d, abs(z) - c + d
        ox, oy, oz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
        return np.sqrt(ox * ox + oy * oy + oz * oz) + min(max(qx, max(qy, qz)), 0.0) - d
    if kind == CAPSULE:
        r = np.sqrt(x * x + y * y)
        slope = (a - b) / c
        rise = np.sqrt(max(1.0 - slope * slope, 1e-9))
        k = rise * z - slope * r
        if k < 0.0:
            return np.sqrt(r * r + z * z) - a
        if k > rise * c:
            return np.sqrt(r * r + (z - c) * (z - c)) - b
        return r * rise + z * slope - a
    if kind == CONE:
        r = np.sqrt(x * x + y * y)
        r1, r2, h = max(a - d, 1e-4), max(b - d, 1e-4), max(c - d, 1e-4)
        k2x, k2y = r2 - r1, 2.0 * h
        cax = r - min(r, r1 if z < 0.0 else r2)
        cay = abs(z) - h
        t = ((r2 - r) * k2x + (h - z) * k2y) / (k2x * k2x + k2y * k2y)
        t = min(max(t, 0.0), 1.0)
        cbx, cby = r - r2 + k2x * t, z - h + k2y * t
        sign = -1.0 if (cbx < 0.0 and cay < 0.0) else 1.0
        return sign * np.sqrt(min(cax * cax + cay * cay, cbx * cbx + cby * cby)) - d
    if kind == ARC:
        side = abs(x)
        sc, cc = np.sin(c), np.cos(c)
        k = side * sc + y * cc if cc * side > sc * y else np.sqrt(side * side + y * y)
        return np.sqrt(max(side * side + y * y + z * z + a * a - 2.0 * a * k, 0.0)) - b
    row = int(part[PROFILE])
    if kind == LATHE:
        return _polygon(profiles[row], corners[row], np.sqrt(x * x + y * y), z) - a
    flat = _polygon(profiles[row], corners[row], x, z)
    deep = abs(y) - a
    ox, oy = max(flat, 0.0), max(deep, 0.0)
    return np.sqrt(ox * ox + oy * oy) + min(max(flat, deep), 0.0) - b


@jit
def nearest(parts, profiles, corners, px, py, pz):
    """Return the signed distance of the solid at a point, and the index of the part it is from."""
    best, owner = FAR, 0
    for i in range(parts.shape[0]):
        part = parts[i]
        dx, dy, dz = px - part[CENTER], py - part[CENTER + 1], pz - part[CENTER + 2]
        op = int(part[OP])
        # A part whose bounding ball is farther than the surface found so far changes nothing.
        beyond = np.sqrt(dx * dx + dy * dy + dz * dz) - part[BOUND]
        if (op == JOIN and beyond > best) or (op == CUT and -beyond < best):
            continue
        if op == BLEND and beyond > best + part[SEAM]:
            continue
        x = part[AXES] * dx + part[AXES + 1] * dy + part[AXES + 2] * dz
        y = part[AXES + 3] * dx + part[AXES + 4] * dy + part[AXES + 5] * dz
        z = part[AXES + 6] * dx + part[AXES + 7] * dy + part[AXES + 8] * dz
        d = _primitive(part, profiles, corners, x, y, z)
        if op == CUT:
            if -d > best:
                best, owner = -d, i
        else:
            if d < best:
                owner = i
            if op == BLEND and abs(d - best) < part[SEAM]:
                h = 1.0 - abs(d - best) / part[SEAM]
                best = min(d, best) - h * h * part[SEAM] * 0.25
            else:
                best = min(d, best)
    return best, owner


@jit
def albedo(part, px, py, pz, out):
    """Write the color of a part at a point to `out`."""
    dx, dy, dz = px - part[CENTER], py - part[CENTER + 1], pz - part[CENTER + 2]
    x = part[AXES] * dx + part[AXES + 1] * dy + part[AXES + 2] * dz
    y = part[AXES + 3] * dx + part[AXES + 4] * dy + part[AXES + 5] * dz
    z = part[AXES + 6] * dx + part[AXES + 7] * dy + part[AXES + 8] * dz
    pattern, period = int(part[PATTERN]), part[PERIOD]
    other = False
    if pattern == STRIPES:
        other = np.floor(z / period) % 2 == 1
    elif pattern == CHECKS:
        cells = np.floor(x / period + 0.01) + np.floor(y / period + 0.01) + np.floor(z / period)
        other = cells % 2 == 1
    elif pattern == DOTS:
        u = x - np.floor(x / period + 0.5) * period
        v = y - np.floor(y / period + 0.5) * period
        w = z - np.floor(z / period + 0.5) * period
        other = u * u + v * v + w * w < 0.14 * period * period
    elif pattern == HALVES:
        other = z > 0.0
    start = SECOND if other else COLOR
    for i in range(3):
        out[i] = part[start + i]


@jit
def gradient(parts, profiles, corners, px, py, pz):
    """Return the unit normal at a point, from differences at the corners of a tetrahedron."""
    e = 5e-4
    a = nearest(parts, profiles, corners, px + e, py - e, pz - e)[0]
    b = nearest(parts, profiles, corners, px - e, py - e, pz + e)[0]
    c = nearest(parts, profiles, corners, px - e, py + e, pz - e)[0]
    d = nearest(parts, profiles, corners, px + e, py + e, pz + e)[0]
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@jit
def distances(parts, profiles, corners, points):
    result = np.empty(len(points), np.float32)
    for i in range(len(points)):
        p = points[i]
        result[i] = nearest(parts, profiles, corners, p[0], p[1], p[2])[0]
    return result


@jit
def colors(parts, profiles, corners, points):
    result = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        p = points[i]
        owner = nearest(parts, profiles, corners, p[0], p[1], p[2])[1]
        albedo(parts[owner], p[0], p[1], p[2], result[i])
    return result


@jit
def project(parts, profiles, corners, points):
    for i in range(len(points)):
        p = points[i]
        for _ in range(6):
            d = nearest(parts, profiles, corners, p[0], p[1], p[2])[0]
            if abs(d) < 2e-4:
                break
            nx, ny, nz = gradient(parts, profiles, corners, p[0], p[1], p[2])
            p[0] -= d * nx
            p[1] -= d * ny
            p[2] -= d * nz
    return points
