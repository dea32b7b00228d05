"""The configuration object: one line per bad field, widths at their boundary, TOML, presets, round trips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from bitmill import BitmillError, ExactAccumulator, FloatAccumulator, MacConfig, formats, preset
from bitmill.config import MAX_EXACT_BITS
from bitmill.config.presets import L_MUL_UNITS, PRESETS, REPORT_PAIRS, TILES, UNITS, any_preset
from bitmill.golden import dot

GOOD: dict[str, Any] = {"weight": "E2M1", "activation": "E4M3"}


def test_defaults() -> None:
    config = MacConfig(**GOOD)
    assert (config.unit, config.lanes, config.k_max, config.multiplier) == ("mac", 1, 4096, "logic")
    assert config.accumulator == ExactAccumulator()
    assert config.weight_format is formats.get("E2M1")
    assert config.product.min_exponent == -1 - 9


def test_format_names_become_canonical() -> None:
    config = MacConfig(weight="fp4", activation="e4m3fn")
    assert (config.weight, config.activation) == ("E2M1", "E4M3")


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"weight": "E9M9"}, r"weight: .*not 'E9M9'"),
    ({"weight": 4}, r"weight: .*string, not 4"),
    ({"activation": "E8M0"}, r"activation: must be a format with a zero, or with numbers of both signs, not 'E8M0'"),
    ({"unit": "systolic"}, r"unit: .*'mac'.*'dot'.*'array', not 'systolic'"),
    ({"unit": "array", "rows": 0}, r"rows: .*at least 1, not 0"),
    ({"unit": "array", "cols": 0}, r"cols: .*at least 1, not 0"),
    ({"unit": "array", "cols": 257}, r"cols: .*at most 256, not 257"),
    ({"pipeline": 4}, r"pipeline: must be 0 to 3, or a list of some of 'multiply', .* each once, not 4"),
    ({"pipeline": -1}, r"pipeline: must be 0 to 3, or .*, not -1"),
    ({"unit": "array", "pipeline": True}, r"pipeline: must be 0 to 3, or .*, not True"),
    ({"unit": "array", "rows": 2.5}, r"rows: must be an integer from 1 to 256, not 2\.5"),
    ({"unit": "array", "lanes": 0}, r"lanes: .*at least 1, not 0"),
    ({"unit": "dot", "lanes": 4, "rows": 2}, r"rows must be 1 for unit 'dot', not 2"),
    ({"cols": 2}, r"cols must be 1 for unit 'mac', not 2"),
    ({"unit": "dot", "lanes": 0}, r"lanes: .*at least 1, not 0"),
    ({"unit": "dot", "lanes": 1025}, r"lanes: .*at most 1024, not 1025"),
    ({"unit": "dot", "lanes": "8"}, r"lanes: must be an integer from 1 to 1024, not '8'"),
    ({"unit": "dot", "lanes": True}, r"lanes: must be an integer from 1 to 1024, not True"),
    ({"lanes": 4}, r"lanes must be 1 for unit 'mac', not 4"),
    ({"k_max": 0}, r"k_max: .*at least 1, not 0"),
    ({"k_max": 2**24 + 1}, r"k_max: .*at most 16777216, not 16777217"),
    ({"k_max": 7.5}, r"k_max: must be an integer from 1 to 16777216, not 7\.5"),
    ({"unit": "dot", "lanes": 32, "k_max": 31}, r"k_max must be at least lanes = 32, not 31"),
    ({"multiplier": "booth"}, r"multiplier: .*'logic'.*'operator'.*'columns'.*'digits'.*, not 'booth'"),
    ({"aligner": "sorted"}, r"aligner: .*'grouped'.*'barrel'.*'placed'.*'binned'.*, not 'sorted'"),
    ({"aligner": "barrel"}, r"aligner must be 'grouped' for 1 lane, not 'barrel'"),
    (
        {"unit": "dot", "lanes": 4, "multiplier": "columns"},
        r"multiplier must be 'logic' or 'operator' for pairs that are not of signed integers, not 'columns'",
    ),
    (
        {"unit": "dot", "lanes": 4, "aligner": "placed", "accumulator": {"kind": "window", "width": 24}},
        r"aligner must be 'grouped' for a window accumulator, not 'placed'",
    ),
    *(
        (
            {"weight": weight, "activation": activation, "unit": "dot", "lanes": 4, "aligner": "binned"},
            r"aligner must be 'grouped' for pairs that are not of signs, magnitudes and exponents, not 'binned'",
        )
        for weight, activation in (("INT8", "INT8"), ("E4M3", "INT4"))
    ),
    *(
        (
            {"weight": weight, "activation": "INT8", "unit": "dot", "lanes": 4, "multiplier": "columns"},
            r"multiplier must be 'logic' or 'operator' for pairs that are not of signed integers, not 'columns'",
        )
        for weight in ("E4M3", "E1M1", "E2M1")
    ),
    ({"accumulator": {"kind": "saturating"}}, r"accumulator\.kind: .*'exact'.*'float'.*saturating"),
    ({"accumulator": {"width": 40}}, r"accumulator\.kind: .*left out"),
    ({"accumulator": {"kind": "float", "format": "E4M3"}}, r"accumulator\.format: .*'FP16' or 'BF16', not 'E4M3'"),
    ({"accumulator": {"kind": "float", "fused": 0}}, r"accumulator\.fused: .*at least 1, not 0"),
    (
        {"accumulator": {"kind": "float", "fused": 4097}},
        r"accumulator\.fused must be a multiple of lanes = 1 and at most k_max = 4096, not 4097",
    ),
    (
        {"unit": "dot", "lanes": 8, "accumulator": {"kind": "float", "fused": 4}},
        r"accumulator\.fused must be a multiple of lanes = 8 and at most k_max = 4096, not 4",
    ),
    (
        {"unit": "dot", "lanes": 8, "accumulator": {"kind": "float", "fused": 12}},
        r"accumulator\.fused must be a multiple of lanes = 8 and at most k_max = 4096, not 12",
    ),
    (
        {"accumulator": {"kind": "float", "rounding": "up"}},
        r"accumulator\.rounding: .*'nearest-even' or 'truncate', not 'up'",
    ),
    ({"accumulator": {"kind": "exact", "rounding": "truncate"}}, r"field 'accumulator\.rounding' is unknown"),
    (
        {"scale": "INT8"},
        r"scale: must be 'none' or a format .* such as 'E8M0' or 'E4M3', of positive .* magnitudes, not 'INT8'",
    ),
    ({"scale": "FP32"}, r"scale: must be 'none' or a format of at most 16 bits .*, not 'FP32'"),
    ({"scale": "E4M"}, r"scale: must be 'none' or a format .*: format must be a known name .*, not 'E4M'"),
    ({"block": 32}, r"block must be left out for scale 'none', not 32"),
    (
        {"scale": "E4M3", "unit": "dot", "lanes": 32, "block": 16, "accumulator": {"kind": "float"}},
        r"block must be a multiple of lanes = 32, as a step has one scale of each operand, not 16",
    ),
    (
        {"scale": "E4M3", "unit": "dot", "lanes": 3, "block": 0, "accumulator": {"kind": "float"}},
        r"block: must be at least 1, not 0",
    ),
    ({"scale": "E8M0"}, r"accumulator\.kind must be 'float' for scale 'E8M0', not 'exact'"),
    (
        {"scale": "E8M0", "accumulator": {"kind": "window", "width": 24}},
        r"accumulator\.kind must be 'float' for scale 'E8M0', not 'window'",
    ),
    (
        {"scale": "E8M0", "weight": "BF16", "activation": "BF16", "accumulator": {"kind": "float", "fused": 64}},
        r"accumulator\.fused must be left out for scale 'E8M0' where .* more than 1024 bits, not 64 of 10\d\d bits",
    ),
    ({"accumulator": {"kind": "fixed", "width": 20}}, r"field 'accumulator\.overflow' is required"),
    ({"accumulator": {"kind": "fixed", "overflow": "wrap"}}, r"field 'accumulator\.width' is required"),
    (
        {"accumulator": {"kind": "fixed", "width": 20, "overflow": "clip"}},
        r"accumulator\.overflow: .*'saturate' or 'wrap', not 'clip'",
    ),
    (
        {"accumulator": {"kind": "fixed", "width": 1, "overflow": "wrap"}},
        r"accumulator\.width: .*at least 2, not 1",
    ),
    (
        {"accumulator": {"kind": "fixed", "width": 1025, "overflow": "wrap"}},
        r"accumulator\.width: .*at most 1024, not 1025",
    ),
    ({"accumulator": {"kind": "window"}}, r"field 'accumulator\.width' is required"),
    ({"accumulator": {"kind": "window", "width": 3}}, r"accumulator\.width: .*at least 4, not 3"),
    ({"accumulator": {"kind": "window", "width": 49}}, r"accumulator\.width: .*at most 48, not 49"),
    ({"accumulator": {"kind": "window", "width": 24, "sticky": True}}, r"field 'accumulator\.sticky' is unknown"),
    ({"accumulator": {"kind": "exact", "width": 0}}, r"accumulator\.width: .*at least 1, not 0"),
    (
        {"accumulator": {"kind": "exact", "width": 3}},
        r"accumulator\.width must be at least \d+ for k_max = 4096, not 3",
    ),
    ({"accumulator": {"kind": "exact", "width": 1025}}, r"accumulator\.width must be at most 1024; .*not 1025"),
    (
        {"lane": 4},
        r"field 'lane' is unknown; accepted are weight, activation, unit, rows, cols, lanes, k_max, accumulator, pipeline, "
        r"multiplier, aligner, reduction, scale, block, saturated, product_rule, product_offset, formats; did you mean lanes\?$",
    ),
    ({"accumulator": {"kind": "exact", "bits": 9}}, r"field 'accumulator\.bits' is unknown"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_FIELDS)
def test_init_wrong_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError, match=rf"^here: {message}") as caught:
        MacConfig.from_dict(GOOD | fields, source="here")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValidationError):
        MacConfig(**(GOOD | fields))


@pytest.mark.parametrize("missing", ["weight", "activation"])
def test_init_wrong_missing_field(missing: str) -> None:
    fields = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(BitmillError, match=rf"^configuration: field '{missing}' is required$"):
        MacConfig.from_dict(fields)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        MacConfig(**GOOD).lanes = 2  # pyright: ignore[reportAttributeAccessIssue]


KINDS: list[tuple[dict[str, Any], str, int]] = [
    ({"kind": "fixed", "width": 20, "overflow": "saturate"}, "20-bit saturating accumulator", 20),
    ({"kind": "fixed", "width": 33, "overflow": "wrap"}, "33-bit wrapping accumulator", 33),
    # E2M1 x E4M3: exponents 2**-10 and 16 above, 6-bit products, 8 lanes; 54 fields and the reserved top one are 6 bits.
    ({"kind": "window", "width": 24}, "24-bit window accumulator", 1 + 6 + 23),
    ({"kind": "float", "format": "FP16"}, "FP16 accumulator", 16),
    ({"kind": "float", "format": "BF16"}, "BF16 accumulator", 16),
    ({"kind": "float", "format": "FP32", "fused": 64}, "FP32 accumulator fused over 64 products", 32),
    ({"kind": "float", "format": "FP16", "rounding": "truncate"}, "FP16 truncating accumulator", 16),
    ({"kind": "window", "width": 24, "rounding": "truncate"}, "24-bit truncating window accumulator", 1 + 6 + 23),
]


@pytest.mark.parametrize(("fields", "title", "bits"), KINDS)
def test_every_kind_of_accumulator(fields: dict[str, Any], title: str, bits: int, tmp_path: Path) -> None:
    config = MacConfig.from_dict(GOOD | {"unit": "dot", "lanes": 8, "accumulator": fields})
    assert config.title == f"E2M1 x E4M3 dot8, {title}"
    assert config.accumulator_bits == bits
    assert config.accumulator.is_float == (config.accumulator_format is not None)
    assert MacConfig.from_toml(write(tmp_path, config.to_toml())) == config
    assert MacConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.to_dict()["accumulator"] == fields


def test_the_usual_rounding_is_not_written(tmp_path: Path) -> None:
    for kind in ({"kind": "float", "format": "FP32"}, {"kind": "window", "width": 9}):
        config = MacConfig.from_dict({**GOOD, "accumulator": {**kind, "rounding": "nearest-even"}})
        assert config == MacConfig.from_dict({**GOOD, "accumulator": kind})
        assert config.to_dict()["accumulator"] == kind
        assert config.accumulator.model_dump(exclude_none=True) == kind


def test_too_wide_exact_accumulators_are_refused() -> None:
    assert MacConfig(weight="FP32", activation="FP32").accumulator_bits == 567
    assert MacConfig(**GOOD, accumulator=ExactAccumulator(width=MAX_EXACT_BITS)).accumulator_bits == 1024


def extreme_codes(name: str) -> tuple[int, int]:
    """The codes of the least and the greatest value, by looking at all of them."""
    fmt = formats.get(name)
    values = {code: item.value for code in range(1 << fmt.bits) if (item := fmt.decode(code)).special is None}
    return min(values, key=lambda code: values[code]), max(values, key=lambda code: values[code])


@pytest.mark.parametrize(
    ("lanes", "k_max"), [(1, 1), (1, 7), (1, 8), (1, 9), (1, 4095), (1, 4096), (1, 4097), (4, 13), (32, 100)]
)
@pytest.mark.parametrize(
    ("weight", "activation"), [*REPORT_PAIRS, ("UINT4", "UINT8"), ("INT8", "UINT8"), ("E1M1", "INT3")]
)
def test_the_width_holds_the_worst_dot_product_and_one_bit_less_does_not(
    weight: str, activation: str, lanes: int, k_max: int
) -> None:
    fields = {"weight": weight, "activation": activation, "unit": "mac" if lanes == 1 else "dot", "lanes": lanes}
    config = MacConfig(**fields, k_max=k_max)
    assert config.padded_k_max - lanes < k_max <= config.padded_k_max == config.max_steps * lanes
    bits = config.accumulator_bits
    wide = MacConfig(**fields, k_max=k_max, accumulator=ExactAccumulator(width=bits + 40))
    sums = []
    for w in extreme_codes(weight):
        for a in extreme_codes(activation):
            codes = [np.full((1, config.padded_k_max), code) for code in (w, a)]
            result = dot(config, *codes)
            assert not result.too_long[0]
            assert int(result.value[0]) == int(dot(wide, *codes).value[0])
            sums.append(int(result.value[0]))
    half = 1 << (bits - 2)
    assert min(sums) < -half or max(sums) >= half, "one bit less would do"
    given = MacConfig(**fields, k_max=k_max, accumulator=ExactAccumulator(width=bits))
    assert given.accumulator_bits == bits
    narrow = {**fields, "k_max": k_max, "accumulator": {"kind": "exact", "width": bits - 1}}
    with pytest.raises(
        BitmillError, match=rf"accumulator\.width must be at least {bits} for k_max = {k_max}, not {bits - 1}"
    ):
        MacConfig.from_dict(narrow)


@pytest.mark.parametrize("edge", [2, 4, 64, 1024])
def test_one_more_product_needs_one_more_bit_at_the_edge(edge: int) -> None:
    """INT4: -8 * -8 = 64, so k products reach 64 k, which needs a further bit from each power of two on."""
    bits = [MacConfig(weight="INT4", activation="INT4", k_max=k).accumulator_bits for k in (edge - 1, edge)]
    assert bits[1] == bits[0] + 1


def write(folder: Path, text: str) -> Path:
    path = folder / "unit.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_from_toml(tmp_path: Path) -> None:
    text = 'weight = "E2M1"\nactivation = "FP4"\nunit = "dot"\nlanes = 32\n[accumulator]\nkind = "exact"\nwidth = 40\n'
    expected = MacConfig(weight="E2M1", activation="E2M1", unit="dot", lanes=32, accumulator=ExactAccumulator(width=40))
    assert MacConfig.from_toml(write(tmp_path, text)) == expected
    assert MacConfig.from_toml(str(tmp_path / "unit.toml")) == expected


def test_from_toml_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(BitmillError, match=r"none\.toml: cannot read the configuration: No such file"):
        MacConfig.from_toml(tmp_path / "none.toml")
    with pytest.raises(BitmillError, match=r"must be a regular file, not a directory"):
        MacConfig.from_toml(tmp_path)
    with pytest.raises(BitmillError, match=r"unit\.toml: not a TOML file: .*line 1"):
        MacConfig.from_toml(write(tmp_path, "weight = \n"))
    with pytest.raises(BitmillError, match=r"unit\.toml: field 'activation' is required"):
        MacConfig.from_toml(write(tmp_path, 'weight = "INT8"'))
    (tmp_path / "bytes.toml").write_bytes(b"weight = '\xff'")
    with pytest.raises(BitmillError, match=r"bytes\.toml: not a TOML file"):
        MacConfig.from_toml(tmp_path / "bytes.toml")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_a_round_trip(name: str) -> None:
    config = any_preset(name)
    again = type(config).from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert hash(again) == hash(config)
    assert config.title


def test_presets_cover_the_report_pairs() -> None:
    plain = {name: config for name, config in UNITS.items() if name not in L_MUL_UNITS}
    units = {name: config for name, config in plain.items() if config.unit != "array" and config.scale == "none"}
    assert len(units) == 3 * len(REPORT_PAIRS)
    assert {(c.weight, c.activation) for c in units.values()} == set(REPORT_PAIRS)
    assert preset("e4m3-dot32").lanes == 32
    assert preset("e2m1xe4m3-mac-fp32").accumulator == FloatAccumulator()
    assert preset("e2m1xe4m3-mac-fp32").accumulator_bits == 32


def test_presets_of_mx_blocks() -> None:
    scaled = [config for config in UNITS.values() if config.scale != "none"]
    blocks = [config for config in scaled if config.lanes == 32]
    assert [config.weight for config in blocks] == ["E2M1", "E2M3", "E4M3", "INT8"]
    assert {(config.scale, config.block_size) for config in scaled if config not in blocks} == {
        ("E8M0", 32),
        ("E8M0", 16),
        ("E4M3", 16),
    }
    assert {config.accumulator for config in scaled} == {FloatAccumulator()}
    assert preset("mxfp4-dot32").scale_format is formats.get("E8M0")
    assert preset("mxfp4-dot32").to_dict()["scale"] == "E8M0"
    assert "scale" not in preset("e2m1-dot32").to_dict()
    assert preset("e2m1-dot32").scale_format is None


def test_wrong_preset() -> None:
    with pytest.raises(BitmillError, match=r"preset must be one of int4-mac, .*, not 'int9'"):
        preset("int9")
    with pytest.raises(BitmillError, match=r"preset must be .*did you mean bitmod-pe, bitmod-8x8\? .*, not 'bitmod'"):
        any_preset("bitmod")
    with pytest.raises(
        BitmillError, match=r"^preset must be a MAC, a dot product or an array, not the bit-serial 8x8 .*'$"
    ):
        preset("bitmod-8x8")


def test_presets_of_tiles() -> None:
    assert TILES["bitmod-8x8"].title == "bit-serial 8x8 tile of 4 lanes, FP16 activations, 16-bit window"
    assert TILES["bitmod-pe"].macs == 4
    assert {config.activation for config in TILES.values()} == {"FP16", "BF16", "INT8"}
    assert any_preset("bitmod-int8-8x8") is TILES["bitmod-int8-8x8"]


def test_titles() -> None:
    assert preset("e4m3-mac").title == "E4M3 MAC, exact 49-bit accumulator"
    assert preset("int4xint8-mac-fp32").title == "INT4 x INT8 MAC, FP32 accumulator"
    assert preset("e2m1-dot32").title.startswith("E2M1 dot32, exact ")
