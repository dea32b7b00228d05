"""What a PE costs in a tile, computed by hand; how operands toggle; that every part can be measured alone."""

from __future__ import annotations

import pytest

from bitmill import golden
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.formats import get
from bitmill.formats.term import terms
from bitmill.fpga.wrap import ports_of
from bitmill.golden.bit_serial import align
from bitmill.golden.weights import quantize_weights
from bitmill.models.sample import load_layer
from bitmill.reports.bitmod import derived as costs
from bitmill.reports.bitmod.tables import library_table
from bitmill.sim.pe_stimulus import LAYER, PRODUCTS, parallel_stimulus, serial_stimulus
from bitmill.studies.bitmod import hardware
from bitmill.studies.bitmod.units import BASELINE, SIDE, candidates
from bitmill.studies.measurements import TOP
from bitmill.studies.records import BITMOD, Record, Records, metric

BY_KEY = {candidate.key: candidate for candidate in candidates()}


def cells(part, label, total, delay, period, library="osu018"):
    metrics = {"logic": metric(total - 10, "GE"), "registers": metric(10, "GE"), "total": metric(total, "GE"),
               "delay": metric(delay, "ns"), "period": metric(period, "ns"), "flip_flop": metric(4, "GE")}  # fmt: skip
    config = {} if library == "osu018" else {"library": library}
    return Record(f"{part.key}/{library}-{label}", "cells", config, part.key, {}, {"yosys": "0"}, (), metrics)


def made_up(areas, *, delay=5.0, period=8.0, label="8ns", library="osu018"):
    """Cells of parts by key, all of one delay."""
    parts = {part.key: part for candidate in candidates() for part in candidate.parts if part.key in areas}
    return [cells(part, label, areas[key], delay, period, library) for key, part in parts.items()]


AREAS = {
    "fp16xfp16-pe": 2000, "row-fp16": 400, "column-fp16": 80, "scaler": 1000, "control": 200,
    "serial-pe": 1500, "aligner": 1600, "generator": 320,
}  # fmt: skip


def test_costs_on_another_library_stand_beside_those_of_osu018():
    other = {**AREAS, "serial-pe": 1000}
    measured = [*made_up(AREAS), *made_up(other, delay=1.0, period=2.0, library="asap7")]
    found = {record.id: record for record in costs.cost_records(Records(measured, study=BITMOD))}
    assert set(found) == {f"cost/{key}/{at}" for key in ("fp16xfp16", "serial") for at in ("8ns", "asap7-8ns")}
    assert found["cost/serial/asap7-8ns"].number("pe_to_baseline") == 0.5
    assert found["cost/serial/asap7-8ns"].number("clock") == 2
    assert found["cost/serial/8ns"].number("relative_4") < found["cost/serial/asap7-8ns"].number("relative_4")
    table = library_table(Records(found.values(), study=BITMOD))
    assert [row[1] for row in table.rows] == ["asap7", "asap7"]
    share = table.rows[1][3]
    assert not isinstance(share, str)
    assert share.text == "0.500"


def test_costs_by_hand():
    found = {record.id: record for record in costs.cost_records(Records(made_up(AREAS), study=BITMOD))}
    assert set(found) == {"cost/fp16xfp16/8ns", "cost/serial/8ns"}
    serial, base = found["cost/serial/8ns"], found["cost/fp16xfp16/8ns"]
    # 4 codes of 8 bits, kind and special, 4 terms, 5 bits of a shift; 25 + 31 bits of a decoded weight and activation.
    assert serial.number("edges") == (1600 + 320 + (32 + 4 + 16 + 5) * 4) / 8 == 268.5
    assert base.number("edges") == (400 + 80 + 56 * 4) / 8 == 88
    assert (serial.number("scaling"), base.number("scaling")) == (1000 + 200 / 8, 1000 + 200)
    assert (serial.number("total"), serial.number("total_scaled")) == (1768.5, 2793.5)
    assert (serial.number("clock"), base.number("clock")) == (8, 8)
    # 4 products every 2, 3 and 4 cycles against one.
    assert serial.number("relative_pe_4") == pytest.approx(2 * 2000 / 1500)
    assert serial.number("relative_4") == pytest.approx(2 * 2088 / 1768.5)
    assert serial.number("relative_6") == pytest.approx(4 / 3 * 2088 / 1768.5)
    assert serial.number("relative_8") == pytest.approx(2088 / 1768.5)
    assert serial.number("relative_scaled_4") == pytest.approx(2 * 3288 / 2793.5)
    assert serial.number("relative_dequantized_4") == pytest.approx(2 * 2088 / 2793.5)
    assert serial.number("throughput_4") == pytest.approx(2 * 125 / 1.7685)
    assert base.number("relative_16") == 1


