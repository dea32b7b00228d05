"""What the cost models read of a unit: every field and every format, or a refusal."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bitmill import BitmillError, formats
from bitmill.config import (
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    MacConfig,
    WindowAccumulator,
)
from bitmill.formats import Codebook
from bitmill.fpga.cost import features as of_units
from bitmill.fpga.cost.features import KNOWN_FIELDS, MAX_LANES, check_known, features
from bitmill.fpga.cost.few_values import choices
from bitmill.fpga.cost.lane_parts import _decoder
from bitmill.fpga.cost.measured_units import FITTED, Units
from bitmill.fpga.cost.model import described
from bitmill.fpga.cost.reckoned import RECKONED
from bitmill.fpga.cost.space import unit as drawn
from bitmill.hdl.emit.verilog import emit
from bitmill.studies.cost.__main__ import FOLDER

from .cost_units import unit


def test_what_an_integer_dot_product_is_made_of():
    found = features(unit("INT8", 4))
    # Four digits of two bits, each a row of nine bits, the lowest digit being the bits themselves;
    # two adders of ten bits and one of 13 join them; four lanes.
    assert (found["digits"], found["digit row"], found["digit top"]) == (4 * 3, 4 * 3 * 9, 4 * 9)
    assert found["digit add"] == 4 * (10 + 10 + 13)
    # -128 * -128 takes 16 bits: two adders of 17 bits and one of 18; 4096 such sums take 28 bits.
    assert (found["tree add"], found["tree adders"]) == (17 + 17 + 18, 3)
    assert found["accumulate"] == 28
    assert found["count"] == 11
    assert not {name for name in found if "float" in name or "shift" in name or "half" in name}


def test_what_a_minifloat_mac_is_made_of():
    found = features(unit("E2M1", pipeline=0))
    # Two-bit significands make products up to 9 in 4 bits, moved by a 3-bit exponent: steps of 1 place, 5 bits, and of 2, 7 bits,
    # and the last bit in groups of 4: 9 bits and 2 bits of the exponents' offset are three groups.
    assert found["shift"] == 5 + 7
    assert (found["group bits"], found["group places"]) == (11, 3)
    assert found["product of four"] == 4
    assert found["exponent sum"] == 3
    assert "tree add" not in found


def test_a_choice_is_a_node_of_the_decision_diagram():
    assert choices((0, 0, 0, 0)) == 0
    assert choices((0, 1, 0, 1)) == 1  # the lowest bit of the code itself
    assert choices((0, 1, 1, 0)) == 3  # an exclusive or
    assert _decoder(formats.get("TERNARY"))["decode NaN"] == 2


def test_registers_are_counted_nearly_all():
    """Synthesis drops a few that are constant or copies of others; half of all units have exactly those that are counted."""
    off = []
    for found in Units.load(FOLDER / FITTED).synthesized[::3]:
        config = MacConfig.from_dict(found.config)
        counted = features(config)
        total = counted["registers that move"] + counted["registers in steps"]
        off.append(total / found.cells["generic"][1] - 1)
    assert sorted(map(abs, off))[len(off) // 2] < 1e-9
    assert sum(abs(error) <= 0.05 for error in off) >= 0.96 * len(off)
    assert max(map(abs, off)) <= 0.15


# Two values of every field that differ in more than the hardware forgets, and the rest of a unit that both are valid in.
_FLOAT, _FUSED = {"kind": "float"}, {"kind": "float", "fused": 12}
_FIXED = {"kind": "fixed", "width": 20, "overflow": "saturate"}
_WINDOW = {"kind": "window", "width": 16}
FIELDS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "MacConfig": {
        "weight": [{"weight": "INT8"}, {"weight": "E4M3"}],
        "activation": [{"activation": "INT8"}, {"activation": "NF4"}],
        "unit": [{"unit": "dot"}, {"unit": "array"}],
        "rows": [{"unit": "array", "rows": 1}, {"unit": "array", "rows": 2}],
        "cols": [{"unit": "array", "cols": 1}, {"unit": "array", "cols": 2}],
        "lanes": [{"lanes": 4}, {"lanes": 5}],
        "k_max": [{"k_max": 100}, {"k_max": 10_000}],
        "accumulator": [{"accumulator": _FLOAT}, {"accumulator": _FIXED}],
        "pipeline": [{"pipeline": depth} for depth in range(4)],
        "multiplier": [{"multiplier": style} for style in ("logic", "operator", "columns")],
        "aligner": [
            {"weight": "E4M3", "activation": "E4M3", "aligner": style}
            for style in ("grouped", "barrel", "placed", "binned")
        ],
        "reduction": [{"reduction": "tree"}],
        "scale": [{"accumulator": _FLOAT}, {"accumulator": _FLOAT, "scale": "E8M0"}],
        "block": [{"accumulator": _FLOAT, "scale": "E8M0", "block": size} for size in (4, 8)],
        "saturated": [{"accumulator": _FIXED}, {"accumulator": _FIXED, "saturated": True}],
        "product_rule": [{"weight": "E4M3", "activation": "E4M3", "product_rule": rule} for rule in ("exact", "l-mul")],
        "product_offset": [
            {"weight": "E4M3", "activation": "E4M3", "product_rule": "l-mul", "product_offset": offset}
            for offset in (1, 2)
        ],
        "formats": [{"weight": "X", "formats": {"X": {"width": width}}} for width in (5, 6)],
    },
    "ExactAccumulator": {
        "kind": [{"accumulator": {"kind": "exact"}}, {"accumulator": _FLOAT}],
        "width": [{"accumulator": {"kind": "exact"}}, {"accumulator": {"kind": "exact", "width": 40}}],
    },
    "FixedAccumulator": {
        "kind": [{"accumulator": _FIXED}, {"accumulator": _WINDOW}],
        "width": [{"accumulator": _FIXED}, {"accumulator": {**_FIXED, "width": 21}}],
        "overflow": [{"accumulator": _FIXED}, {"accumulator": {**_FIXED, "overflow": "wrap"}}],
        "lsb": [{"accumulator": _FIXED}, {"accumulator": {**_FIXED, "lsb": 3}}, {"accumulator": {**_FIXED, "lsb": 9}}],
    },
    "WindowAccumulator": {
        "kind": [{"accumulator": _WINDOW}, {"accumulator": _FLOAT}],
        "width": [{"accumulator": _WINDOW}, {"accumulator": {**_WINDOW, "width": 20}}],
        "rounding": [{"accumulator": _WINDOW}, {"accumulator": {**_WINDOW, "rounding": "truncate"}}],
    },
    "FloatAccumulator": {
        "kind": [{"accumulator": _FLOAT}, {"accumulator": _WINDOW}],
        "format": [{"accumulator": {"kind": "float", "format": name}} for name in ("FP32", "FP16", "BF16")],
        "fused": [{"accumulator": _FLOAT}, {"accumulator": _FUSED}, {"accumulator": {**_FUSED, "fused": 40}}],
        "rounding": [{"accumulator": _FLOAT}, {"accumulator": {**_FLOAT, "rounding": "truncate"}}],
    },
}
CLASSES = (MacConfig, ExactAccumulator, FixedAccumulator, WindowAccumulator, FloatAccumulator)


@pytest.mark.parametrize(
    ("owner", "field"), [(owner, field) for owner in CLASSES for field in owner.model_fields], ids=str
)
def test_every_field_is_read_or_refused(owner, field):
    """A new field of a configuration class fails here until the models know it, or it is refused."""
    assert field in FIELDS[owner.__name__], f"say two values of {owner.__name__}.{field} that differ in hardware"
    seen = []
    for changed in FIELDS[owner.__name__][field]:
        whole = {"weight": "INT8", "activation": "INT8", "unit": "dot", "lanes": 4, "k_max": 2000, **changed}
        config = MacConfig.from_dict(whole)
        if config.unit == "array":
            with pytest.raises(BitmillError, match="unit must be 'mac' or 'dot' to be estimated, not 'array'"):
                described(config)
            seen.append(({}, {field: len(seen)}))
        elif config.block is not None:
            with pytest.raises(BitmillError, match="block must be None to be estimated, not 8"):
                described(config)
            seen.append(({}, {field: len(seen)}))
        elif config.rule.title:
            with pytest.raises(BitmillError, match=r"product_rule must be 'exact' to be estimated, not 'l-mul'"):
                described(config)
            seen.append(({}, {field: len(seen)}))
        else:
            seen.append(described(config))
    assert all(one != other for one, other in itertools.combinations(seen, 2)), seen


def test_a_mac_and_a_dot_product_of_one_lane_are_the_same_hardware():
    mac, dot = (MacConfig(weight="INT4", activation="INT4", unit=kind) for kind in ("mac", "dot"))
    assert described(mac) == described(dot)
    bodies = [emit(config).partition("/* verilator lint_off DECLFILENAME")[2] for config in (mac, dot)]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("owner", "name", "config", "message"),
    [
        ("unit", "saturated", unit("INT8", 2, FixedAccumulator(width=9, overflow="wrap"), saturated=True),
         "saturated must be False to be estimated, not True"),
        ("unit", "pipeline", unit("INT8", pipeline=1), "pipeline must be 3 to be estimated, not 1"),
        ("fixed", "lsb", unit("INT8", 1, FixedAccumulator(width=9, overflow="wrap", lsb=2)),
         "accumulator.lsb must be None to be estimated, not 2"),
        ("window", "width", unit("INT8", 1, WindowAccumulator(width=9)),
         "accumulator.width must be left out to be estimated, not 9"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_known_is_refused(owner, name, config, message, monkeypatch):
    features(config)
    fewer = {**KNOWN_FIELDS, owner: KNOWN_FIELDS[owner] - {name}}
    monkeypatch.setattr(of_units, "KNOWN_FIELDS", fewer)
    with pytest.raises(BitmillError, match=message):
        check_known(config)
    if owner == "unit":
        check_known(unit("INT8", 2))


def test_more_lanes_than_were_measured_are_refused():
    features(unit("INT2", MAX_LANES))
    with pytest.raises(BitmillError, match=f"^lanes must be at most {MAX_LANES} to be estimated, not {MAX_LANES + 1}$"):
        features(unit("INT2", MAX_LANES + 1))


def test_scales_that_were_not_measured_are_refused():
    scaled = {"weight": "E2M1", "activation": "E2M1", "unit": "dot", "lanes": 4, "accumulator": _FLOAT}
    features(MacConfig.from_dict({**scaled, "scale": "E8M0"}))
    for more, message in (
        ({"scale": "E4M3"}, "scale must be one of 'none', 'E8M0' to be estimated, not 'E4M3'"),
        (
            {"scale": "E8M0", "accumulator": {"kind": "float", "fused": 8}},
            "accumulator.fused must be left out for scale 'E8M0' to be estimated, not 8",
        ),
        ({"scale": "E8M0", "unit": "array"}, "unit must be 'mac' or 'dot' to be estimated, not 'array'"),
    ):
        with pytest.raises(BitmillError, match=f"^{message}"):
            features(MacConfig.from_dict({**scaled, **more}))


def test_every_format_of_the_catalog_is_read():
    rows = map(formats.get, formats.names())
    names = [fmt.name for fmt in rows if fmt.zero_code is not None and fmt.bits > 1]
    seen: dict[tuple[Any, ...], str] = {}
    for name in names:
        found = described(unit("INT5", 3, activation=name))
        found_too = described(unit(name, 3, activation="INT5"))
        assert found[0]
        assert found_too[0]
        key = tuple(tuple(part.items()) for part in found)
        # The code of minus zero instead of that of the greatest number: one comparison with a constant either way.
        assert key not in seen or {seen[key], name} == {"E4M3", "E4M3FNUZ"}
        seen[key] = name


def test_a_codebook_is_known_by_its_values(monkeypatch):
    row = Codebook(name="MINE", values=(0, 1, 5, 7, 0, -1, -5, -7))
    assert _decoder(row) != _decoder(Codebook(name="OTHER", values=(0, 1, 2, 4, 0, -1, -2, -4)))
    with pytest.raises(BitmillError, match="format WIDE must have at most 8 bits to be estimated, not 9"):
        _decoder(Codebook(name="WIDE", values=tuple(range(512))))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"width": 1, "signed": False}, "format X must have 2 to 16 bits to be estimated, not 1"),
        ({"width": 17}, "format X must have 2 to 16 bits to be estimated, not 17"),
        ({"values": list(range(32))}, "format X must have 2 to 4 bits to be estimated, not 5"),
        ({"values": [0, 1, 1 << 30, -1]}, "format X must have values on a grid of at most 24 bits to be estimated, not of 32"),
        ({"exponent_bits": 3, "mantissa_bits": 2, "bias": 150},
         r"format X must have numbers of 2\*\*-149 up to 2\*\*128 to be estimated, not of 2\*\*-151 up to 2\*\*-142"),
    ],
)  # fmt: skip
def test_formats_of_users_beyond_what_was_measured_are_refused(table, message):
    config = MacConfig.from_dict({"weight": "X", "activation": "INT8", "formats": {"X": table},
                                  "accumulator": {"kind": "float"}})  # fmt: skip
    with pytest.raises(BitmillError, match=message):
        features(config)


def test_every_feature_of_the_space_has_a_price_to_begin_with():
    for index in range(50):
        found, placed = described(drawn(5, index))
        assert set(found) <= set(RECKONED)
        assert all(value == value and abs(value) < 1e6 for value in placed.values())
