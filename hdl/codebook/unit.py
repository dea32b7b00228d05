"""A dot product of weights from a book: a table in front of every code, integer products behind it, shared by columns."""

from __future__ import annotations

from typing import Any

from amaranth import Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory

from ...config.checks import check_class
from ...config.codebook import CodebookConfig
from ..stepped import SteppedUnit, Steps, field_shape, stepped_facts, stepped_family
from ..wires.adders import add
from ..wires.balanced import balanced


class CodebookDot(SteppedUnit):
    """``golden.codebook.totals.codebook_totals`` of each sum of steps; the pipeline moves as a whole.

    Every code of a step has a copy of its book, all written together, so that a step a cycle is decoded.

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

    def __init__(self, *, config: CodebookConfig) -> None:
        self.codebook = check_class(config, CodebookConfig, "CodebookDot")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Entries, the sum of a step, the sum."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, payload = self.codebook, self.i.payload
        steps = self.steps(m, 2)
        weights: list[Value] = []
        for place in range(config.codes):
            entries = [self._entry(m, steps.advance, book, place) for book in range(config.books)]
            for lane in range(config.vector):
                numbers = [entry[lane] for entry in entries]
                weights.append(numbers[0] if len(numbers) == 1 else numbers[0] + numbers[1])
        activations = Signal(payload.activations.shape(), reset_less=True)
        with m.If(steps.advance):
            m.d.sync += activations.eq(payload.activations)
        totals: list[Value] = []
        for column in range(config.cols):
            of_column = [activations[column * config.lanes + lane] for lane in range(config.lanes)]
            products = [weight * number for weight, number in zip(weights, of_column, strict=True)]
            totals.append(self._total(m, steps, products, f"{column}"))
        self.give(m, steps, {"totals": totals})
        return m

    def _total(self, m: Module, steps: Steps, products: list[Value], name: str) -> Value:
        """The sum with the step that joins in this cycle."""

        def join(left: Value, right: Value, place: str) -> Value:
            shape = Shape(max(len(left), len(right)) + 1, signed=True)
            return add(m, left, right, shape, name=f"sum{name}_{place}")

        found = balanced(products, join)
        of_step = Signal(signed(len(found)), name=f"step{name}", reset_less=True)
        total = Signal(signed(self.codebook.total_bits), name=f"total{name}", reset_less=True)
        with m.If(steps.advance):
            m.d.sync += of_step.eq(found)
        before = Mux(steps.first, Const(0, total.shape()), total)
        result = add(m, before, of_step, signed(self.codebook.total_bits), name=f"joined{name}")
        with m.If(steps.joins):
            m.d.sync += total.eq(result)
        return result

    def _entry(self, m: Module, advance: Signal, book: int, place: int) -> Any:
        """The entry of a step's code, a register behind it."""
        config, memory = self.codebook, self.codebook.memory
        shape = field_shape(memory.word)
        m.submodules[f"book{book}_{place}"] = table = Memory(shape=shape, depth=1 << config.code_bits, init=[])
        written, found = table.write_port(), table.read_port()
        of_book = self.write.address >> config.code_bits if config.books > 1 else Const(0, 1)
        m.d.comb += [
            written.en.eq(self.write.enable & (of_book == book)),
            written.addr.eq(self.write.address),
            written.data.eq(self.write.word),
            found.en.eq(advance),
            found.addr.eq(self.i.payload.codes[book * config.codes + place]),
        ]
        return data.View(data.ArrayLayout(signed(config.entry_bits), config.vector), found.data)


def facts(config: CodebookConfig) -> dict[str, Any]:
    """Products a cycle, the longest sum, entries, and what a total is."""
    return {
        **stepped_facts(config),
        "entries": 1 << config.code_bits,
        "result": {"kind": "integer", "bits": config.total_bits, "unit_exponent": 0},
    }


CODEBOOK_DOT = stepped_family(CodebookDot, facts=facts)
