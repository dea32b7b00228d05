"""Documents as strict JSON, the only kind that every reader takes. Standard library only."""

from __future__ import annotations

import json
from typing import Any

from ..errors import BitmillError


def to_json(document: Any, *, indent: int = 2) -> str:
    """The text of a document, with a line end.

    Raises
    ------
    BitmillError
        If it holds NaN or an infinity, of which JSON knows none: whoever makes the document says None, and why.
    """
    try:
        return json.dumps(document, indent=indent, allow_nan=False) + "\n"
    except ValueError:
        places = ", ".join(_not_finite(document)) or "somewhere"
        raise BitmillError(f"a figure of what is written must be finite, not NaN or infinite: {places}") from None


def _not_finite(document: Any, place: str = "") -> list[str]:
    if isinstance(document, float) and (document != document or document in (float("inf"), float("-inf"))):
        return [place]
    if isinstance(document, dict):
        inner = [(f"{place}.{name}" if place else str(name), value) for name, value in document.items()]
    elif isinstance(document, list | tuple):
        inner = [(f"{place}[{index}]", value) for index, value in enumerate(document)]
    else:
        return []
    return [found for name, value in inner for found in _not_finite(value, name)]