def test_a_tile_runs_as_fast_as_its_slowest_part():
    records = made_up(AREAS)
    slow = [cells(BY_KEY["serial"].edges[0], "8ns", 1600, 16.0, 8.0)]
    found = {
        r.id: r
        for r in costs.cost_records(Records([*(r for r in records if "aligner" not in r.id), *slow], study=BITMOD))
    }
    assert found["cost/serial/8ns"].number("clock") == 16
    assert found["cost/serial/8ns"].number("relative_4") == pytest.approx(2088 / 1768.5)


def test_the_best_clock_is_the_fastest_of_all_parts():
    records = []
    for candidate, alone, together in ((BY_KEY[BASELINE], 4.0, 4.0), (BY_KEY["serial"], 2.5, 3.2)):
        pe, *_ = candidate.parts
        records.append(cells(pe, hardware.BEST, AREAS[pe.key] + 300, alone, 1.0))
        records += [
            cells(part, f"{hardware.BEST}-{candidate.key}", AREAS[part.key], 3.0, together) for part in candidate.parts
        ]
    found = {record.id: record for record in costs.cost_records(Records(records, study=BITMOD))}
    assert found["cost/serial/best"].number("clock") == 3.2
    assert found["cost/serial/best"].number("relative_4") == pytest.approx(2 * 2088 / 1768.5 * 4.0 / 3.2)
    assert found["cost/serial/best"].number("relative_pe_4") == pytest.approx(2 * 2300 / 1800 * 4.0 / 2.5)


def test_share_of_generators_by_hand():
    record = costs.generator_record(Records(made_up(AREAS), study=BITMOD), "8ns")
    tile = 64 * (1500 + 1000) + 8 * (1600 + 320 + 200)
    assert record.number("share") == pytest.approx(100 * 8 * 320 / tile)
    assert record.number("share_bare") == pytest.approx(100 * 8 * 320 / (64 * 1500 + 8 * 1920))
    assert SIDE == 8


@pytest.mark.parametrize("candidate", candidates(), ids=lambda candidate: candidate.key)
def test_every_part_is_a_module_and_the_stimulus_is_of_its_inputs(candidate):
    for part in candidate.parts:
        assert f"module {TOP}(" in part.verilog
    config = candidate.pe.config
    stimulus = serial_stimulus(config) if isinstance(config, BitSerialConfig) else parallel_stimulus(config)
    ports = {port.name: port.width for port in ports_of(candidate.pe.verilog, TOP) if port.direction == "input"}
    assert set(stimulus) == set(ports) - {"clk", "rst"}
    assert {len(values) for values in stimulus.values()} == {
        PRODUCTS // candidate.lanes * candidate.cycles[candidate.bits]
    }
    assert all(0 <= min(values) <= max(values) < 1 << ports[name] for name, values in stimulus.items())
    assert all(
        len(set(stimulus[name])) > 4 for name in stimulus if name in ("weight", "activation", "terms", "activations")
    )


def test_terms_are_those_of_the_layers_weights():
    stimulus = serial_stimulus(BitSerialConfig())
    quantized = quantize_weights("bitmod-fp4", load_layer(LAYER).weight[:1, :PRODUCTS])
    assert quantized.selectors is not None
    names = [quantized.scheme.elements[choice] for choice in quantized.selectors[0]]
    found = [
        [terms(get(names[k // quantized.group]), int(quantized.codes[0, k + lane])) for lane in range(4)]
        for k in range(0, PRODUCTS, 4)
    ]
    for step, of_step in enumerate(found):
        for cycle in range(2):
            word = stimulus["terms"][2 * step + cycle]
            for lane, of_lane in enumerate(of_step):
                bits, term = word >> 4 * lane & 15, of_lane[cycle]
                assert bits >> 1 == (term.mantissa << term.exponent)
                assert not term.mantissa or bits & 1 == term.sign
    # The controls of the second stage are a cycle behind.
    assert stimulus["cycle"][:4] == [1, 0, 1, 0]
    assert [index for index, last in enumerate(stimulus["last"]) if last] == [0, 64, 128, 192]


def test_activations_are_those_of_the_layer():
    config = BitSerialConfig()
    stimulus = serial_stimulus(config)
    codes = golden.encode("FP16", load_layer(LAYER).held_out[:1, :PRODUCTS])
    wanted = align(config, codes, [128] * 4).values[0]
    mask = (1 << 17) - 1
    for step in range(0, len(wanted), 7):
        for lane in range(4):
            for cycle in (0, 1):
                both = stimulus["activations"][2 * step + cycle] >> 34 * lane
                assert (both & mask, both >> 17 & mask) == (
                    int(wanted[step, lane]) & mask,
                    int(-wanted[step, lane]) & mask,
                )
