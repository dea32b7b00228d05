"""TableGelu in hardware: every int8 through every lane, in RTL and netlist; stalls, resets and cycles."""

import math

import numpy as np
import pytest

from bitmill.hdl.gelu.table_gelu import TableGelu

from .row_traffic import beats, exchange
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 57
SCALE = 1 / 32
GELU = tuple(round(x * (1 + math.erf(x * SCALE / math.sqrt(2))) / 2) for x in range(-128, 128))
RANDOM = tuple(np.random.default_rng(SEED).integers(-128, 128, 256).tolist())
TABLES = {"GELU": GELU, "random": RANDOM, "constant": (-77,) * 256, "identity": tuple(range(-128, 128))}


def traffic(table, lanes):
    """Every code through every lane, some of them masked, in rows of all lengths."""
    rng = np.random.default_rng(SEED)
    codes = np.concatenate([np.roll(np.arange(-128, 128), shift) for shift in range(lanes)])
    lengths = [256 * lanes // 2, 1, 2, 3, 5]
    rows = np.split(codes, np.cumsum(lengths))
    masks = [np.ones(len(row), bool) if len(row) > 5 else rng.random(len(row)) < 0.5 for row in rows]
    # The masked ones come again.
    rows.append(np.concatenate([row for row in rows if len(row) <= 5]))
    masks.append(np.ones(len(rows[-1]), bool))
    looked_up = [
        [table[x + 128] if here else 0 for x, here in zip(row, mask, strict=True)]
        for row, mask in zip(rows, masks, strict=True)
    ]
    inputs = list(beats(rows, lanes, masks, junk=127))
    outputs = [
        {**given, "elements": expected["elements"]}
        for given, expected in zip(inputs, beats(looked_up, lanes), strict=True)
    ]
    return inputs, outputs


@pytest.mark.parametrize("kind", [None, "generic"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("lanes", [1, 3])
def test_every_int8(lanes, table, kind):
    tied = Tied(TableGelu(lanes=lanes, outputs=TABLES[table]))
    inputs, outputs = traffic(TABLES[table], lanes)
    assert plays(tied, job_of(tied, inputs, outputs, seed=SEED, resets=(1, 9)), kind=kind) is None


def test_icarus_sees_no_unknowns():
    tied = Tied(TableGelu(lanes=2, outputs=GELU))
    plays_in_icarus(tied, job_of(tied, *traffic(GELU, 2), seed=SEED, resets=(1, 9)))


@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_cycles_are_those_promised(stalls):
    unit = TableGelu(lanes=2, outputs=GELU)
    inputs, outputs = traffic(GELU, 2)
    got, taken, given = exchange(unit, inputs, len(inputs), stalls=stalls, seed=SEED)
    assert got == [unit.o.payload.shape().const(one).as_value().value for one in outputs]
    if not stalls:
        assert taken == list(range(len(inputs)))
        assert given == [cycle + TableGelu.LATENCY for cycle in taken]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lanes": 0}, "TableGelu lanes must be an integer of at least 1, not 0"),
        ({"lanes": True}, "TableGelu lanes must be an integer of at least 1, not True"),
        ({"outputs": GELU[1:]}, "TableGelu outputs must be 256 integers, not 255"),
        ({"outputs": (*GELU[1:], 128)}, "TableGelu outputs must be integers from -128 to 127, not 128"),
        ({"outputs": (*GELU[1:], 0.5)}, "TableGelu outputs must be integers from -128 to 127, not 0.5"),
    ],
)
def test_init_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TableGelu(**{"lanes": 1, "outputs": GELU, **arguments})
