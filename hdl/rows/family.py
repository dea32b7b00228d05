# amaranth: UnusedElaboratable=no
"""What hdl has for units of rows: their components by configuration, and the words of their ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...config.rows import (
    GeluConfig,
    NewtonNormConfig,
    RequantizeConfig,
    RootNormConfig,
    RowConfig,
    ShiftGeluConfig,
    ShiftmaxConfig,
    SoftmaxConfig,
)
from ..family import HardwareFamily, PortWords
from ..gelu.piecewise_gelu import PiecewiseGelu
from ..gelu.shift_gelu import ShiftGelu
from ..norm.newton_norm import NewtonNorm
from ..norm.root_norm import RootNorm
from ..softmax.shiftmax import Shiftmax
from ..softmax.table_softmax import TableSoftmax
from .requantize import Requantize
from .row_unit import RowUnit

STREAMS = "Streams i, of beats of rows, and o, of as many beats of results."
LATENCY = "from the transfer of the first beat of a row of one beat to o_valid"

_BEAT = {
    "elements": "{element}, lane 0 lowest and first in its row",
    "keep": "a bit for each lane: the element takes part; 0 where it is masked or the row has ended",
    "last": "the beat is its row's last one",
}
_RESULTS = {
    "elements": "{result}, lane 0 lowest; 0 where keep is 0",
    "keep": "as it came",
    "last": "as it came",
}
_CHANNELS = {
    "enable": "lanes whose channels are written in this cycle, all alike: channel beat * lanes + lane; 0 writes nothing",
    "beat": "of the channels in a row",
    "constants": "{channel}, signed, lowest first; only while no row is inside",
}
_LINE = {
    "segment": "which line, counted from the least input",
    "line": "value, {value} bits, then slope, {slope} bits, both signed; a beat taken meanwhile may see the old or the new one",
}
_CONSTANTS = {
    "slope": "K, scale * log2(e) in units of 2**-{slope_fraction}",
    "x0": "magnitude of the integer that stands for {x0}, 1 or more",
    "epsilon": "added to the variance, in units of 2**-{epsilon_fraction} squares of an input step",
    "shift": "by how much products move down to an output step, beyond {least_shift}",
}
ERROR = "a row of more than {depth} beat(s) came and was cut there; stays until rst"


def _words(element: str, result: str, **facts: Callable[[Any], object]) -> Callable[[Any], PortWords]:
    """Words of the ports that a configuration has, with facts that are made of it."""

    def words(config: RowConfig) -> PortWords:
        known = {name: fact(config) for name, fact in facts.items()}
        told = {
            "constants": {
                name: f"{_CONSTANTS[name]}; must not change while a row is inside" for name in config.constant_fields
            },
            "channels": _CHANNELS if config.channel_fields else {},
            "line_payload": _LINE if config.line_fields else {},
        }
        ports = {"i_payload": _BEAT, "o_payload": _RESULTS, **{port: texts for port, texts in told.items() if texts}}
        known |= {
            "element": element.format(bits=config.element_bits, **known),
            "result": result.format(bits=config.result_bits, **known),
            "channel": ", ".join(f"{name} of {bits} bits" for name, bits in config.channel_fields.items()),
            **config.line_fields,
        }
        return {port: {name: text.format(**known) for name, text in texts.items()} for port, texts in ports.items()}

    return words


def _facts(config: RowConfig) -> dict[str, Any]:
    """Elements a cycle, and the longest row where there is one."""
    longest = (
        {} if config.longest_row is None else {"longest_row": config.longest_row, "beats_of_longest_row": config.depth}
    )
    return {"elements_per_cycle": config.lanes, "passes": config.PASSES, **longest}


def _unit_facts(unit: RowUnit) -> dict[str, Any]:
    """How long rows take."""
    timing = {"first_result": unit.first_result, "row_period": unit.row_period}
    return {"cycles_of_rows": {name: {"per_beat": c.per_beat, "constant": c.constant} for name, c in timing.items()}}


def _remarks(config: RowConfig, unit: RowUnit) -> tuple[str, ...]:
    """How long rows take, how the unit is told its constants, and what error says."""
    told = [f"Port {port} {words}." for port, words, there in (
        ("constants", "holds what the unit is told at run time", config.constant_fields),
        ("channels", "writes what each channel is told; it stays through rst", config.channel_fields),
        ("line", "writes the table, one line a cycle; it stays through rst", config.line_fields),
    ) if there]  # fmt: skip
    first, period = unit.first_result, unit.row_period
    cut = f"error: {ERROR.format(depth=config.depth)}." * config.has_error
    return (
        f"Rows of B beats, without stalls: the first results come {first} cycles after the transfer of the first beat; the next "
        f"row's first beat is taken {period} cycles after it.",
        *([" ".join(told)] if told else []),
        *([cut] if cut else []),
    )


def _softmax(*, config: SoftmaxConfig, module_prefix: str | None = None) -> RowUnit:
    slope = config.slope if config.scale_is_fixed else None
    return TableSoftmax(rule=config.rule, lanes=config.lanes, max_length=config.max_length, slope=slope)


def _shiftmax(*, config: ShiftmaxConfig, module_prefix: str | None = None) -> RowUnit:
    return Shiftmax(
        rule=config.rule,
        lanes=config.lanes,
        max_length=config.max_length,
        input_bits=config.input_bits,
        x0_bits=config.x0_bits,
    )


def _gelu(*, config: GeluConfig, module_prefix: str | None = None) -> RowUnit:
    return PiecewiseGelu(rule=config.rule, lanes=config.lanes, table=config.table)


def _shift_gelu(*, config: ShiftGeluConfig, module_prefix: str | None = None) -> RowUnit:
    return ShiftGelu(
        rule=config.rule,
        lanes=config.lanes,
        max_length=config.max_length,
        input_bits=config.input_bits,
        x0_bits=config.x0_bits,
        states_error=config.by_row,
    )


def _root_norm(*, config: RootNormConfig, module_prefix: str | None = None) -> RowUnit:
    return RootNorm(widths=config.widths, lanes=config.lanes, multiplier=config.multiplier)


def _newton_norm(*, config: NewtonNormConfig, module_prefix: str | None = None) -> RowUnit:
    return NewtonNorm(
        widths=config.widths,
        lanes=config.lanes,
        bits_per_cycle=config.bits_per_cycle,
        multiplier=config.multiplier,
    )


def _requantize(*, config: RequantizeConfig, module_prefix: str | None = None) -> RowUnit:
    return Requantize(
        lanes=config.lanes,
        in_bits=config.input_bits,
        out_bits=config.output_bits,
        multiplier_bits=config.multiplier_bits,
        ties=config.ties,
        shift_bits=config.shift_bits,
    )


def _family(component: Callable[..., RowUnit], words: Callable[[Any], PortWords]) -> HardwareFamily:
    return HardwareFamily(
        component=component,
        streams=STREAMS,
        words=words,
        facts=_facts,
        latency=LATENCY,
        remarks=_remarks,
        unit_facts=_unit_facts,
    )


_SIGNED = "signed"
SOFTMAX = _family(
    _softmax,
    _words(
        _SIGNED,
        "in units of 2**-{bits}, saturated one below 1.0",
        slope_fraction=lambda config: config.rule.slope_fraction_bits,
    ),
)
SHIFTMAX = _family(_shiftmax, _words(_SIGNED, "in units of 2**-{bits}", x0=lambda _config: "-1/scale"))
GELU = _family(_gelu, _words(_SIGNED, _SIGNED))
SHIFT_GELU = _family(
    _shift_gelu,
    _words(
        _SIGNED,
        "signed, in units of input steps times 2**-{fraction}",
        x0=lambda _config: "-1/(1.702 scale)",
        fraction=lambda config: config.output_bits - 1,
    ),
)
ROOT_NORM = _family(
    _root_norm,
    _words(
        _SIGNED,
        _SIGNED,
        epsilon_fraction=lambda config: config.epsilon_fraction_bits,
        least_shift=lambda config: config.widths.least_shift,
    ),
)
NEWTON_NORM = _family(_newton_norm, _words(_SIGNED, "signed, in units of sqrt(L) / 2**30"))
REQUANTIZE = _family(
    _requantize,
    _words(
        "value of {value} bits, signed, multiplier of {multiplier}, signed, and shift of {shift}",
        _SIGNED,
        value=lambda config: config.element_fields["value"],
        multiplier=lambda config: config.element_fields["multiplier"],
        shift=lambda config: config.element_fields["shift"],
    ),
)
