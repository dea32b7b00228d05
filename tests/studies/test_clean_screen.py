"""Components that are only asked for a figure put no warnings on the screen."""

import gc
import warnings

import pytest
from amaranth.hdl import UnusedElaboratable

from bitmill.config.presets import PRESETS
from bitmill.hdl import build
from bitmill.hdl.emit.manifest import manifest
from bitmill.studies.int_vs_fp.arrays import cycle_record
from bitmill.studies.int_vs_fp.study import Case, Pair
from bitmill.studies.nonlinear.units import UNITS

ARRAY = Case(Pair("INT8", "INT8"), "4x4")
ASKED = {
    "cycles of an array": lambda: cycle_record(ARRAY, "x", (8, 8, 8)),
    "manifest": lambda: [manifest(config, "", file_name="x.v") for config in PRESETS.values()],
    "build": lambda: [build(config) for config in PRESETS.values()],
    "latencies": lambda: [unit.latency(8) for unit in UNITS],
}


@pytest.mark.parametrize("name", ASKED)
def test_units_that_are_only_asked_are_no_warning(name, monkeypatch):
    # Amaranth warns from the first elaboration of a process on.
    monkeypatch.setattr(UnusedElaboratable, "_MustUse__silence", False, raising=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ASKED[name]()
        gc.collect()
    assert [str(warning.message) for warning in told] == []
