"""``bitmill generate`` of units of rows: constants and tables beside the Verilog, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from bitmill.config.family import FAMILIES, config_of
from bitmill.config.rows import ROW_KEYS, RootNormConfig


def signed(word, place, bits):
    field = word >> place & (1 << bits) - 1
    return field - (field >> bits - 1 << bits)


def generated(cli, tmp_path, **fields):
    (tmp_path / "unit.toml").write_text(config_of(fields).to_toml())
    done = cli("generate", tmp_path / "unit.toml", "-o", tmp_path / "out")
    assert (done.status, "Unused" in done.err) == (0, False)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    constants = json.loads((tmp_path / "out" / "constants.json").read_text())
    words = {
        name: [int(line, 16) for line in (tmp_path / "out" / table["file"]).read_text().splitlines()]
        for name, table in manifest["tables"].items()
    }
    assert {name: len(lines) for name, lines in words.items()} == {
        name: table["words"] for name, table in manifest["tables"].items()
    }
    return manifest, constants, words


def test_lines_are_gelu(cli, tmp_path):
    _, constants, words = generated(cli, tmp_path, unit="gelu", lanes=2, scale=0.05)
    step = constants["output_step"]
    for x in range(-128, 128):
        word, rest = words["lines"][x + 128 >> 3], x + 128 & 7
        line = (signed(word, 0, 9) << 2) + signed(word, 9, 5) * rest >> 3
        exact = x * 0.05 * (1 + math.erf(x * 0.05 / math.sqrt(2))) / 2
        assert abs(line * step - exact) < 1.2 * step


def test_channels_are_gamma_and_beta(cli, tmp_path):
    gamma, beta = [1.0, -0.5, 2.0, 0.25], [0.0, 1.0, -1.5, 3.0]
    layer = {"gamma": gamma, "beta": beta, "output_scale": 0.03125}
    manifest, constants, words = generated(cli, tmp_path, unit="rmsnorm", lanes=2, max_length=4, **layer)
    bits = manifest["tables"]["channels"]["fields"]
    shift = constants["constants"]["shift"] + 14 - 1 + 9 - 8  # least_shift of 14 multiplier bits, 9 fraction, 8 output
    units = np.array([2.0 ** (9 - shift), 2.0**-shift]) * 0.03125
    for word, *wanted in zip(words["channels"], gamma, beta, strict=True):
        found = signed(word, 0, bits["multiplier"]), signed(word, bits["multiplier"], bits["bias"])
        assert np.allclose(np.array(found) * units, wanted, atol=units.max())
    port = int(constants["ports"]["constants"], 16)
    assert port == constants["constants"]["epsilon"] | constants["constants"]["shift"] << 16 + 2 * 8 - 2


def test_softmax_has_its_table_and_slope(cli, tmp_path):
    manifest, constants, words = generated(cli, tmp_path, unit="softmax", lanes=1, max_length=4, scale=1 / 32)
    assert words["powers"] == [round(64 * 2 ** (-i / 8)) for i in range(8)]
    assert constants["constants"] == {"slope": round(math.log2(math.e) / 32 * 2**13)}
    assert manifest["run_time_constants"] == {"file": "constants.json", "ports": {"constants": 13}}
    rows = manifest["cycles_of_rows"]
    assert rows["first_result"]["per_beat"] == 2
    assert manifest["latency_cycles"] == 2 + rows["first_result"]["constant"]


def test_every_field_of_every_port_has_its_words(cli, tmp_path):
    for unit in ROW_KEYS:
        done = cli("generate", "--preset", f"{unit}-1", "-o", tmp_path / unit)
        assert (done.status, "Unused" in done.err) == (0, False)
        manifest = json.loads((tmp_path / unit / "manifest.json").read_text())
        verilog = (tmp_path / unit / "bitmill_top.v").read_text()
        for port in manifest["ports"]:
            assert f" {port['name']};" in verilog or f" {port['name']}," in verilog
            assert all(field["meaning"] and "{" not in field["meaning"] for field in port.get("fields", []))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unit": "softmax", "lanes": 0}, "lanes: must be at least 1, not 0"),
        ({"unit": "softmax", "scale": 9.0}, "scale must be from 4.23e-05 to 0.693063 for a slope of 13 bits, not 9.0"),
        ({"unit": "softmax", "scale": math.nan}, "scale: must be a finite number, not nan"),
        ({"unit": "softmax", "entry_bits": 30}, "entry_bits must be an integer from 9 to 14, not 30"),
        ({"unit": "softmax", "max_lenght": 4}, "field 'max_lenght' is unknown; accepted are unit, lanes, max_length"),
        ({"unit": "shiftmax", "x0_bits": 17}, "x0_bits must be 1 to 16 for 15 fraction bits, not 17"),
        ({"unit": "shiftmax", "scale": 1e-3}, "x0_bits must be at least 10 for x0 = 1000 of this scale, not 9"),
        ({"unit": "gelu", "output_scale": 0.01}, "scale and output_scale must let outputs rise by at most 1.875 a step"),
        ({"unit": "gelu", "table": "rom"}, "table: must be 'registers' or 'memory', not 'rom'"),
        ({"unit": "shift-gelu", "maximum": "row"}, "max_length must be given with maximum 'row', not left out"),
        ({"unit": "shift-gelu", "max_length": 4}, "max_length must be left out with maximum 'element', not 4"),
        ({"unit": "layernorm", "lanes": 7}, "max_length must be a multiple of lanes = 7, not 384"),
        ({"unit": "layernorm", "gamma": [1, 2]}, "gamma must hold 1 or max_length = 384 values, not 2"),
        ({"unit": "rmsnorm", "gamma": [1e9]}, "gamma / output_scale must be within 255.969, not 16000000000.0"),
        ({"unit": "rmsnorm", "beta": [-1e9]}, "beta / output_scale must be within "),
        ({"unit": "rmsnorm", "epsilon": 1e9}, "epsilon / scale**2 must be from 0 to less than 16384, the greatest variance"),
        ({"unit": "newton-norm", "gamma": [0.0]}, "gamma must not be 0: the bias is in units of gamma, not 0.0"),
        ({"unit": "newton-norm", "beta": [99.0]}, "beta / gamma must be within 39.1918, not 99.0"),
        ({"unit": "requantize", "ratio": 0.0}, "ratio must not be 0, not 0.0"),
        ({"unit": "requantize", "shift_bits": 2}, "ratio must be of about "),
        ({"unit": "parallel", "weight": "FP4"}, "weight: must be 'FP16', 'BF16', 'INT8', 'ANT' or 'OLIVE', not 'FP4'"),
        ({"unit": "soft-max"}, f"unit must be one of {', '.join(FAMILIES)}, not 'soft-max'"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(cli, tmp_path, fields, message):
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    (tmp_path / "unit.toml").write_text("\n".join(lines).replace("NaN", "nan") + "\n")
    done = cli("generate", tmp_path / "unit.toml", "-o", tmp_path / "out")
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_gates_are_counted_without_the_row_s_memory(cli, tmp_path):
    config = RootNormConfig(unit="rmsnorm", lanes=1, max_length=8, input_bits=4, multiplier_bits=5)
    (tmp_path / "unit.toml").write_text(config.to_toml())
    done = cli("synth", tmp_path / "unit.toml", "--target", "generic", "-o", tmp_path / "record.json")
    assert done.status == 0
    bits = 8 * (4 + 1 + 5 + config.widths.bias_bits)
    assert f"without {bits} bits of memories" in done.out
    assert json.loads((tmp_path / "record.json").read_text())["memory_bits_left_out"] == bits
