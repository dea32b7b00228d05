"""Verilog and netlists of bit-serial tiles against golden: mixed types, ragged groups, stalls, resets, both engines."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth import Signal
from amaranth.lib import data

from bitmill import BitmillError
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.formats.weight_type import weight_type
from bitmill.golden.bit_serial import group_exponents
from bitmill.hdl.bit_serial import serial_tile
from bitmill.hdl.bit_serial.term_generator import SPECIAL_LAYOUT, default_specials, special_fields
from bitmill.hdl.emit import verilog
from bitmill.sim import verify
from bitmill.sim.serial_traffic import SerialTraffic

TILE = BitSerialConfig(rows=2, cols=3, group=32)
NETLISTS = [
    (BitSerialConfig(rows=1, cols=2, group=16, k_max=64), "generic"),
    (BitSerialConfig(rows=2, cols=1, lanes=2, window=11, group=16, drop=4, k_max=64), "ecp5"),
    (BitSerialConfig(rows=1, cols=1, activation="BF16", window=12, group=16, weight_bits=6), "generic"),
    (BitSerialConfig(rows=1, cols=2, activation="INT8", group=16, k_max=64), "ecp5"),
]


def check(result, config):
    assert result.mismatches == 0
    assert result.input_stalls > 0
    assert result.output_stalls > 0
    assert result.resets == 2
    assert sum(phase.transactions for phase in result.phases[:3]) * config.cols == result.results > 0


@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
def test_rtl_is_golden(serial_tile, engine):
    steps = 40 if engine == "cocotb" else 4200  # The longest dot products are for the fast engine.
    check(verify(serial_tile, seed=31, dot_products=30, corner_steps=steps, engine=engine), serial_tile)


@pytest.mark.parametrize(("config", "kind"), NETLISTS, ids=lambda value: getattr(value, "title", value))
def test_netlist_is_golden(config, kind):
    check(verify(config, seed=32, dot_products=12, corner_steps=40, netlist=kind, engine="compiled"), config)


def test_a_netlist_under_cocotb():
    config = BitSerialConfig(rows=1, cols=1, lanes=2, group=8, k_max=32, activation="INT8", weight_bits=4)
    check(verify(config, seed=33, dot_products=12, corner_steps=24, netlist="generic"), config)


@pytest.mark.parametrize(
    ("part", "right", "wrong"),
    [("scaler", "lower", "1'h0"), ("pe", "shift", "5'h00"), ("generator", "special", "2'h0")],
)
def test_verify_finds_a_fault(part, right, wrong):
    text = verilog.emit(TILE)
    start = text.index(f"bitmill_top_{part}  {part}0")
    place = text.index(f".{right}(", start)
    end = text.index(")", place)
    faulty = f"{text[:place]}.{right}({wrong}{text[end:]}"
    with pytest.raises(BitmillError, match="first in result"):
        verify(TILE, seed=34, dot_products=20, corner_steps=40, verilog=faulty, engine="compiled")


def test_stimuli_meet_every_type_and_precision():
    traffic = SerialTraffic(TILE)
    work = traffic.stimuli(np.random.default_rng(35), count=60, corner_steps=4200)
    names = {name for item in work for row in item.types for name in row}
    assert {
        f"BITMOD_FP{bits}_{kind}_{sign}" for bits in (3, 4) for kind in ("ER", "EA") for sign in ("POS", "NEG")
    } <= names
    assert {"INT4", "INT6", "INT8", "INT5", "INT7", "INT8_SYM"} <= names
    assert {item.bits for item in work} == {4, 6, 8}
    assert any(len(set(row)) > 1 for item in work for row in item.types), "types change from group to group"
    assert any(len(item) % TILE.lanes for item in work)


def test_stimuli_give_exponents_that_are_tight_loose_and_too_small():
    config = BitSerialConfig(rows=2, cols=1, group=16, group_exponent="given")
    traffic = SerialTraffic(config)
    work = traffic.stimuli(np.random.default_rng(36), count=60, corner_steps=100)
    beyond = [
        item.exponents - group_exponents(config, item.activation_codes, item.groups)
        for item in work
        if item.exponents is not None
    ]
    found = np.concatenate([difference.ravel() for difference in beyond])
    assert {-1, 0, 1, 2, 3} <= set(found.tolist())


def test_wrong_arguments():
    with pytest.raises(BitmillError, match="weight type must be a signed integer or one of BitMoD's, not 'E4M3'"):
        weight_type("E4M3")
    with pytest.raises(BitmillError, match="codes must be given as a quantized matrix for a bit-serial tile"):
        verify(TILE, seed=1, codes=(np.zeros((1, 1), int), np.zeros((1, 1), int)))


SMALL = BitSerialConfig(lanes=1, activation="INT8", weight_bits=4, group=51, drop=12, k_max=357)


def test_many_short_groups_fit():
    check(verify(SMALL, seed=38, dot_products=10, engine="compiled"), SMALL)


def test_stimuli_overflow_a_total_that_is_as_wide_as_full_groups_need(monkeypatch):
    monkeypatch.setattr(BitSerialConfig, "greatest_total", property(lambda self: 0))
    verilog.emit.cache_clear()
    with pytest.raises(BitmillError, match="golden's value 91035 does not fit the unit's 17 bits"):
        verify(SMALL, seed=38, dot_products=10, engine="compiled")
    verilog.emit.cache_clear()


def test_every_place_is_written_with_every_special_value():
    written, uses = set(), set()
    for item in SerialTraffic(SMALL).stimuli(np.random.default_rng(39), count=0, corner_steps=4200):
        for group, values in enumerate(item.specials or ()):
            written |= set(enumerate(values))
            uses |= (
                {(row[group], item.label) for row in item.types} if item.label.startswith("special values") else set()
            )
    values = [value for value in range(-20, 21) if abs(value) not in (11, 13, 19)]
    assert written >= {(place, value) for place in range(8) for value in values}
    assert len(uses) == 8 * len(values)


@pytest.mark.parametrize("fault", ["last place", "reset"])
def test_verify_finds_special_values_that_are_not_written_or_not_reset(fault, monkeypatch):
    def register_file(self, m, held):
        layout = data.ArrayLayout(SPECIAL_LAYOUT, 8)
        initial = [special_fields(value) for bank in default_specials() for value in bank]
        file = Signal(layout, init=initial, reset_less=fault == "reset")
        for index in range(7 if fault == "last place" else 8):
            with m.If(self.writes & (held.index == index)):
                m.d.sync += file[index].eq(held.value)
        return file

    monkeypatch.setattr(serial_tile._Front, "_register_file", register_file)
    with pytest.raises(BitmillError, match="reset: .* first in result" if fault == "reset" else "first in result"):
        verify(SMALL, seed=40, dot_products=10, verilog=verilog.emit.__wrapped__(SMALL), engine="compiled")
