"""What is proved of the units for all their inputs, by Yosys' SAT solver; each proof fails where a unit is broken."""

from dataclasses import replace
from itertools import pairwise

import pytest
from amaranth import Array, Cat, ClockDomain, Const, Module, Mux, Signal, Value, signed
from amaranth.back import rtlil
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from bitmill import BitmillError
from bitmill.config.nonlinear import ACCURATE
from bitmill.hdl.norm.rounding import rounded, saturated
from bitmill.hdl.norm.square_root import SquareRoot
from bitmill.hdl.rows.divider import Divider
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.rows.row_replay import RowReplay
from bitmill.hdl.rows.shift_exp import ShiftExp
from bitmill.hdl.softmax import table_lane
from bitmill.hdl.softmax.reciprocal import Reciprocal
from bitmill.hdl.wires.greatest import greatest_of
from bitmill.system.tools import run_yosys

from .nonlinear_units import STATIONS, by_name
from .test_nonlinear_defects import Impatient, forgets_the_last

PIPELINE = """
(* techmap_celltype = "$dff" *)
module wire_for_register (CLK, D, Q);
  parameter WIDTH = 1; parameter CLK_POLARITY = 1;
  input CLK; input [WIDTH-1:0] D; output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""
"""A pipeline that always moves computes what it does without its registers."""

COMBINATIONAL = "dffunmap\ntechmap -map pipeline.v\nopt\nselect -assert-none t:$*dff* t:$*mem*"
ANY_STATE = "dffunmap"
SCRIPT = """read_rtlil spec.il
prep -top spec -flatten
setattr -unset init w:*
memory_map
opt
select -assert-min 1 t:$check
{prepared}
chformal -lower
sat -verify -prove-asserts {steps} -show-inputs spec
write_rtlil proved.il
"""


class Spec(wiring.Component):
    """Inputs of the given shapes, and what must hold of them: a function of a module and the inputs."""

    def __init__(self, claim, **shapes):
        self.claim = claim
        self.names = tuple(shapes)
        super().__init__({"clk": In(1), **{name: In(shape) for name, shape in shapes.items()}})

    def elaborate(self, platform):
        m = Module()
        # Resets are none of a proof's business, and a clock that is nothing would be optimized away.
        m.domains.sync = domain = ClockDomain(reset_less=True, local=True)
        m.d.comb += domain.clk.eq(self.clk)
        m.d.comb += Assert(self.claim(m, *(getattr(self, name) for name in self.names)))
        return m


def proved(claim, *, cycles=0, **shapes):
    """Raises ``BitmillError`` unless the claim holds for all inputs, or so many cycles after any state, reachable or not."""
    steps = f"-seq {cycles + 1} -prove-skip {cycles}" if cycles else ""
    script = SCRIPT.format(prepared=ANY_STATE if cycles else COMBINATIONAL, steps=steps)
    files = {"spec.il": rtlil.convert(Spec(claim, **shapes), name="spec"), "pipeline.v": PIPELINE}
    run_yosys(script, files=files, outputs=["proved.il"])


def refuted(claim, **more):
    with pytest.raises(BitmillError, match="proof did fail"):
        proved(claim, **more)


def offers_stay(unit, cycles=1):
    """What a unit offers and nobody takes, it offers in the next cycle, whatever is at its inputs. It offers nothing at first."""

    def claim(m, beat, valid, ready, beside):
        m.submodules.unit = unit
        m.d.comb += [Value.cast(unit.i.payload).eq(beat), unit.i.valid.eq(valid), unit.o.ready.eq(ready)]
        names = [name for name in ("constants", "channels", "proceed") if name in unit.signature.members]
        m.d.comb += [Value.cast(getattr(unit, name)).eq(beside) for name in names]
        offered, payload = Signal(), Signal(len(Value.cast(unit.o.payload)))
        m.d.sync += [offered.eq(unit.o.valid & ~unit.o.ready), payload.eq(unit.o.payload)]
        return ~offered | (unit.o.valid & (Value.cast(unit.o.payload) == payload))

    shapes = {"beat": len(Value.cast(unit.i.payload)), "valid": 1, "ready": 1, "beside": 256}
    return {"claim": claim, "cycles": cycles, **shapes}


# A row's GELU is the element's behind a replay, with many more stages.
@by_name({name: station for name, station in STATIONS.items() if name != "ShiftGelu, row"})
def test_an_offer_that_is_not_taken_stays(name):
    proved(**offers_stay(STATIONS[name].build(lanes=1, max_length=4)))


@pytest.mark.long
def test_an_offer_of_gelu_by_rows_that_is_not_taken_stays():
    proved(**offers_stay(STATIONS["ShiftGelu, row"].build(lanes=1, max_length=4)))


PARTS = {
    "RowReplay": lambda: RowReplay(lanes=2, shape=signed(4), depth=3, passes=3),
    "Divider": lambda: Divider(dividend_bits=6, divisor_bits=4),
    "Reciprocal": lambda: Reciprocal(quotient_bits=16),
    "SquareRoot": lambda: SquareRoot(radicand_bits=9),
}


@pytest.mark.parametrize("name", PARTS)
def test_an_offer_of_a_part_that_is_not_taken_stays(name):
    # States in which they count and offer at once have none before them.
    proved(**offers_stay(PARTS[name](), cycles=2))


def test_a_unit_that_goes_on_untaken_is_refuted():
    refuted(**offers_stay(Impatient(STATIONS["Requantize, even"].build(lanes=1, max_length=4), jams=False)))


def nearest(value, shift, ties):
    """``value / 2**shift`` rounded: what is left of the floor decides."""
    below = value >> shift
    rest, unit = (value - (below << shift)) << 1, Const(1) << shift
    return below + ((rest > unit) | ((rest == unit) & (below[0] if ties == "even" else 1)))


def within(value, bits):
    """The nearest signed integer of so many bits."""
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return Mux(value < least, least, Mux(value > greatest, greatest, value))


@pytest.mark.parametrize(("wide", "bits"), [(9, 8), (33, 8), (48, 32), (16, 2)])
def test_saturation(wide, bits):
    proved(lambda m, value: saturated(m, value, bits) == within(value, bits), value=signed(wide))
    refuted(lambda m, value: value[:bits].as_signed() == within(value, bits), value=signed(wide))


@pytest.mark.parametrize("ties", ["even", "up"])
@pytest.mark.parametrize("least", [0, 5])
def test_rounding(ties, least):
    """As ``RootNorm`` rounds: by a distance that is known and one that a layer chooses."""

    def claim(m, value, shift, ties=ties):
        return rounded(value, shift, least=least, ties=ties) == nearest(value, shift + least, "even")

    (proved if ties == "even" else refuted)(claim, value=signed(28), shift=3)
    if ties == "up":
        proved(
            lambda m, value, shift: rounded(value, shift, least=least, ties="up") == nearest(value, shift + least, "up"),
            value=signed(28), shift=3,
        )  # fmt: skip


def requantized(ties, in_bits, multiplier_bits, *, of=None, wanted=None):
    """``Requantize`` against its definition, for every multiplier and shift or for one of each; ``wanted`` ties, if others."""

    def claim(m, value, multiplier, shift, keep):
        multiplier, shift = (multiplier, shift) if of is None else (Const(of[0], signed(2)), Const(of[1], 8))
        m.submodules.unit = unit = Requantize(
            lanes=1, in_bits=in_bits, out_bits=8, multiplier_bits=multiplier_bits, ties=ties
        )  # fmt: skip
        element = unit.i.payload.elements[0]
        m.d.comb += [
            *(element[name].eq(one) for name, one in (("value", value), ("multiplier", multiplier), ("shift", shift))),
            unit.i.payload.keep.eq(keep),
            unit.i.valid.eq(1),
            unit.o.ready.eq(1),
        ]
        # More than 63 places leave of no product more than of 63.
        places = Mux(shift[6:].any(), 63, shift[:6])
        return unit.o.payload.elements[0] == Mux(
            keep, within(nearest(value * multiplier, places, wanted or ties), 8), 0
        )

    shapes = {"value": signed(in_bits), "multiplier": signed(multiplier_bits + 1), "shift": 8, "keep": 1}
    return {"claim": claim, **shapes}


@pytest.mark.parametrize("ties", ["even", "up"])
@pytest.mark.parametrize(("in_bits", "multiplier_bits"), [(8, 1), pytest.param(10, 2, marks=pytest.mark.long)])
def test_requantization_of_everything(in_bits, multiplier_bits, ties):
    """Rounded once, saturated at both ends, for every number, multiplier and shift."""
    proved(**requantized(ties, in_bits, multiplier_bits))


@pytest.mark.parametrize("ties", ["even", "up"])
@pytest.mark.parametrize("of", [(1, 0), (-1, 1), (1, 25), (-1, 34), (1, 200)])
def test_requantization_of_every_sum_of_33_bits(of, ties):
    proved(**requantized(ties, 33, 1, of=of))


def test_a_requantization_that_rounds_otherwise_is_refuted():
    refuted(**requantized("up", 8, 1, wanted="even"))


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_the_greatest_of_a_beat(lanes):
    """As great as all that are kept, and one of them; the least there is where none is kept."""

    def claim(m, values, kept, find=greatest_of):
        elements = [values.word_select(lane, 8).as_signed() for lane in range(lanes)]
        found = find(m, elements, list(kept), name="found")
        least = Mux(kept.any(), 0, found == -128)
        same = [kept[lane] & (element == found) for lane, element in enumerate(elements)]
        below = [~kept[lane] | (element <= found) for lane, element in enumerate(elements)]
        return Cat(below).all() & (Cat(same).any() | least)

    proved(claim, values=8 * lanes, kept=lanes)
    if lanes > 1:
        refuted(lambda m, values, kept: claim(m, values, kept, forgets_the_last), values=8 * lanes, kept=lanes)


def exponentials(n, bits, x0_bits, rises, *, swapped=False):
    """A greater difference has no smaller exponential; up to a difference of 0 it is from 1 to 1.0."""

    def claim(m, a, b, x0):
        units = [ShiftExp(fraction_bits=n, difference_bits=bits, x0_bits=x0_bits, rises=rises) for _ in range(2)]
        for unit, difference in zip(units, (a, b), strict=True):
            m.submodules += unit
            m.d.comb += [unit.enable.eq(1), unit.x0.eq(x0), unit.difference.eq(difference)]
        low, high = (unit.result for unit in (reversed(units) if swapped else units))
        bounded = ((b > 0) if rises else 0) | (high <= (x0 << n))
        return (x0 == 0) | (a > b) | (0 if rises else b > 0) | ((low <= high) & (low > 0) & bounded)

    return {"claim": claim, "a": signed(bits), "b": signed(bits), "x0": x0_bits}


@pytest.mark.parametrize(
    ("n", "bits", "x0_bits", "rises"),
    [
        (15, 9, 4, False),
        (6, 6, 6, False),
        (10, 7, 3, True),
        pytest.param(15, 9, 9, False, marks=pytest.mark.long),
        pytest.param(23, 9, 8, False, marks=pytest.mark.long),
        pytest.param(23, 9, 6, True, marks=pytest.mark.long),
    ],
)
def test_the_exponential_grows_and_never_passes_one(n, bits, x0_bits, rises):
    """For every scale constant of so many bits, also those that no scale has."""
    proved(**exponentials(n, bits, x0_bits, rises))
    if x0_bits == 4:
        refuted(**exponentials(n, bits, x0_bits, rises, swapped=True))


RULE = ACCURATE.softmax
NARROW = replace(RULE, slope_bits=5)
FEW = replace(RULE, fraction_bits=2)
"""What is proved of a table of four entries in a moment takes long for eight, and of slopes of thirteen bits as long."""


def exponent_of(m, rule, x, slope, name):
    """As ``TableSoftmaxPasses`` asks for it, in a first row."""
    width = table_lane.exponent_width(rule)
    multiples = [Const(0), slope, Cat(0, slope), slope * 3]
    return table_lane.exponent(
        m, rule, x, multiples, [one[:width] for one in [Const(0, width), *multiples[1:]]], name=name
    )


@pytest.mark.parametrize("bits", [NARROW.slope_bits, pytest.param(8, marks=pytest.mark.long)])
def test_a_greater_element_has_no_greater_exponent(bits):
    """The sum of the digits' products, each cut; what is greater by one is never farther from the maximum."""
    rule = replace(RULE, slope_bits=bits)

    def sums(m, x, slope):
        complement = Signal(8)
        m.d.comb += complement.eq(127 - x)
        products = [
            Array([Const(0), slope, slope << 1, (slope << 1) + slope])[complement.word_select(j, 2)] for j in range(4)
        ]
        return exponent_of(m, rule, x, slope, "x") == sum(one >> (6 - 2 * j) for j, one in enumerate(products))

    def grows(m, x, slope):
        above = (x + 1)[:8].as_signed()
        return (x == 127) | (exponent_of(m, rule, x, slope, "x") >= exponent_of(m, rule, above, slope, "y"))

    proved(sums, x=signed(8), slope=bits)
    proved(grows, x=signed(8), slope=bits)
    refuted(lambda m, x, slope: grows(m, x, slope) & ~(x == 127), x=signed(8), slope=bits)


