# amaranth: UnusedElaboratable=no
"""What hdl has for MACs and dot products: their components, and the words that arrays share with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...config import MacConfig
from ...formats.block import block_for
from ..family import HardwareFamily, PortWords
from ..unit import Unit
from .dot_product import DotProduct
from .mac import Mac

STREAMS = "Streams i, of steps, and o, of results."

_CODES = "codes of {format}, lane 0 lowest"
_STEP = {
    "weight": _CODES + ", row after row",
    "activation": _CODES + ", column after column",
    "weight_scale": "code of {scale}, for all weights of the step",
    "activation_scale": "code of {scale}, for all activations of the step",
    "last": "the step is its dot product's last one; lanes that are not needed {idle}",
}
_SCALES_BY_ROWS = {
    "weight_scale": "codes of {scale}, one for the weights of each row",
    "activation_scale": "codes of {scale}, one for the activations of each column",
}
_RESULT = {
    "value": "{value}",
    "invalid": "an operand was NaN or infinite, or a scale NaN",
    "too_long": "there were more than {max_steps} steps",
    "last": "the tile's last row",
    "saturated": "a sum was clamped, wrapped or overflowed; 0 where invalid",
}


def words(config: MacConfig) -> PortWords:
    """What the fields of steps and results are."""
    formats = {"weight": config.weight, "activation": config.activation}
    step = _STEP | (_SCALES_BY_ROWS if config.by_rows else {})
    if config.steps_per_block > 1:
        held = f"; that of a block's first step of {config.steps_per_block} counts for all of them"
        step = {name: text + held * name.endswith("_scale") for name, text in step.items()}
    infinite = config.scale_format is not None and config.scale_format.has_inf
    result = _RESULT | ({"invalid": "an operand or a scale was NaN or infinite"} if infinite else {})
    if config.rule.operands:
        step = {name: text + f"; {config.rule.operands}" * (name in formats) for name, text in step.items()}
    value = f"signed, in units of 2**{config.unit_exponent}; 0 where invalid"
    if config.accumulator_format:
        value = f"a code of {config.accumulator_format.name}"
    return {
        port: {
            name: text.format(
                format=formats.get(name),
                scale=config.scale,
                value=value,
                max_steps=config.max_steps,
                idle=_idle(config),
            )
            for name, text in texts.items()
        }
        for port, texts in (("i_payload", step), ("o_payload", result))
    }


def _idle(config: MacConfig) -> str:
    """What lanes hold that are not needed."""
    if config.idle_codes is None:
        return "are not there: no product is 0, and K is a multiple of lanes"
    if config.weight_format.zero_code is None or config.activation_format.zero_code is None:
        return "hold a zero of the format that has one, and any number of the other"
    return "hold codes of zero"


def facts(config: MacConfig) -> dict[str, Any]:
    """Products a cycle, the longest dot product, and what one unit of ``value`` is worth."""
    fmt = config.accumulator_format
    if fmt is not None:
        widths = {"exponent_bits": fmt.exponent_bits, "mantissa_bits": fmt.mantissa_bits, "bias": fmt.exponent_bias}
        result = {"kind": "float", "format": fmt.name, **widths}
    else:
        result = {"kind": "fixed", "bits": config.accumulator_bits, "unit_exponent": config.unit_exponent}
    result |= _left_to_do(config)
    rule = {} if config.product.multiplies else {"product": config.rule.words}
    return {"products_per_cycle": config.macs, "max_steps": config.max_steps, **rule, "result": result}


_OUTSIDE = (
    "what the unit does not take: multiply value by the scale of each operand's tensor, of the format given, and by 2 to the "
    "power of both step_exponents"
)


def _left_to_do(config: MacConfig) -> dict[str, Any]:
    """What blocks of these formats are multiplied by beyond scales of steps, where there is such a thing."""
    if config.scale_format is None:
        return {}
    blocks = {
        operand: block_for(element, config.scale, config.block_size, own=config.formats)
        for operand, element in (("weight", config.weight), ("activation", config.activation))
    }
    if not any(block.tensor or block.step_exponent for block in blocks.values()):
        return {}
    factors = {
        operand: {"tensor_scale": block.tensor or "none", "step_exponent": block.step_exponent}
        for operand, block in blocks.items()
    }
    return {"outside": {**factors, "meaning": _OUTSIDE}}


def lane_of_several(config: MacConfig) -> tuple[str, ...]:
    """The lane, where there are several."""
    return ("lane",) if config.lanes > 1 else ()


def _dot(*, config: MacConfig, module_prefix: str | None = None) -> Unit:
    return DotProduct(config=config, lane_module=_lane(module_prefix))


def _mac(*, config: MacConfig, module_prefix: str | None = None) -> Unit:
    return Mac(config=config, lane_module=_lane(module_prefix))


def _lane(module_prefix: str | None) -> str | None:
    return None if module_prefix is None else f"{module_prefix}.lane"


def _family(component: Callable[..., Unit]) -> HardwareFamily:
    return HardwareFamily(
        component=component,
        streams=STREAMS,
        words=words,
        facts=facts,
        once_in_cells=lane_of_several,
        once_on_fpga=lane_of_several,
        keeps_brackets=True,
    )


MAC, DOT = _family(_mac), _family(_dot)
