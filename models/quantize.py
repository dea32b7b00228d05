"""A model quantized from one file into another, a block of rows at a time: memory does not grow with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..formats.block import Block
from ..golden.weights import dequantize, quantize_weights
from ..golden.weights.losses import Losses, Ratio, losses, ratio
from ..golden.weights.methods import method_of
from ..golden.weights.quantize import refuse_vanished, vanished
from ..system.errors import BitmillError
from .description import KEY, Described, written
from .long_rows import Piece, block_of, quantized_pieces
from .matrix import Matrix
from .packed import packed_parts
from .plan import Plan, parameters
from .safetensors_file import Planned, SafetensorsWriter
from .tensor import PIECE

BLOCK = 1 << 20
"""Weights at a time."""

_GREAT, _SMALL = 16384.0, 2.0**-16
"""Rows with weights beyond these are looked at before; no scheme's scales overflow or vanish between them."""

Progress = Callable[[str, int, int], None]
"""Called with what is done, the number of weights done so far, and the number of all."""


@dataclass(frozen=True)
class TensorReport:
    """What became of one tensor.

    Attributes
    ----------
    name, shape, dtype
        As in the model.
    kept
        Why the tensor was left as it is; empty if it was quantized.
    weights
        How many.
    layout
        How the file had them, where that was not plain ``[out, K]``.
    stored_bytes
        Of a quantized tensor: codes, scales, selectors and zero points, with the bits that fill the last byte of a row.
    signal, noise
        Sums of the squares of the weights and of their errors.
    losses
        What happened to weights besides rounding.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kept: str
    weights: int
    layout: str = ""
    stored_bytes: int = 0
    signal: float = 0.0
    noise: float = 0.0
    losses: Losses = field(default_factory=Losses)

    @property
    def bits_per_weight(self) -> Fraction | None:
        """Everything stored of a quantized tensor over its number of weights."""
        return None if self.kept else Fraction(8 * self.stored_bytes, self.weights)

    @property
    def sqnr(self) -> tuple[float | None, Ratio]:
        """Signal to quantization noise of the weights in dB, or None and why there is none."""
        return ratio(self.signal, self.noise)


@dataclass(frozen=True)
class ModelReport:
    """What became of a model.

    Attributes
    ----------
    tensors
        Every one, quantized or not.
    parameters
        Weights of the whole model, without scales and the like.
    file_bytes
        The whole file that was written.
    """

    tensors: tuple[TensorReport, ...]
    parameters: int
    file_bytes: int

    @property
    def quantized(self) -> tuple[TensorReport, ...]:
        """Those that were quantized now."""
        return tuple(row for row in self.tensors if not row.kept)

    @property
    def kept(self) -> tuple[TensorReport, ...]:
        """The others."""
        return tuple(row for row in self.tensors if row.kept)

    @property
    def total(self) -> TensorReport | None:
        """All quantized tensors as one; None if there is none."""
        rows = self.quantized
        if not rows:
            return None
        return TensorReport(
            "all", (), "", "", sum(row.weights for row in rows), "", sum(row.stored_bytes for row in rows),
            sum(row.signal for row in rows), sum(row.noise for row in rows), sum((row.losses for row in rows), Losses()),
        )  # fmt: skip

    @property
    def bits_per_parameter(self) -> Fraction:
        """Of the whole file: all its bits over all parameters of the model."""
        return Fraction(8 * self.file_bytes, max(self.parameters, 1))


def check_model(plan: Plan, *, allow_saturation: bool = False, progress: Progress | None = None) -> None:
    """Read all weights that are to be quantized once and find before any long work what would fail.

    Parameters
    ----------
    allow_saturation
        Take channels whose scale overflows FP16 or of which nothing is left.

    Raises
    ------
    BitmillError
        If a matrix cannot be read, holds NaN or Inf, also once it is rounded to float32, vanishes in it, or saturates
        and must not.
    """
    total = sum(facts.weights for _, facts in plan.work)
    done = 0
    for matrix, facts in plan.work:
        nans = infs = negatives = 0
        found, greatest = Losses(), 0.0
        has_edges = False
        for block in matrix.blocks(block_of(facts, BLOCK)):
            with np.errstate(over="ignore"):
                narrow = block.astype(np.float32, copy=False)
            if block.shape[1] == matrix.length:
                refuse_vanished(matrix.name, vanished(block, narrow), len(block))
            if np.isfinite(narrow).all():
                extremes = np.maximum(narrow.max(axis=1, initial=0), -narrow.min(axis=1, initial=0))
                greatest = max(greatest, float(extremes.max(initial=0)))
                edges = (extremes > _GREAT) | ((extremes > 0) & (extremes < _SMALL))
                if not facts.scheme.has_negatives:
                    negatives += int(np.count_nonzero(narrow < 0))
                if block.shape[1] < matrix.length or facts.scheme.learns:
                    has_edges |= bool(edges.any())
                else:
                    found += _losses(facts, narrow[edges])
            else:
                nans += int(np.count_nonzero(np.isnan(narrow)))
                infs += int(np.count_nonzero(np.isinf(narrow)))
            done += block.size
            if progress is not None:
                progress(f"reading {matrix.name}", done, total)
        if nans or infs:
            raise BitmillError(
                f"{matrix.name} must be finite in float32, not {nans} NaN and {infs} Inf among {facts.weights} values"
            )
        if has_edges and not allow_saturation:
            found = sum((piece.losses for piece in quantized_pieces(matrix, facts, BLOCK)), Losses())
        if negatives and not allow_saturation:
            raise BitmillError(
                f"{matrix.name} must not be negative for scheme {facts.scheme.name}, whose least number is 0, not negative "
                f"in {negatives} of {facts.weights} weights; --allow-saturation accepts and counts them"
            )
        if found.saturates and not allow_saturation:
            raise BitmillError(_refused(matrix, facts.scheme, found, greatest))


def _losses(facts: Described, rows: NDArray[np.float32]) -> Losses:
    """Of rows so great or so small that FP16 scales may not do."""
    if not len(rows):
        return Losses()
    packed = quantize_weights(facts.scheme, rows, group=facts.group, saturate=True)
    return losses(rows, packed, dequantize(packed))


def _refused(matrix: Matrix, scheme: Block, found: Losses, greatest: float) -> str:
    of, accept = f"of {matrix.rows} channels", "; --allow-saturation accepts and counts them"
    if found.overflowed_channels:
        limit = method_of(scheme).limit
        within = (
            "group scales within FP16 times 255/256"
            if limit is None
            else f"group scales for weights up to {limit(scheme):g}"
        )
        return (
            f"{matrix.name} must have {within}, not greater ones in "
            f"{found.overflowed_channels} {of}, with weights up to {greatest:.6g}{accept}"
        )
    return (
        f"{matrix.name} must keep weights in every output channel, not lose all as too small for its scales in "
        f"{found.flushed_channels} {of}{accept}"
    )


def quantize_model(plan: Plan, path: Path | str, *, progress: Progress | None = None) -> ModelReport:
    """Quantize what a plan says, copy the rest, and write both to a file.

    Parameters
    ----------
    path
        Is overwritten; must be none of the model's files.

    What saturates is clipped and counted; ``check_model`` refuses it.

    Raises
    ------
    BitmillError
        If a tensor cannot be read, or holds NaN or Inf.
    """
    described = dict(plan.already) | {matrix.name: facts for matrix, facts in plan.work}
    planned: list[Planned] = [
        (f"{matrix.name}.{part}", dtype, shape)
        for matrix, facts in plan.work
        for part, (dtype, shape) in facts.parts.items()
    ]
    planned += [(name, plan.model.tensors[name].dtype, plan.model.tensors[name].shape) for name in plan.copied]
    metadata = plan.model.metadata | {KEY: written(described)}
    with Path(path).open("wb") as file:
        writer = SafetensorsWriter(file, planned, metadata)
        rows = _written(plan, writer, progress)
        writer.check_complete()
    kept = [TensorReport(row.name, row.shape, row.dtype, row.why, row.weights) for row in plan.kept]
    reports = sorted([*rows, *kept], key=lambda row: row.name)
    return ModelReport(tuple(reports), parameters(plan), writer.size)


def _written(plan: Plan, writer: SafetensorsWriter, progress: Progress | None) -> list[TensorReport]:
    total, done = sum(facts.weights for _, facts in plan.work), 0
    rows = []
    for matrix, facts in plan.work:
        row = TensorReport(
            matrix.name, matrix.shape, matrix.dtype, "", facts.weights, matrix.layout, facts.stored_bytes
        )
        if progress is not None:
            progress(matrix.name, done, total)
        for piece in quantized_pieces(matrix, facts, BLOCK):
            row = _added(row, piece, writer)
            done += piece.weights.size
            if progress is not None:
                progress(matrix.name, done, total)
        rows.append(row)
    for name in plan.copied:
        for piece in plan.model.tensors[name].stored.pieces(PIECE):
            writer.append(name, piece)
    return rows


def _added(row: TensorReport, piece: Piece, writer: SafetensorsWriter) -> TensorReport:
    begins = {"row": piece.begins, "tensor": piece.first}
    data = packed_parts(piece.packed)
    for part in piece.packed.scheme.parts:
        if begins.get(part.per, True):
            writer.append(f"{row.name}.{part.name}", data[part.name])
    errors = np.subtract(piece.values, piece.weights, out=piece.values)
    return replace(
        row,
        signal=row.signal + float(np.square(piece.weights, dtype=np.float64).sum()),
        noise=row.noise + float(np.square(errors, out=errors).sum()),
        losses=row.losses + piece.losses,
    )
