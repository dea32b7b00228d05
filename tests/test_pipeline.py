"""The pipeline axis: depths, lists of places, what both mean, and units and arrays of both against golden."""

import pytest

from bitmill import BitmillError, FloatAccumulator, MacConfig
from bitmill.config import PLACES
from bitmill.config.accumulators import WindowAccumulator
from bitmill.hdl import build
from bitmill.hdl.mac import step_terms
from bitmill.sim import verify
from bitmill.studies.ids import unit_key


def unit(weight="E4M3", lanes=4, **fields):
    fields = {"unit": "dot" if lanes > 1 else "mac", "k_max": 60, **fields}
    return MacConfig.from_dict({"weight": weight, "activation": weight, "lanes": lanes, **fields})


@pytest.mark.parametrize(
    ("pipeline", "kept", "registers"),
    [
        (0, 0, set()),
        ([], 0, set()),
        (1, 1, {"multiply"}),
        (["multiply"], 1, {"multiply"}),
        (["align", "multiply"], 2, {"multiply", "align"}),
        (3, 3, {"multiply", "align", "reduce", "scale"}),
        (["reduce"], ["reduce"], {"reduce"}),
        (["sum", "multiply"], ["multiply", "sum"], {"multiply", "sum"}),
    ],
)
def test_where_registers_are(pipeline, kept, registers):
    config = unit(pipeline=pipeline)
    assert {place for place in PLACES if config.registers(place)} == registers
    assert config.to_dict().get("pipeline", 3) == kept
    assert MacConfig.from_dict(config.to_dict()) == config


def test_a_list_has_its_name():
    config = unit(pipeline=["sum", "multiply"])
    assert config.title == "E4M3 dot4, exact 43-bit accumulator, pipeline multiply+sum"
    assert unit_key(config) == "e4m3-k4-exact-max60-pmultiply+sum"
    assert 'pipeline = ["multiply", "sum"]' in config.to_toml()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pipeline": ["add"]}, "pipeline: must be 0 to 3, or a list of some of 'multiply', .*, each once, not "),
        ({"pipeline": ["sum", "sum"]}, "pipeline: must be .*, each once, not "),
        ({"pipeline": 1.5}, "pipeline: must be .*, not 1.5"),
        (
            {"weight": "INT8", "pipeline": ["align"]},
            "pipeline must be without 'align' for pairs without exponents, not ",
        ),
        ({"lanes": 1, "pipeline": ["reduce"]}, "pipeline must be without 'reduce' for 1 lane, not "),
        ({"pipeline": ["scale"]}, "pipeline must be without 'scale' for steps without scales, not "),
        ({"pipeline": ["reduce", "sum"]}, "pipeline must be without 'sum' for a reduction with registers"),
    ],
)
def test_places_that_are_not_there_are_refused(fields, message):
    with pytest.raises(BitmillError, match=f"configuration: {message}"):
        unit(**fields)


@pytest.mark.parametrize(
    ("pipeline", "latency"), [(0, 0), (["sum"], 1), (["multiply", "sum"], 2), (["align"], 1), (["reduce"], 1), (3, 3)]
)
def test_latency(pipeline, latency):
    config = unit(pipeline=pipeline)
    assert step_terms.latency(config) == latency
    assert latency + 2 == build(config).LATENCY


MX = {"weight": "E2M1", "scale": "E8M0", "accumulator": FloatAccumulator().model_dump()}
NV = {"weight": "E2M1", "scale": "E4M3", "accumulator": FloatAccumulator().model_dump()}
WINDOW = {"accumulator": WindowAccumulator(width=24).model_dump()}


@pytest.mark.parametrize(
    "fields",
    [
        {"pipeline": ["sum"]},
        {"weight": "INT8", "pipeline": ["multiply", "sum"], "multiplier": "columns"},
        {"lanes": 1, "pipeline": ["sum"]},
        {"aligner": "binned", "pipeline": ["align"]},
        {**MX, "pipeline": ["sum"]},
        {**NV, "pipeline": ["multiply", "scale"]},
        {**WINDOW, "pipeline": ["multiply", "sum"]},
        {"unit": "array", "rows": 2, "cols": 3, "lanes": 2, "pipeline": ["sum"]},
    ],
    ids=str,
)
def test_units_against_golden(fields):
    result = verify(unit(**fields), seed=5, dot_products=12, corner_steps=20)
    assert (result.mismatches, result.output_stalls > 0) == (0, True)


@pytest.mark.parametrize("pipeline", [0, 1, 2])
@pytest.mark.parametrize("weight", ["INT8", "E2M1"])
def test_arrays_of_every_depth(weight, pipeline):
    """With no register at all a step reaches the first PE's accumulator in the cycle in which it enters."""
    config = unit(weight, lanes=1, unit="array", rows=2, cols=2, pipeline=pipeline)
    result = verify(config, seed=6, dot_products=8, corner_steps=16)
    assert (result.mismatches, result.output_stalls > 0) == (0, True)
