"""Tiles of more than 256 PEs, whose rows are modules: the same circuit, shown on a small one that is built that way."""

import pytest

from bitmill.config.bit_serial import BitSerialConfig
from bitmill.hdl.bit_serial import serial_tile
from bitmill.hdl.emit import verilog
from bitmill.sim import verify


@pytest.fixture
def rows_are_modules(monkeypatch):
    verilog.emit.cache_clear()
    monkeypatch.setattr(serial_tile, "LARGE", 0)
    yield
    verilog.emit.cache_clear()


@pytest.mark.parametrize("fields", [{}, {"activation": "INT8"}], ids=["FP16", "INT8"])
def test_a_tile_of_row_modules_is_golden(fields, rows_are_modules):
    config = BitSerialConfig(rows=2, cols=3, lanes=2, group=16, **fields)
    text = verilog.emit(config)
    assert text.count(f"module {verilog.TOP}_row (") == 1
    assert verify(config, seed=5, dot_products=12, engine="compiled", verilog=text).mismatches == 0


def test_a_large_tile_has_a_module_for_its_rows():
    tile = BitSerialConfig(rows=33, cols=8, lanes=1)
    assert f"{verilog.TOP}.row" in serial_tile.SerialTile(config=tile, module_prefix=verilog.TOP).repeated()
    small = BitSerialConfig(rows=32, cols=8, lanes=1)
    assert f"{verilog.TOP}.row" not in serial_tile.SerialTile(config=small, module_prefix=verilog.TOP).repeated()
