"""What travels on the streams of row units."""

from __future__ import annotations

from amaranth.hdl import ShapeLike
from amaranth.lib import data


def row_layout(lanes: int, shape: ShapeLike) -> data.StructLayout:
    """A beat of a row: ``lanes`` elements, which of them take part, and whether the row ends here.

    ``keep`` is 0 for a masked element and past the end of the row; what stands there is ignored. A row may have beats that
    keep nothing, and may keep nothing at all.
    """
    return data.StructLayout({"elements": data.ArrayLayout(shape, lanes), "keep": lanes, "last": 1})