def halves_at_most(entries):
    """Entries that do not grow and of which the last is at least half the first."""
    falls = [after <= before for before, after in pairwise(entries)]
    return Cat(falls).all() & ((entries[-1] << 1) >= entries[0])


def test_tables_halve_at_most():
    """What the next proof takes for granted, of every reciprocal that there is."""
    dropped = RULE.table_bits + RULE.reciprocal_bits - RULE.entry_bits
    for reciprocal in range(1 << RULE.reciprocal_bits, 2 << RULE.reciprocal_bits):
        scaled = [(power * reciprocal + (1 << (dropped - 1))) >> dropped for power in RULE.powers]
        entries = [min(one, (2 << RULE.entry_bits) - 1) for one in scaled]
        assert entries == sorted(entries, reverse=True)
        assert 2 * entries[-1] >= entries[0]


def test_a_greater_exponent_has_no_greater_power():
    """Of every table that halves at most; of others it has."""
    width, layout = table_lane.entry_width(FEW), table_lane.reduced_layout(FEW)

    def claim(m, table, near, far, taken_for_granted=halves_at_most):
        entries, powers = [table.word_select(place, width) for place in range(1 << FEW.fraction_bits)], []
        for name, cut in (("near", near), ("far", far)):
            at = Signal(layout, name=f"{name}_at")
            m.d.comb += at.as_value().eq(cut)
            powers.append(table_lane.power(m, FEW, entries, at, name=name))
        return (powers[0] >= powers[1]) | (near > far) | ~taken_for_granted(entries)

    shapes = {"table": width << FEW.fraction_bits, "near": layout.size, "far": layout.size}
    proved(claim, **shapes)
    refuted(lambda m, table, near, far: claim(m, table, near, far, lambda entries: Const(1)), **shapes)


def test_a_greater_power_has_no_smaller_output():
    """It is the power rounded, and 255 where that is 256."""
    width = RULE.sum_fraction_bits + 1

    def claim(m, low, high, most=1 << RULE.sum_fraction_bits):
        outputs = [table_lane.output(m, RULE, one, name=name) for one, name in ((low, "low"), (high, "high"))]
        exact = nearest(high, Const(RULE.table_bits), "up")
        # No power is above 1.0: an entry is so only where all are moved down by one place at least.
        right = outputs[1] == Mux(exact > 255, 255, exact)
        return (low > high) | (high > most) | ((outputs[0] <= outputs[1]) & right)

    proved(claim, low=width, high=width)
    refuted(lambda m, low, high: claim(m, low, high, most=2 << RULE.sum_fraction_bits), low=width, high=width)
