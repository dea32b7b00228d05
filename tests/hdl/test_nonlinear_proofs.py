"""What is proved of the units for all their inputs, by Yosys' SAT solver; each proof fails where a unit is broken."""

from dataclasses import replace

import pytest
from amaranth import ClockDomain, Const, Module, Mux, Signal, Value, signed
from amaranth.back import rtlil
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from bitmill import BitmillError
from bitmill.hdl.nonlinear import exp_terms, greatest, requantize, rounding, row_replay, table_lane
from bitmill.hdl.nonlinear.greatest import greatest_of
from bitmill.hdl.nonlinear.requantize import Requantize
from bitmill.hdl.nonlinear.rounding import rounded, saturated
from bitmill.hdl.nonlinear.shift_exp import ShiftExp
from bitmill.nonlinear import ACCURATE
from bitmill.tools import run_yosys

from .nonlinear_units import STATIONS, by_name

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
NEXT_CYCLE = "dffunmap"
SCRIPT = """read_rtlil spec.il
prep -top spec -flatten
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


def proved(claim, *, next_cycle=False, **shapes):
    """Raises ``BitmillError`` unless the claim holds for all inputs, or in the cycle after any cycle of any state."""
    script = SCRIPT.format(
        prepared=NEXT_CYCLE if next_cycle else COMBINATIONAL, steps="-seq 2 -prove-skip 1" if next_cycle else ""
    )
    files = {"spec.il": rtlil.convert(Spec(claim, **shapes), name="spec"), "pipeline.v": PIPELINE}
    run_yosys(script, files=files, outputs=["proved.il"])


def refuted(claim, **more):
    with pytest.raises(BitmillError, match="proof did fail"):
        proved(claim, **more)


def offers_stay(unit):
    """What a unit offers and nobody takes, it offers in the next cycle, whatever state it was in and whatever is at its inputs."""

    def claim(m, beat, valid, ready, beside):
        m.submodules.unit = unit
        m.d.comb += [Value.cast(unit.i.payload).eq(beat), unit.i.valid.eq(valid), unit.o.ready.eq(ready)]
        names = [name for name in ("constants", "channels", "proceed") if name in unit.signature.members]
        m.d.comb += [Value.cast(getattr(unit, name)).eq(beside) for name in names]
        offered, payload = Signal(), Signal(len(Value.cast(unit.o.payload)))
        m.d.sync += [offered.eq(unit.o.valid & ~unit.o.ready), payload.eq(unit.o.payload)]
        return ~offered | (unit.o.valid & (Value.cast(unit.o.payload) == payload))

    shapes = {"beat": len(Value.cast(unit.i.payload)), "valid": 1, "ready": 1, "beside": 256}
    return {"claim": claim, "next_cycle": True, **shapes}


@by_name(STATIONS)
def test_an_offer_that_is_not_taken_stays(name):
    proved(**offers_stay(STATIONS[name].build(lanes=2, max_length=8)))
