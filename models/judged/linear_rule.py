"""How a linear layer is computed by a number system: what its weights and inputs become, and what a product of both is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block, get_block
from ...golden.weights import dequantize, quantize_weights

Floats = NDArray[np.float32]
Rounded = Callable[[Floats], Floats]
"""Numbers ``[rows, K]`` as they are after quantization along ``K``."""
Product = Callable[[Floats, Floats], Floats]
"""``(x [tokens, K], w [out, K])``, both quantized, to ``[tokens, out]``."""


def unchanged(x: Floats) -> Floats:
    """As it is, FP32."""
    return x


def exact_product(x: Floats, w: Floats) -> Floats:
    """``x @ w.T`` in float32, which stands for an exact sum: its rounding is far below quantization's."""
    return x @ w.T


@dataclass(frozen=True, kw_only=True)
class LinearRule:
    """A number system as linear layers see it.

    Attributes
    ----------
    weights, inputs
        What a layer's weights ``[out, K]`` and inputs ``[tokens, K]`` become.
    product
        What is computed of both.
    """

    weights: Rounded = unchanged
    inputs: Rounded = unchanged
    product: Product = exact_product


def rounded_by(scheme: Block | str, *, group: int | None = None) -> Rounded:
    """Quantization to a block format and back, rows independent of each other: what weights, or tokens, become.

    Parameters
    ----------
    scheme
        A block's row or name; of a format's name, one scale per row.
    group
        Numbers that share a scale; the row's own if left out. A last group that ``K`` does not fill is filled up with zeros,
        which move no scale of the schemes with symmetric elements.
    """
    row = get_block(scheme) if isinstance(scheme, str) else scheme

    def rounded(x: Floats) -> Floats:
        length = x.shape[1]
        size = row.group_of(length, group)
        padded = np.pad(x, ((0, 0), (0, -length % size)))
        of_group = None if row.group is None else size
        values = dequantize(quantize_weights(row, padded, group=of_group, saturate=True))
        return values[:, :length].astype(np.float32)

    return rounded


@dataclass(frozen=True, eq=False)
class Layers:
    """Linear layers of a model computed by a rule; their weights are quantized once, when they are first used.

    Attributes
    ----------
    rule
        How.
    matrix
        By a layer's name, its weights ``[out, K]`` in FP32.
    """

    rule: LinearRule
    matrix: Callable[[str], Floats]
    _quantized: dict[str, Floats] = field(default_factory=dict)

    def weights(self, name: str) -> Floats:
        """A layer's weights as they are after quantization."""
        if name not in self._quantized:
            self._quantized[name] = self.rule.weights(self.matrix(name))
        return self._quantized[name]

    def __call__(self, name: str, x: Floats) -> Floats:
        """Outputs ``[tokens, out]`` of a layer for its inputs ``[tokens, K]``."""
        return self.rule.product(self.rule.inputs(x), self.weights(name))
