"""Slices of large units: fewer of the same PEs; small units are their own slice."""

from __future__ import annotations

import pytest

from bitmill import MacConfig, preset
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.hdl.emit.verilog import once_in_large, slice_of


@pytest.mark.parametrize(
    ("rows", "cols", "lanes", "expected"),
    [
        (4, 6, 8, (2, 1)),
        (16, 16, 1, (4, 4)),
        (8, 8, 1, (4, 4)),
        (3, 9, 1, (3, 5)),
        (1, 64, 1, (1, 16)),
        (256, 1, 2, (8, 1)),
    ],
)
def test_slice_of_array(rows, cols, lanes, expected):
    config = MacConfig(weight="INT4", activation="INT8", unit="array", rows=rows, cols=cols, lanes=lanes, pipeline=1)
    found = slice_of(config).to_dict()
    assert (found["rows"], found["cols"]) == expected
    assert found == {**config.to_dict(), "rows": expected[0], "cols": expected[1]}


def test_slice_of_a_tile():
    assert slice_of(BitSerialConfig(rows=8, cols=8)) == BitSerialConfig(rows=2, cols=2)
    assert once_in_large(BitSerialConfig(rows=8, cols=8)) == ("bitmill_top_pe", "bitmill_top_scaler")


@pytest.mark.parametrize("name", ["int8-4x4", "int8-mac", "e4m3-dot32", "bitmod-pe", "softmax-4"])
def test_small_units_and_those_without_pes_are_their_own(name):
    from bitmill.config.presets import any_preset

    config = any_preset(name)
    assert slice_of(config) is config


def test_pes_are_mapped_once():
    assert once_in_large(preset("int8-8x8")) == ("bitmill_top_pe",)
