# amaranth: UnusedElaboratable=no
"""LayerNorm with Newton's square root cut after a given number of steps: rows in, rows of normalized elements out."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import NewtonWidths
from ...config.nonlinear.newton_widths import NEWTON_BIAS_BITS
from ..rows.layouts import row_layout
from ..rows.row_replay import RowReplay
from ..rows.row_sum import RowSum
from ..rows.row_unit import Cycles, RowUnit
from ..wires.at_least import check_at_least
from ..wires.handshake import free
from .channel_memory import ChannelMemory, channel_write_layout
from .newton_factors import NewtonFactors
from .scaled_sum import MultiplierStyle, check_style, scaled_sum
from .square import square

CHANNEL_LAYOUT = data.StructLayout({"bias": signed(NEWTON_BIAS_BITS)})
"""What a layer gives each of its channels: beta / gamma in units of the normalized row."""


class NewtonNorm(RowUnit):
    """``z = (((x - mean) * factor) >> 1) + bias`` of each element of a row, with the mean and the factor of ``NewtonFactors``.

    A row is seen three times: for its sum, for the squares of its deviations, and for its results. Elements that ``keep`` leaves
    out take no part in the former and are 0 in the latter; a row that keeps nothing has nothing but zeros. The length is the
    number of elements that take part.

    Throughput: a beat a cycle in each pass. Without stalls the first beat of the second pass is handed on ``FIRST_GAP`` cycles
    after the last one of the first, that of the third ``SECOND_GAP`` cycles after the last one of the second, whatever the row,
    and the next row follows at once, so that rows of ``n`` beats take ``3 * n + FIRST_GAP + SECOND_GAP - 2`` cycles each.

    Parameters
    ----------
    widths
        Algorithm and widths; ``max_length`` is a multiple of ``lanes``.
    lanes
        Elements of a beat, at least 1.
    bits_per_cycle
        Of the divider, which has 2 more divisions to do than the root has steps.
    multiplier
        How the lanes' product is built, ``logic`` or ``operator``.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of the last beat of a row of one beat to ``o.valid``, without stalls; one more for each
        further beat, of which there is a pass in between.
    FIRST_GAP, SECOND_GAP

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, signed(output_bits))))
        ``keep`` and ``last`` as they came.
    channels : In(channel_write_layout(CHANNEL_LAYOUT, ...))
        Writes the biases of channels, at any time in which no row is inside.
    error : Out(1)
        A row was longer than ``max_length`` and was cut there; stays until reset.

    Raises
    ------
    TypeError, ValueError
        If ``widths`` is not a ``NewtonWidths``, or ``lanes`` out of range.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only LayerNorm: I-LayerNorm".
    """

    STAGES = 3
    """Registers between the replayed beat and the result: deviation, normalized, biased."""

    def __init__(
        self, *, widths: NewtonWidths, lanes: int, bits_per_cycle: int = 1, multiplier: MultiplierStyle = "logic"
    ) -> None:
        check_class(widths, NewtonWidths, "NewtonNorm", "widths")
        check_at_least("NewtonNorm", 1, lanes=lanes)
        if widths.max_length % lanes:
            raise ValueError(f"NewtonNorm lanes must divide max_length {widths.max_length}, not {lanes!r}")
        check_style("NewtonNorm", multiplier)
        self.multiplier: MultiplierStyle = multiplier
        self.widths = widths
        self.lanes = lanes
        self.beats = widths.max_length // lanes
        # Elements above the least one, and magnitudes of deviations, have the same range.
        greatest = widths.greatest_deviation
        self._count = RowSum(lanes=lanes, greatest=1, beats=self.beats)
        self._total = RowSum(lanes=lanes, greatest=greatest, beats=self.beats)
        self._squares = RowSum(lanes=lanes, greatest=greatest**2, beats=self.beats)
        self._factors = NewtonFactors(
            widths=widths, total_bits=(greatest * widths.max_length).bit_length(), bits_per_cycle=bits_per_cycle
        )  # fmt: skip
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(widths.input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(widths.output_bits)))),
            "channels": In(channel_write_layout(CHANNEL_LAYOUT, lanes=lanes, beats=self.beats)),
            "error": Out(1),
        })  # fmt: skip

    @property
    def FIRST_GAP(self) -> int:
        return self._total.LATENCY + self._factors.MEAN_LATENCY + RowReplay.GAP

    @property
    def SECOND_GAP(self) -> int:
        # A register for the deviations.
        return 1 + self._squares.LATENCY + self._factors.FACTOR_LATENCY + RowReplay.GAP

    @property
    def first_result(self) -> Cycles:
        return Cycles(2, RowReplay.LATENCY + self.FIRST_GAP + self.SECOND_GAP + self.STAGES - 2)

    @property
    def row_period(self) -> Cycles:
        return Cycles(3, self.FIRST_GAP + self.SECOND_GAP - 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.replay = replay = RowReplay(
            lanes=self.lanes, shape=signed(self.widths.input_bits), depth=self.beats, passes=3
        )
        m.submodules.factors = factors = self._factors
        wiring.connect(m, wiring.flipped(self.i), replay.i)
        beat, turn = replay.o.payload.beat, replay.o.payload.turn
        advance, valids = Signal(), Signal(self.STAGES)
        squared = Signal()
        m.d.comb += [
            advance.eq(free(self.o)),
            # All passes wait with the results, so that a row's last beat has met its factor when the next row comes.
            replay.o.ready.eq(advance),
            self.error.eq(replay.error),
            replay.proceed.eq(factors.done),
            factors.taken.eq(replay.o.valid & (turn != 0)),
        ]
        with m.If(advance):
            m.d.sync += [
                valids.eq(valids << 1 | (replay.o.valid & (turn == 2))),
                squared.eq(replay.o.valid & (turn == 1)),
            ]
        control = data.StructLayout({"keep": self.lanes, "last": 1})
        controls = [Signal(control, name=f"control{stage}", reset_less=True) for stage in range(self.STAGES)]
        with m.If(advance):
            m.d.sync += [controls[0].keep.eq(beat.keep), controls[0].last.eq(beat.last)]
            m.d.sync += [controls[stage].eq(controls[stage - 1]) for stage in range(1, self.STAGES)]
        elements = [self._above_least(m, beat, lane) for lane in range(self.lanes)]
        deviations = self._deviations(m, elements, beat, advance, factors)
        self._sums(m, elements, beat, replay.o.valid & (turn == 0) & advance, factors)
        self._square_sum(m, deviations, squared & advance, controls[0].last, factors)
        self._results(m, deviations, valids, controls, advance, factors)
        return m

    def _above_least(self, m: Module, beat: data.View, lane: int) -> Signal:
        element = Signal(self.widths.input_bits, name=f"element{lane}")
        m.d.comb += element.eq(beat.elements[lane].as_unsigned() ^ (1 << (self.widths.input_bits - 1)))
        return element

    def _deviations(
        self, m: Module, elements: list[Signal], beat: data.View, advance: Signal, factors: NewtonFactors
    ) -> list[Signal]:
        """Second and third pass."""
        deviations = [
            Signal(signed(self.widths.input_bits + 1), name=f"deviation{lane}", reset_less=True)
            for lane in range(self.lanes)
        ]
        with m.If(advance):
            for lane, (deviation, element) in enumerate(zip(deviations, elements, strict=True)):
                m.d.sync += deviation.eq(Mux(beat.keep[lane], element - factors.mean, 0))
        return deviations

    def _sums(self, m: Module, elements: list[Signal], beat: data.View, step: Value, factors: NewtonFactors) -> None:
        """First pass: how many elements, and their sum."""
        m.submodules.count, m.submodules.total = count, total = self._count, self._total
        for one in (count, total):
            m.d.comb += [one.step.eq(step), one.last.eq(beat.last)]
        for lane, element in enumerate(elements):
            m.d.comb += [
                count.term(lane).eq(beat.keep[lane]),
                total.term(lane).eq(Mux(beat.keep[lane], element, 0)),
            ]
        m.d.comb += [factors.count.eq(count.total), factors.total.eq(total.total), factors.start_mean.eq(total.done)]

    def _square_sum(
        self, m: Module, deviations: list[Signal], step: Value, last: Value, factors: NewtonFactors
    ) -> None:
        """Second pass."""
        m.submodules.squares = squares = self._squares
        m.d.comb += [squares.step.eq(step), squares.last.eq(last)]
        for lane, deviation in enumerate(deviations):
            m.d.comb += squares.term(lane).eq(square(m, deviation))
        m.d.comb += [factors.squares.eq(squares.total), factors.start_factor.eq(squares.done)]

    def _results(
        self,
        m: Module,
        deviations: list[Signal],
        valids: Signal,
        controls: list[data.View],
        advance: Signal,
        factors: NewtonFactors,
    ) -> None:
        """Third pass: normalized and biased, a register each."""
        m.submodules.channels = channels = ChannelMemory(shape=CHANNEL_LAYOUT, lanes=self.lanes, beats=self.beats)
        m.d.comb += [
            channels.write.eq(self.channels),
            channels.enable.eq(advance),
            # What is read in this stage is there in the next.
            channels.step.eq(valids[0]),
            channels.last.eq(controls[0].last),
            self.o.valid.eq(valids[-1]),
            self.o.payload.keep.eq(controls[-1].keep),
            self.o.payload.last.eq(controls[-1].last),
        ]
        for lane, deviation in enumerate(deviations):
            product = scaled_sum(
                m, factors.factor, deviation, 0, signed(self.widths.product_bits), style=self.multiplier, name="product"
            )  # fmt: skip
            normalized = Signal(signed(self.widths.product_bits - 1), name=f"normalized{lane}", reset_less=True)
            result = Signal(signed(self.widths.output_bits), name=f"result{lane}", reset_less=True)
            biased = normalized + channels.constants[lane].bias
            m.d.comb += [self.o.payload.elements[lane].eq(result)]
            with m.If(advance):
                m.d.sync += [normalized.eq(product >> 1), result.eq(Mux(controls[1].keep[lane], biased, 0))]
