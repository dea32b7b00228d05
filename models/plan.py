"""What becomes of every tensor of a model that is to be quantized, decided before any weight is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..formats.block import Block
from ..golden.weights.quantize import check_row_scales
from ..system.errors import BitmillError
from .description import Described
from .layouts import recognised
from .linear import beside_packed, is_kernel, is_of_modules, is_part, why_not_linear
from .matrix import Matrix, plain, transposed
from .model import Model
from .orientation import orientations
from .packed import packed_tensors
from .tensor import Tensor

Patterns = Sequence[re.Pattern[str]]


@dataclass(frozen=True)
class Kept:
    """Tensors that stay byte for byte.

    Attributes
    ----------
    name, shape, dtype
        Of what they stand for.
    parts
        Their names in the file.
    why
        For the user.
    weights
        How many parameters of the model they are.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    parts: tuple[str, ...]
    why: str
    weights: int


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done with a model.

    Attributes
    ----------
    model
        Which one.
    work
        What becomes of each matrix that is to be quantized.
    kept
        All else.
    already
        Tensors that were packed before, by name.
    """

    model: Model
    work: tuple[tuple[Matrix, Described], ...]
    kept: tuple[Kept, ...]
    already: dict[str, Described]

    @property
    def copied(self) -> tuple[str, ...]:
        """Names of the tensors that are copied."""
        return tuple(sorted(name for row in self.kept for name in row.parts))


def plan_model(
    model: Model,
    scheme: Block,
    *,
    group: int | None = None,
    skip: Patterns = (),
    include: Patterns = (),
    transpose: Patterns = (),
) -> Plan:
    """Decide which tensors are quantized: weights of linear layers in a plain or a known layout, whose rows the group divides.

    Parameters
    ----------
    scheme, group
        As for ``quantize_weights``.
    skip
        Patterns of names that are left alone.
    include
        Patterns of names that are quantized though they are no linear layer's: embeddings, the output head, kernels.
    transpose
        Patterns of names whose matrices are ``[in, out]``.

    Raises
    ------
    BitmillError
        If there is nothing to quantize, a pattern of ``include`` or ``transpose`` finds no name, or a packed file is damaged.
    """
    already = packed_tensors(model)
    matrices, kept = _sorted_out(model, already, include, transpose)
    for option, patterns in (("include", include), ("transpose", transpose)):
        names = [*model.tensors, *already, *(matrix.name for matrix in matrices)]
        for pattern in patterns:
            if not any(pattern.search(name) for name in names):
                raise BitmillError(f"{option} must find a tensor's name, not {pattern.pattern!r}")
    check_row_scales(scheme, group)
    work = []
    for matrix in matrices:
        size = scheme.group_of(matrix.length, group)
        why = _why_kept(matrix, scheme, size, skip)
        if why:
            told = f"{why}, {matrix.layout}" if matrix.layout else why
            kept.append(Kept(matrix.name, matrix.shape, matrix.dtype, matrix.parts, told, matrix.rows * matrix.length))
        else:
            facts = Described(scheme, size, matrix.shape, matrix.rows, matrix.length, matrix.transposed)
            work.append((matrix, facts))
    if not work and not already:
        raise BitmillError(
            "must have a matrix to quantize, not only tensors kept as they are: "
            f"{'; '.join(sorted({row.why for row in kept})[:8]) or 'none at all'}"
        )
    plan = Plan(model, tuple(sorted(work, key=lambda row: row[0].name)), tuple(sorted(kept, key=_name)), already)
    _check_names(plan)
    return plan


def _name(row: Kept) -> str:
    return row.name


def _sorted_out(
    model: Model, already: dict[str, Described], include: Patterns, transpose: Patterns
) -> tuple[list[Matrix], list[Kept]]:
    matrices: list[Matrix] = []
    kept: list[Kept] = []
    taken: set[str] = set()
    for name, facts in already.items():
        parts = tuple(f"{name}.{part}" for part in facts.parts)
        why = f"already packed in {facts.scheme.name}, groups of {facts.group}"
        kept.append(Kept(name, facts.shape, facts.scheme.name, parts, why, facts.weights))
        taken.update(parts)
    for found in recognised(model):
        if taken.intersection(found.parts):
            continue
        taken.update(found.parts)
        if isinstance(found, Matrix):
            matrices.append(found)
            continue
        sizes = [model.tensors[part].size for part in found.parts]
        shape = next((model.tensors[part].shape for part in found.parts), ())
        weights = found.weights if found.weights is not None else max(sizes, default=0)
        kept.append(Kept(found.name, shape, "", found.parts, found.why, weights))
    rest = {name: tensor for name, tensor in model.tensors.items() if name not in taken}
    packed, ways, of_modules = beside_packed(rest), orientations(rest), is_of_modules(rest)
    for name, tensor in rest.items():
        included = any(pattern.search(name) for pattern in include)
        is_weight = not is_part(name) and name not in packed
        turned = any(pattern.search(name) for pattern in transpose)
        way = ways.get(name)
        why = _why_alone(tensor, packed, included=included, of_modules=of_modules)
        if way is not None and not way.known and not turned:
            why, way = why or ("" if included else way.why), None
        if why:
            kept.append(Kept(name, tensor.shape, tensor.dtype, (name,), why, tensor.size if is_weight else 0))
            continue
        if turned:
            matrices.append(transposed(tensor, "[in, out] by --transpose"))
        elif way is not None and way.transposed:
            matrices.append(transposed(tensor, way.why))
        else:
            matrices.append(plain(tensor, as_kernel=is_kernel(tensor), layout=way.why if way else ""))
    return matrices, kept


def _why_alone(tensor: Tensor, packed: dict[str, str], *, included: bool, of_modules: bool) -> str:
    name = tensor.name
    if not tensor.is_real:
        return f"not floating-point but {tensor.dtype}"
    if is_part(name) and len(tensor.shape) >= 2:
        return "scales or the like by its name"
    if name in packed:
        return f"beside {packed[name]}, packed in a layout that is not known"
    if len(tensor.shape) < 2:
        return why_not_linear(tensor)
    if 0 in tensor.shape:
        return "empty"
    return "" if included else why_not_linear(tensor, of_modules=of_modules)


def _why_kept(matrix: Matrix, scheme: Block, group: int, skip: Patterns) -> str:
    if any(pattern.search(name) for pattern in skip for name in (matrix.name, *matrix.parts)):
        return "skipped"
    if not matrix.rows or not matrix.length:
        return "empty"
    if matrix.length % group:
        return f"rows of {matrix.length} are not a multiple of the group of {group}"
    return scheme.why_not(rows=matrix.rows, length=matrix.length)


def _check_names(plan: Plan) -> None:
    names = set(plan.copied)
    for matrix, facts in plan.work:
        for part in facts.parts:
            name = f"{matrix.name}.{part}"
            if name in names:
                raise BitmillError(f"tensor {name} must not be there, its name is that of a part of {matrix.name}")
        if matrix.name in plan.already:
            raise BitmillError(f"tensor {matrix.name} must not be there, it is packed already")


def parameters(plan: Plan) -> int:
    """Weights of the whole model: of quantized, packed and kept tensors, without scales and the like."""
    return sum(math.prod(matrix.shape) for matrix, _ in plan.work) + sum(row.weights for row in plan.kept)
