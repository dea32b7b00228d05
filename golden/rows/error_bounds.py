"""How far integer units may be from the real functions, for every row that 8-bit inputs can make."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

INPUT_BITS = 8
LEAST, GREATEST = -(1 << (INPUT_BITS - 1)), (1 << (INPUT_BITS - 1)) - 1
DIFFERENCES = np.arange(1 << INPUT_BITS, dtype=np.int64)
"""How far an element may be below the maximum of its row."""
CELLS = 8192


def share_error(exponentials: NDArray[np.int64], *, scale: float, longest_row: int) -> float:
    """Bound of ``|e / sum(e) - softmax|`` over all rows of up to ``longest_row`` elements, before anything is rounded.

    An element of real exponential ``p`` and integer one ``e``, in units of the maximum's, has the shares ``p / (p + 1 + A)``
    and ``e / (e + 1 + B)``, without the 1 if it is the maximum itself. ``(A, B)`` is the sum of the others' pairs: as many
    times as they are, a point of the convex hull of all pairs and of ``(0, 0)`` for who is absent. ``A`` is tried in cells,
    and within a cell, for every ``p``, what the hull leaves to ``B``. The bound passes what a row can reach by no more than
    what hull and cells add.

    Parameters
    ----------
    exponentials
        int64 ``[..., 256]``: ``e`` by how far an element is below the maximum; the first is the greatest. Where ``e``
        depends on the maximum too, the least and the greatest of each distance: whatever is between them is covered.
    scale
        Real value of one step of the input.
    longest_row
        ``L``.
    """
    taken = (exponentials / exponentials[..., :1]).ravel()
    real = np.broadcast_to(np.exp(-DIFFERENCES * scale), exponentials.shape).ravel()
    of_maximum = _cell_error(np.ones(1), np.ones(1), 0, longest_row - 1, real, taken)
    if longest_row < 2:
        return of_maximum
    return max(of_maximum, _cell_error(real, taken, 1, longest_row - 2, real, taken))


def _cell_error(
    own_real: NDArray[np.float64],
    own_taken: NDArray[np.float64],
    maxima: int,
    others: int,
    real: NDArray[np.float64],
    taken: NDArray[np.float64],
) -> float:
    """The greatest difference of the two shares of each own pair beside ``maxima`` maxima and up to ``others`` elements."""
    # A sum of others below the first edge moves no share by more than that.
    edges = np.concatenate([[0.0], np.geomspace(1e-5 / max(others, 1), 1.0, CELLS)])
    least, most = (others * _envelope(real, taken, edges, upper=upper) for upper in (False, True))
    edges = others * edges
    p, e = own_real[:, np.newaxis], own_taken[:, np.newaxis]
    above = e / (e + maxima + least[:-1]) - p / (p + maxima + edges[1:])
    below = p / (p + maxima + edges[:-1]) - e / (e + maxima + most[1:])
    return float(max(above.max(), below.max()))


def _envelope(
    real: NDArray[np.float64], taken: NDArray[np.float64], at: NDArray[np.float64], *, upper: bool
) -> NDArray[np.float64]:
    """The upper or lower side of the convex hull of the points and ``(0, 0)``: it rises from there to ``(1, 1)``."""
    sign = 1.0 if upper else -1.0
    corners: list[tuple[float, float]] = []
    for x, y in sorted({(0.0, 0.0), *zip(real.tolist(), taken.tolist(), strict=True)}):
        while len(corners) > 1 and sign * _turn(corners[-2], corners[-1], (x, y)) >= 0:
            corners.pop()
        corners.append((x, y))
    return np.interp(at, [x for x, _ in corners], [y for _, y in corners])


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Positive where the way from a over b to c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def gelu_error(unit: Callable[[NDArray[np.int64]], NDArray[np.int64]], *, scale: float, unit_scale: float) -> float:
    """The greatest ``|y * unit_scale - x * Phi(x)|`` of all elements under all maxima of their row, by trying them.

    Parameters
    ----------
    unit
        From int64 ``[rows, 2]`` to the same: a GELU.
    scale
        Real value of one step of ``x``.
    unit_scale
        Real value of one unit of the result.
    """
    values = range(LEAST, GREATEST + 1)
    real = {x: x * scale * 0.5 * math.erfc(-x * scale / math.sqrt(2)) for x in values}
    rows = np.array([(x, other) for other in values for x in values if x <= other], dtype=np.int64)
    wanted = np.vectorize(real.__getitem__)(rows[:, 0])
    return float(np.abs(unit(rows)[:, 0] * unit_scale - wanted).max())
