"""Vectors of a block format: groups of numbers, the scale and the codes that they become, and the numbers that come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from ...golden.blocks import quantize_blocks, scale_format
from .of_format import bits_of, format_vectors
from .vector_set import VectorSet, hex_file

TENSOR_SCALE = 2.0**-3
"""Given for blocks whose tensors have one, so that every group stands for itself."""
_RANDOM = 64
_FLOAT32 = np.finfo(np.float32)


def block_vectors(block: Block, *, seed: int) -> VectorSet:
    """Vectors of blocks with scales of groups alone, of their elements and of their scales.

    Parameters
    ----------
    block
        A row such as ``mxfp4`` or ``nvfp4``.
    seed
        Of random groups, at least 0.

    Raises
    ------
    BitmillError
        If the block has other scales.
    """
    tensor_scale = TENSOR_SCALE if block.tensor else None
    size = quantize_blocks(block, [0.0], tensor_scale=tensor_scale).group
    (element,), scale = block.formats, scale_format(block)
    groups = np.stack([group.astype(np.float32) for group in _groups(block, size, np.random.default_rng(seed))])
    found = quantize_blocks(block, groups, tensor_scale=tensor_scale)
    scales, codes, values = found.scales[:, 0], found.codes, found.values()
    of_element, of_scale = (format_vectors(fmt, seed=seed) for fmt in (element, scale))
    patterns = np.where(np.isnan(groups), np.float32(np.nan), groups).view(np.uint32)
    data: dict[str, Any] = {
        "block": {
            "name": block.name, "element": element.name, "scale": scale.name, "rule": block.rule, "group": size,
            "step_exponent": block.step_exponent, "tensor_scale": found.tensor_scale,
        },
        "inputs": [[float(number).hex() for number in group] for group in groups],
        "scales": scales.tolist(),
        "codes": codes.tolist(),
        "values": [[float(number).hex() for number in group] for group in values],
        "element": of_element.data,
        "scale": of_scale.data,
    }  # fmt: skip
    own = {
        "block_input": hex_file(
            patterns.ravel().tolist(), 32, f"a number as a binary32, {size} of a group after each other"
        ),
        "block_scale": hex_file(scales.tolist(), scale.bits, f"the scale of group `i`, a code of {scale.name}"),
        "block_code": hex_file(codes.ravel().tolist(), element.bits, f"the code of {element.name} of number `i`"),
        "block_value": hex_file(bits_of(values.ravel()), 64, "what number `i` becomes, as a binary64, exactly"),
    }
    parts = ((f"Elements ({element.name}).", of_element), (f"Scales ({scale.name}).", of_scale))
    given = [f"The scale of the whole tensor is given: {found.tensor_scale!r}."] if block.tensor else []
    return VectorSet(
        title=f"{block.name}: {size} elements of {element.name}, {scale.name} scales",
        data=data,
        hex={**own, **of_element.with_prefix("element"), **of_scale.with_prefix("scale")},
        covers=(
            f"Blocks: {len(groups)} groups of {size}: zeros of either sign; a NaN, an infinity; the greatest magnitude at, just "
            "below and just above powers of two and the element's greatest number, where the scale steps and elements "
            "saturate; at ties of elements and of scales; from the least subnormal to the greatest binary32, where scales reach "
            "their ends; one number alone; random groups of all magnitudes.",
            *(f"{name} {sentence}" for name, part in parts for sentence in part.covers),
        ),
        seed=seed,
        rules=(
            _RULES[block.rule],
            *given,
            _OF_ELEMENTS,
            f"A group of zeros has scale code 0x{scales[0]:02x} and codes 0; zeros of other groups, and what rounds to zero, "
            "have code 0 too, never minus zero.",
            f"A group with a NaN or an infinity has the NaN scale, code 0x{scales[_OF_NAN]:02x}, and all its codes are 0, those "
            "of its numbers too; each of its values is NaN.",
            *dict.fromkeys((*of_element.rules, *of_scale.rules)),
        ),
    )


_OF_ELEMENTS = (
    "Elements are rounded to nearest even of number over scale, and saturate. The rules of formats below are for the files "
    "`element_*` and `scale_*`."
)
_OF_NAN = 2
"""The place of the group with a NaN; that of zeros is the first."""
_RULES = {
    "floor": "The scale is 2^(floor(log2 amax) - floor(log2 max)), amax the group's and max the element's greatest magnitude.",
    "round-up": "The scale is 2^ceil(log2(amax / max)), amax the group's and max the element's greatest magnitude.",
    "maximum": "The scale is the number of its format nearest to amax / (max * tensor scale), its least positive one at least.",
}


def _groups(block: Block, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    (element,) = block.formats
    greatest = max(abs(float(element.max_value)), abs(float(element.min_value))) * 2.0**block.step_exponent

    def around(amax: float) -> NDArray[np.float64]:
        """Numbers below a greatest magnitude that stands in a random place."""
        with np.errstate(over="ignore"):
            group = rng.uniform(-1, 1, size) * amax
        group[rng.integers(size)] = rng.choice([-1.0, 1.0]) * amax
        return group

    yield np.zeros(size)
    yield np.full(size, -0.0)
    for special in (np.nan, np.inf, -np.inf):
        group = around(1.0)
        group[rng.integers(size)] = special
        yield group
    for exponent in (-149, -140, -127, -126, -125, -20, -1, 0, 1, 2, 3, 20, 126, 127):
        for factor in (1.0, greatest, 1.5, 1.75):
            wanted = np.float32(min(factor * 2.0**exponent, float(_FLOAT32.max)))
            for amax in (wanted, np.nextafter(wanted, np.float32(0)), np.nextafter(wanted, _FLOAT32.max)):
                yield around(float(amax))
    yield around(float(_FLOAT32.max))
    for place in (0, size - 1):
        group = np.zeros(size)
        group[place] = 3.0
        yield group
    # Ties of elements where the scale is one: the greatest number, and halves between neighbours.
    steps = np.unique(
        [
            float(value)
            for code in range(1 << element.bits)
            if (value := element.decode(code).value_or_none()) is not None
        ]
    )
    ties = (steps[1:] + steps[:-1]) / 2 * 2.0**block.step_exponent
    for start in range(0, len(ties), size - 1):
        some = ties[start : start + size - 1]
        yield np.concatenate([[greatest], some, np.zeros(size - 1 - len(some))])
    # Ties of scales that are no powers of two alone: greatest magnitudes between two multiples of them.
    for steps_of_scale in rng.integers(1, 64, 16):
        yield around(greatest * (2 * float(steps_of_scale) + 1) / 2 / 64)
    for _ in range(_RANDOM):
        yield rng.normal(size=size) * 2.0 ** rng.integers(-126, 126)
