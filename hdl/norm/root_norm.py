# amaranth: UnusedElaboratable=no
"""LayerNorm and RMSNorm by an exact square root: rows of elements in, rows of requantized elements out."""

from __future__ import annotations

from itertools import pairwise

from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import NormWidths
from ..rows.layouts import row_layout
from ..rows.row_replay import RowReplay
from ..rows.row_sum import RowSum
from ..rows.row_unit import Cycles, RowUnit
from ..wires.at_least import check_at_least
from ..wires.handshake import free
from .channel_memory import ChannelMemory, channel_write_layout
from .root_factors import RootFactors
from .rounding import rounded, saturated
from .scaled_sum import MultiplierStyle, check_style, scaled_sum
from .square import square


def norm_constants_layout(widths: NormWidths) -> data.StructLayout:
    """What a layer gives all its channels: the epsilon, and by how much products move down beyond ``least_shift``."""
    return data.StructLayout({"epsilon": widths.epsilon_bits, "shift": widths.rule.shift_bits})


def norm_channel_layout(widths: NormWidths) -> data.StructLayout:
    """What a layer gives each of its channels: gamma and beta in units of the output."""
    return data.StructLayout({
        "multiplier": signed(widths.rule.multiplier_bits),
        "bias": signed(widths.bias_bits),
    })  # fmt: skip


