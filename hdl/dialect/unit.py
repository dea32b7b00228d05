"""A dot product of DialectFP4: dialects decoded once a block, integer products, a shift, an exact sum."""

from __future__ import annotations

from typing import Any

from amaranth import Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data

from ...config.checks import check_class
from ...config.dialect import UNIT_EXPONENT, DialectConfig
from ..stepped import SteppedUnit, stepped_facts, stepped_family
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.delay import stages
from .upper import DialectUpper, half_units


class DialectDot(SteppedUnit):
    """``golden.dialect_dot.dialect_total`` of each sum of steps; the pipeline moves as a whole.

    Throughput: a step a cycle.

    Parameters
    ----------
    config
        The unit.

    Members
    -------
    As of ``SteppedUnit``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    def __init__(self, *, config: DialectConfig) -> None:
        self.dialect = check_class(config, DialectConfig, "DialectDot")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Half-units, the sum of a step, the shifted one, the sum."""
        return 4

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self.steps(m, 3)
        operands = [self._decoded(m, steps.advance, name) for name in ("weight", "activation")]
        products = [weight * activation for weight, activation in zip(*operands, strict=True)]

        def join(left: Value, right: Value, name: str) -> Value:
            return add(m, left, right, Shape(max(len(left), len(right)) + 1, signed=True), name=f"sum{name}")

        of_step = Signal(signed(self.dialect.step_sum_bits), reset_less=True)
        exponent = Signal(6)
        m.d.comb += exponent.eq(self.i.payload.weight_exponent + self.i.payload.activation_exponent)
        shift = stages(m, steps.advance, exponent, 2, "exponent{}")[-1]
        shifted = Signal(signed(self.dialect.total_bits), reset_less=True)
        with m.If(steps.advance):
            m.d.sync += [of_step.eq(balanced(products, join)), shifted.eq(of_step << shift)]
        total = Signal(signed(self.dialect.total_bits), reset_less=True)
        before = Mux(steps.first, Const(0, total.shape()), total)
        result = add(m, before, shifted, signed(self.dialect.total_bits), name="joined")
        with m.If(steps.joins):
            m.d.sync += total.eq(result)
        self.give(m, steps, {"total": result})
        return m

    def _decoded(self, m: Module, advance: Signal, name: str) -> list[Value]:
        """An operand's half-units, registered."""
        payload = self.i.payload
        m.submodules[f"{name}_upper"] = upper = DialectUpper()
        m.d.comb += upper.dialect.eq(payload[f"{name}_dialect"])
        found = Signal(data.ArrayLayout(signed(5), self.dialect.lanes), name=f"{name}_half_units", reset_less=True)
        for lane, code in enumerate(payload[f"{name}s"]):
            number = half_units(m, code, upper.found, f"{name}{lane}")
            with m.If(advance):
                m.d.sync += found[lane].eq(number)
        return list(found)


def facts(config: DialectConfig) -> dict[str, Any]:
    """Products a cycle, the longest sum, and what a total is."""
    return {
        **stepped_facts(config),
        "result": {"kind": "integer", "bits": config.total_bits, "unit_exponent": UNIT_EXPONENT},
    }


DIALECT_DOT = stepped_family(DialectDot, facts=facts)
