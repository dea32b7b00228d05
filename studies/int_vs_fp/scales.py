"""Scales found once: in memory for this run, on disk for the next. Searching them is the slow part of accuracy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import golden
from ...formats import Format
from ...fpga.cache import cached
from ...golden import Granularity, Rule, Scales
from ...golden.parts import as_format
from ...system.sources import source_digest

ChooseScale = Callable[..., Scales]
"""``golden.choose_scale`` or a substitute with the same arguments and results."""


class ScaleBook:
    """``golden.choose_scale`` that remembers. Called from several threads; equal questions at worst compute twice."""

    def __init__(self) -> None:
        self._known: dict[str, Scales] = {}

    def __call__(
        self, fmt: Format | str, x: NDArray[Any], *, granularity: Granularity, rule: Rule, name: str = "x"
    ) -> Scales:
        """Scales of ``x`` as ``golden.choose_scale`` gives them."""
        inputs = {
            "format": repr(as_format(fmt)),
            "tensor": _digest_of_tensor(x),
            "granularity": granularity,
            "rule": rule,
            "numpy": np.__version__,
            "source": source_digest(__name__),
        }
        key = repr(sorted(inputs.items()))
        if key not in self._known:
            values = cached("scales", inputs, lambda: self._search(fmt, x, granularity, rule, name))
            shape = () if granularity == "tensor" else (len(values),)
            self._known[key] = Scales(np.array(values, dtype=np.float64).reshape(shape), granularity)
        return self._known[key]

    @staticmethod
    def _search(fmt: Format | str, x: NDArray[Any], granularity: Granularity, rule: Rule, name: str) -> list[float]:
        scales = golden.choose_scale(fmt, x, granularity=granularity, rule=rule, name=name)
        return np.atleast_1d(scales.values).tolist()


def _digest_of_tensor(x: NDArray[Any]) -> str:
    digest = hashlib.sha256(f"{x.dtype.str}{x.shape}".encode())
    digest.update(np.ascontiguousarray(x).data)
    return digest.hexdigest()
