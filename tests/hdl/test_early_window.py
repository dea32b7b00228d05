"""Windows with early signs: golden's bits, where windows lose bits, lose none, and are narrower than products."""

import itertools

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.hdl.mac import step_terms
from bitmill.sim import verify


def unit(weight="E4M3", activation="E4M3", *, width=24, rounding="nearest-even", lanes=3, pipeline=0, **fields):
    accumulator = {"kind": "window", "width": width, "rounding": rounding}
    return MacConfig.from_dict({
        "weight": weight, "activation": activation, "unit": "dot", "lanes": lanes, "k_max": 30, "pipeline": pipeline,
        "accumulator": accumulator, "aligner": "early", **fields,
    })  # fmt: skip


PAIRS = [("E4M3", "E4M3"), ("E5M2", "E2M1"), ("E2M1", "E2M1"), ("E3M0", "E2M0"), ("POT4", "E2M1")]
WIDTHS = [4, 7, 12, 24, 48]


@pytest.mark.parametrize(
    ("pair", "width", "rounding"),
    [
        case
        for index, case in enumerate(itertools.product(PAIRS, WIDTHS, ("nearest-even", "truncate")))
        if index % 3 == 0
    ],
    ids=str,
)
def test_units_against_golden(pair, width, rounding):
    result = verify(unit(*pair, width=width, rounding=rounding), seed=width, dot_products=30, corner_steps=60)
    assert (result.mismatches, result.output_stalls > 0) == (0, True)


@pytest.mark.parametrize(("pipeline", "latency"), [(1, 1), (3, 4), (["sum"], 1), (["reduce"], 3)])
@pytest.mark.parametrize("engine", ["compiled", "cocotb"])
def test_registers(pipeline, latency, engine):
    config = unit(pipeline=pipeline, lanes=4)
    assert step_terms.latency(config) == latency
    assert verify(config, seed=3, dot_products=20, corner_steps=30, engine=engine).mismatches == 0


def test_it_is_for_windows():
    with pytest.raises(BitmillError, match="aligner must be 'grouped' for a exact accumulator, not 'early'"):
        unit().from_dict({**unit().to_dict(), "accumulator": {"kind": "exact"}})
