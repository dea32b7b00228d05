"""Known layouts of quantized weights in tensor files: one module each, and one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..matrix import Matrix
from ..model import Model
from . import awq, bitsandbytes, fp8, gptq
from .found import LeftAlone

__all__ = ["LAYOUTS", "LeftAlone", "recognised"]

LAYOUTS: dict[str, Callable[[Model], Iterator[Matrix | LeftAlone]]] = {
    "GPTQ": gptq.recognise,
    "AWQ": awq.recognise,
    "FP8 with scales": fp8.recognise,
    "bitsandbytes": bitsandbytes.recognise,
}
"""Each finds its tensors in a model, and says how to read them or why it does not."""


def recognised(model: Model) -> list[Matrix | LeftAlone]:
    """All tensors of a model that have a known layout."""
    return [found for recognise in LAYOUTS.values() for found in recognise(model)]
