"""GELU by lines in hardware: every int8 under tables of many kinds, in RTL, Verilog and netlist, against the golden model."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from bitmill.config.nonlinear.profiles import ACCURATE
from bitmill.golden.nonlinear import PiecewiseTable, gelu_table, piecewise
from bitmill.hdl.emit.verilog import emit_component
from bitmill.hdl.gelu.piecewise_gelu import PiecewiseGelu

from .loaded import Loaded
from .row_traffic import beats, exchange
from .tied import TOP, job_of, plays, plays_in_icarus

SEED = 81
RULE = ACCURATE.gelu
WIDE = replace(RULE, segment_bits=4, value_fraction_bits=3, slope_fraction_bits=5, slope_bits=9)
INT8 = list(range(-128, 128))


def random_table(rule, seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-(1 << (rule.value_bits - 1)), 1 << (rule.value_bits - 1), rule.segments)
    slopes = rng.integers(-(1 << (rule.slope_bits - 1)), 1 << (rule.slope_bits - 1), rule.segments)
    return PiecewiseTable(values=values, slopes=slopes)


TABLES = {
    "scale 1/16": gelu_table(RULE, scale=1 / 16),
    "scale 0.045": gelu_table(RULE, scale=0.045),
    "any": random_table(RULE, SEED),
    "any other": random_table(RULE, SEED + 1),
}


def traffic(rule, table, lanes):
    """Every int8, once kept and once with every third one masked."""
    rows, masks = [INT8, INT8, INT8[:5]], [[True] * 256, [x % 3 != 0 for x in INT8], [False] * 5]
    inputs = list(beats(rows, lanes, masks, junk=-77))
    wanted = piecewise(rule, table, np.array(INT8))
    results = [np.where(mask, wanted[: len(mask)], 0).tolist() for mask in masks]
    outputs = [{**given, "elements": row["elements"]} for given, row in zip(inputs, beats(results, lanes), strict=True)]
    return inputs, outputs


CASES = [
    *((name, "registers", None) for name in TABLES),
    ("any", "memory", None),
    ("any", "registers", "generic"),
    ("scale 1/16", "memory", "generic"),
]


@pytest.mark.parametrize(("name", "place", "kind"), CASES)
def test_every_int8(name, place, kind):
    table = TABLES[name]
    loaded = Loaded(PiecewiseGelu(rule=RULE, lanes=1, table=place), table)
    job = job_of(loaded, *traffic(RULE, table, 1), seed=SEED, resets=(1, 40, 200))
    assert plays(loaded, job, kind=kind, text=emit_component(loaded, top=TOP)) is None


def test_other_widths_and_lanes():
    table = random_table(WIDE, SEED)
    loaded = Loaded(PiecewiseGelu(rule=WIDE, lanes=3), table)
    assert plays(loaded, job_of(loaded, *traffic(WIDE, table, 3), seed=SEED)) is None


def test_icarus_sees_no_unknowns():
    table = TABLES["any"]
    loaded = Loaded(PiecewiseGelu(rule=RULE, lanes=1), table)
    plays_in_icarus(loaded, job_of(loaded, *traffic(RULE, table, 1), seed=SEED, resets=(5,)))


def test_a_table_that_is_written_again_is_the_one_that_counts():
    unit = PiecewiseGelu(rule=RULE, lanes=4)
    first, second = TABLES["any"], TABLES["scale 1/16"]

    async def write(ctx):
        for table in (first, second):
            for segment, (value, slope) in enumerate(zip(table.values.tolist(), table.slopes.tolist(), strict=True)):
                ctx.set(unit.line.payload, {"segment": segment, "line": {"value": value, "slope": slope}})
                ctx.set(unit.line.valid, 1)
                assert ctx.get(unit.line.ready)
                await ctx.tick()
        ctx.set(unit.line.valid, 0)

    inputs, outputs = traffic(RULE, second, 4)

    def look(payload):
        return {"elements": list(payload.elements), "keep": payload.keep, "last": payload.last}

    got, taken, given = exchange(unit, inputs, len(inputs), before=write, look=look)
    assert got == outputs
    assert [late - early for early, late in zip(taken, given, strict=True)] == [unit.LATENCY] * len(inputs)
    assert np.diff(taken).tolist() == [1] * (len(inputs) - 1)


def test_init_wrong():
    with pytest.raises(TypeError, match="PiecewiseGelu rule must be a PiecewiseGeluRule, not 3"):
        PiecewiseGelu(rule=cast(Any, 3), lanes=1)
    with pytest.raises(ValueError, match="PiecewiseGelu lanes must be at least 1, not 0"):
        PiecewiseGelu(rule=RULE, lanes=0)
    with pytest.raises(ValueError, match="PiecewiseGelu table must be one of registers, memory, not 'rom'"):
        PiecewiseGelu(rule=RULE, lanes=1, table=cast(Any, "rom"))