class RootNorm(RowUnit):
    """``z = saturate(round((y * multiplier + bias) / 2**(least_shift + shift)))`` of each element of a row, with
    ``y = round_half_up(((x - mean) * factor - offset) / 2**(f-n))`` and the factors of ``RootFactors``.

    A row is seen twice: for its sums, and for its results. Elements that ``keep`` leaves out take no part in the first and are 0
    in the second; a row that keeps nothing has nothing but zeros. The length is the number of elements that take part.

    Throughput: a beat a cycle in both passes. Without stalls the first beat of the second pass is handed on ``GAP`` cycles after
    the last one of the first, whatever the row, and the next row follows the second pass without a gap, so that rows of ``n``
    beats take ``2 * n + GAP - 1`` cycles each.

    Parameters
    ----------
    widths
        Algorithm and widths; ``max_length`` is a multiple of ``lanes``.
    lanes
        Elements of a beat, at least 1.
    multiplier
        How the lanes' two products are built, ``logic`` or ``operator``.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a row's last beat to ``o.valid`` of its first, without stalls.
    GAP

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, signed(output_bits))))
        ``keep`` and ``last`` as they came.
    constants : In(norm_constants_layout(widths))
        Stay the same while a row is inside.
    channels : In(channel_write_layout(norm_channel_layout(widths), ...))
        Writes the constants of channels, at any time in which no row is inside.
    error : Out(1)
        A row was longer than ``max_length`` and was cut there; stays until reset.

    Raises
    ------
    TypeError, ValueError
        If ``widths`` is not a ``NormWidths``, or ``lanes`` out of range.
    """

    STAGES = 4
    """Registers between the replayed beat and the result: deviation, normalized, scaled, rounded."""

    def __init__(self, *, widths: NormWidths, lanes: int, multiplier: MultiplierStyle = "logic") -> None:
        check_class(widths, NormWidths, "RootNorm", "widths")
        check_at_least("RootNorm", 1, lanes=lanes)
        if widths.max_length % lanes:
            raise ValueError(f"RootNorm lanes must divide max_length {widths.max_length}, not {lanes!r}")
        check_style("RootNorm", multiplier)
        self.multiplier: MultiplierStyle = multiplier
        self.widths = widths
        self.lanes = lanes
        self.beats = widths.max_length // lanes
        channel = norm_channel_layout(widths)
        longest, greatest = widths.max_length, self._greatest
        self._factors = RootFactors(
            widths=widths,
            total_bits=(greatest * longest).bit_length(),
            squares_bits=(greatest**2 * longest).bit_length(),
        )
        self._count = RowSum(lanes=lanes, greatest=1, beats=self.beats)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(widths.input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(widths.output_bits)))),
            "constants": In(norm_constants_layout(widths)),
            "channels": In(channel_write_layout(channel, lanes=lanes, beats=self.beats)),
            "error": Out(1),
        })  # fmt: skip

    @property
    def GAP(self) -> int:
        # A register for the squares; the replay looks at the factors while they are there, and shows the beat a cycle later.
        return 1 + self._count.LATENCY + self._factors.LATENCY + RowReplay.GAP

    @property
    def first_result(self) -> Cycles:
        # The first pass' last beat is taken a beat less one after its first.
        return Cycles(1, RowReplay.LATENCY + self.GAP + self.STAGES - 1)

    @property
    def row_period(self) -> Cycles:
        return Cycles(2, self.GAP - 1)

    @property
    def _greatest(self) -> int:
        """Greatest magnitude of what is squared: elements above the least one, or elements."""
        bits = self.widths.input_bits
        return (1 << bits) - 1 if self.widths.rule.centred else 1 << (bits - 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.replay = replay = RowReplay(
            lanes=self.lanes, shape=signed(self.widths.input_bits), depth=self.beats, passes=2
        )
        m.submodules.factors = factors = self._factors
        wiring.connect(m, wiring.flipped(self.i), replay.i)
        advance, second = Signal(), Signal()
        m.d.comb += [
            advance.eq(free(self.o)),
            # The first pass waits with the rest, so that a row's last beat has met its factors when the next row comes.
            replay.o.ready.eq(advance),
            second.eq(replay.o.payload.turn == 1),
            self.error.eq(replay.error),
            replay.proceed.eq(factors.done),
            factors.taken.eq(replay.o.valid & second),
            factors.epsilon.eq(self.constants.epsilon),
        ]
        self._sums(m, replay.o.payload.beat, replay.o.valid & ~second & advance, factors)
        self._results(m, replay.o.payload.beat, replay.o.valid & second, advance, factors)
        return m

    def _based(self, element: Value) -> Value:
        """The element above the least one, if there is a mean to take off, else itself."""
        return element.as_unsigned() ^ (1 << (self.widths.input_bits - 1)) if self.widths.rule.centred else element

    def _sums(self, m: Module, beat: data.View, step: Value, factors: RootFactors) -> None:
        """First pass: how many elements, their sum, the sum of their squares."""
        centred = self.widths.rule.centred
        shape = {"lanes": self.lanes, "beats": self.beats}
        m.submodules.count = count = self._count
        m.submodules.squares = squares = RowSum(**shape, greatest=self._greatest**2)
        sums = [count, squares]
        if centred:
            m.submodules.total = total = RowSum(**shape, greatest=self._greatest)
            sums.append(total)
            m.d.comb += factors.total.eq(total.total)
        stepped, last = Signal(), Signal(reset_less=True)
        m.d.sync += [stepped.eq(step), last.eq(beat.last)]
        for one in sums:
            m.d.comb += [one.step.eq(stepped), one.last.eq(last)]
        for lane in range(self.lanes):
            element = self._based(beat.elements[lane])
            kept = Signal(element.shape(), name=f"kept{lane}", reset_less=True)
            here = Signal(name=f"here{lane}", reset_less=True)
            m.d.sync += [kept.eq(Mux(beat.keep[lane], element, 0)), here.eq(beat.keep[lane])]
            m.d.comb += [count.term(lane).eq(here), squares.term(lane).eq(square(m, kept))]
            if centred:
                m.d.comb += sums[2].term(lane).eq(kept)
        m.d.comb += [factors.count.eq(count.total), factors.squares.eq(squares.total), factors.start.eq(count.done)]

    def _results(self, m: Module, beat: data.View, step: Value, advance: Signal, factors: RootFactors) -> None:
        """Second pass: deviation, normalized, scaled, rounded, a register each."""
        widths, rule = self.widths, self.widths.rule
        m.submodules.channels = channels = ChannelMemory(
            shape=norm_channel_layout(widths), lanes=self.lanes, beats=self.beats
        )  # fmt: skip
        valids = Signal(self.STAGES)
        control = data.StructLayout({"keep": self.lanes, "last": 1})
        controls = [Signal(control, name=f"control{stage}", reset_less=True) for stage in range(self.STAGES)]
        m.d.comb += [
            channels.write.eq(self.channels),
            channels.enable.eq(advance),
            # What is read in this stage is there in the next but one.
            channels.step.eq(valids[0]),
            channels.last.eq(controls[0].last),
            self.o.valid.eq(valids[-1]),
            self.o.payload.keep.eq(controls[-1].keep),
            self.o.payload.last.eq(controls[-1].last),
        ]
        with m.If(advance):
            m.d.sync += [
                valids.eq(valids << 1 | step),
                controls[0].keep.eq(beat.keep),
                controls[0].last.eq(beat.last),
                *(after.eq(before) for before, after in pairwise(controls)),
            ]
        dropped = widths.factor_fraction_bits - rule.normalized_fraction_bits
        half = Const(1 << (dropped - 1))
        start = Signal(signed(widths.factor_bits + 1))
        m.d.comb += start.eq(half - factors.offset if rule.centred else half)
        for lane in range(self.lanes):
            deviation = Signal(signed(widths.input_bits + rule.centred), name=f"deviation{lane}", reset_less=True)
            normalized = Signal(signed(widths.normalized_bits), name=f"normalized{lane}", reset_less=True)
            scaled = Signal(signed(widths.total_bits), name=f"scaled{lane}", reset_less=True)
            result = Signal(signed(widths.output_bits), name=f"result{lane}", reset_less=True)
            constants = channels.constants[lane]
            raw = scaled_sum(
                m, factors.factor, deviation, start, signed(widths.normalized_bits + dropped), style=self.multiplier, name="raw"
            )  # fmt: skip
            total = scaled_sum(
                m, normalized, constants.multiplier, constants.bias, scaled.shape(), style=self.multiplier, name="total"
            )  # fmt: skip
            whole = rounded(scaled, self.constants.shift, least=widths.least_shift, ties=rule.ties)
            with m.If(advance):
                m.d.sync += [
                    deviation.eq(self._based(beat.elements[lane]) - (factors.mean if rule.centred else 0)),
                    normalized.eq(raw >> dropped),
                    scaled.eq(total),
                    result.eq(
                        Mux(controls[2].keep[lane], saturated(m, whole, widths.output_bits, name=f"whole{lane}"), 0)
                    ),
                ]
            m.d.comb += self.o.payload.elements[lane].eq(result)
