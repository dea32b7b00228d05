"""GELU, or any function of an int8, from a table that is fixed when the unit is built."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.nonlinear.softmax_rules import INPUT_BITS
from ..rows.layouts import row_layout
from ..wires.at_least import check_at_least
from ..wires.handshake import free


class TableGelu(wiring.Component):
    """``outputs[x + 128]`` for each element ``x``, as plain logic: a table of 256 constants for each lane.

    A bit of the output is a tree of multiplexers by the bits of the element, in which equal parts, also of different bits,
    are there once.

    Throughput: ``lanes`` elements a cycle.

    Parameters
    ----------
    lanes
        Elements of a beat, at least 1.
    outputs
        256 int8: what -128 gives, then -127, up to 127.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a beat to ``o.valid``, without stalls.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(8))))
    o : Out(stream.Signature(row_layout(lanes, signed(8))))
        An element that is not kept is 0.

    Raises
    ------
    ValueError
        If ``lanes`` is not positive, or ``outputs`` are not 256 int8.
    """

    LATENCY = 1

    def __init__(self, *, lanes: int, outputs: Sequence[int]) -> None:
        check_at_least("TableGelu", 1, lanes=lanes)
        codes = 1 << INPUT_BITS
        if len(outputs) != codes:
            raise ValueError(f"TableGelu outputs must be {codes} integers, not {len(outputs)!r}")
        for value in outputs:
            if isinstance(value, bool) or not isinstance(value, int) or not -codes // 2 <= value < codes // 2:
                raise ValueError(
                    f"TableGelu outputs must be integers from {-codes // 2} to {codes // 2 - 1}, not {value!r}"
                )
        self.lanes = lanes
        self.outputs = tuple(outputs)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(INPUT_BITS)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(INPUT_BITS)))),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance, beat = Signal(), self.i.payload
        shown = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += [advance.eq(free(self.o)), self.i.ready.eq(advance), self.o.payload.eq(shown)]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(self.i.valid), shown.keep.eq(beat.keep), shown.last.eq(beat.last)]
            for lane in range(self.lanes):
                output = self._output(m, beat.elements[lane], name=f"lane{lane}")
                m.d.sync += shown.elements[lane].eq(output & beat.keep[lane].replicate(INPUT_BITS))
        return m

    def _output(self, m: Module, element: Value, *, name: str) -> Value:
        # In the order of the codes, a row of bits as text: halves are what the highest input bit chooses between.
        ordered = self.outputs[len(self.outputs) // 2 :] + self.outputs[: len(self.outputs) // 2]
        parts: dict[str, Value] = {"0": Const(0, 1), "1": Const(1, 1)}

        def part(bits: str) -> Value:
            half = len(bits) // 2
            if half and bits[:half] == bits[half:]:
                return part(bits[:half])
            if bits not in parts:
                parts[bits] = Signal(name=f"{name}_part{len(parts)}")
                select = element[half.bit_length() - 1]
                m.d.comb += parts[bits].eq(Mux(select, part(bits[half:]), part(bits[:half])))
            return parts[bits]

        return Cat(part("".join(str(value >> place & 1) for value in ordered)) for place in range(INPUT_BITS))
