"""A unit of weights of -1, 0 and 1: rows of them on shared activations, without a multiplier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from ...config.checks import check_class
from ...config.trits import TritsConfig, Weights
from ..stepped import SteppedUnit, Steps
from ..wires.adders import add
from .trit_byte import TRIT, TritByte
from .trit_sum import TritSum


class TritUnit(SteppedUnit):
    """``golden.trits.totals.trit_totals`` of each sum of steps; the pipeline moves as a whole.

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

    def __init__(self, *, config: TritsConfig) -> None:
        self.trits = check_class(config, TritsConfig, "TritUnit")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Trits, the sum of a step, the sum."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, payload = self.trits, self.i.payload
        steps = self.steps(m, 2)
        per_row = config.lanes // config.stored.per_code
        activations = Signal(payload.activations.shape(), reset_less=True)
        with m.If(steps.advance):
            m.d.sync += activations.eq(payload.activations)
        totals: list[Value] = []
        for row in range(config.rows):
            codes = [payload.weights[row * per_row + place] for place in range(per_row)]
            for plane in range(config.stored.sums):
                name = f"{row}" if config.stored.sums == 1 else f"{row}_{plane}"
                trits = Signal(data.ArrayLayout(TRIT, config.lanes), name=f"trits{name}", reset_less=True)
                found = _DECODED[config.weight](m, config, codes, plane, name)
                with m.If(steps.advance):
                    m.d.sync += trits.eq(found)
                totals.append(self._total(m, steps, trits, activations, name))
        self.give(m, steps, {"totals": totals})
        return m

    def _total(self, m: Module, steps: Steps, trits: Value, activations: Value, name: str) -> Value:
        """The sum with the step that joins in this cycle."""
        bits = self.trits.total_bits
        m.submodules[f"sum{name}"] = part = TritSum(config=self.trits)
        m.d.comb += [part.trits.eq(trits), part.activations.eq(activations)]
        of_step = Signal(signed(part.bits), name=f"step{name}", reset_less=True)
        carry = Signal(name=f"carry{name}", reset_less=True)
        total = Signal(signed(bits), name=f"total{name}", reset_less=True)
        has_carry = self.trits.stored.negative
        with m.If(steps.advance):
            m.d.sync += of_step.eq(part.total)
            if has_carry:
                m.d.sync += carry.eq(part.carry)
        before = Mux(steps.first, Const(0, signed(bits)), total)
        result = add(m, before, of_step, signed(bits), carry=carry if has_carry else 0, name=f"joined{name}")
        with m.If(steps.joins):
            m.d.sync += total.eq(result)
        return result


_Decoder = Callable[[Module, TritsConfig, Sequence[Value], int, str], Value]


def _binary(_m: Module, _config: TritsConfig, codes: Sequence[Value], _plane: int, _name: str) -> Value:
    return Cat(Cat(Const(1), ~code) for code in codes)


def _ternary(_m: Module, _config: TritsConfig, codes: Sequence[Value], _plane: int, _name: str) -> Value:
    # Of minus zero, nothing is inverted, and 1 added to it: 0.
    return Cat(codes)


def _bytes(m: Module, config: TritsConfig, codes: Sequence[Value], _plane: int, name: str) -> Value:
    found: list[Value] = []
    for place, code in enumerate(codes):
        m.submodules[f"byte{name}_{place}"] = decoder = TritByte(code=config.byte_code)
        m.d.comb += decoder.code.eq(code)
        found.append(decoder.trits.as_value())
    return Cat(found)


def _dual(_m: Module, _config: TritsConfig, codes: Sequence[Value], plane: int, _name: str) -> Value:
    return Cat(Cat(code[plane], Const(0, 1)) for code in codes)


_DECODED: dict[Weights, _Decoder] = {
    "binary": _binary,
    "ternary": _ternary,
    "ternary-bytes": _bytes,
    "dual-binary": _dual,
}
"""A row's trits of one plane from its codes, lane 0 lowest."""
