"""Test vectors as files, read back: formats against gfloat and ml_dtypes, blocks by the OCP's rule, a unit's RTL in Icarus."""

from __future__ import annotations

import json
import math
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import gfloat
import ml_dtypes
import numpy as np
import pytest
from gfloat import RoundMode
from gfloat.formats import (
    format_info_ocp_e2m1,
    format_info_ocp_e3m2,
    format_info_ocp_e4m3,
    format_info_ocp_e5m2,
)

from bitmill import formats, preset
from bitmill.cli import main
from bitmill.hdl.emit.verilog import emit
from bitmill.sim.vectors import format_vectors
from bitmill.system.tools import find_tool

FORMATS: dict[str, tuple[Any, Any]] = {
    "E4M3": (ml_dtypes.float8_e4m3fn, format_info_ocp_e4m3),
    "E5M2": (ml_dtypes.float8_e5m2, format_info_ocp_e5m2),
    "E3M2": (ml_dtypes.float6_e3m2fn, format_info_ocp_e3m2),
    "E2M1": (ml_dtypes.float4_e2m1fn, format_info_ocp_e2m1),
}
MODES = {
    "nearest-even": RoundMode.TiesToEven,
    "nearest-away": RoundMode.TiesToAway,
    "toward-zero": RoundMode.TowardZero,
    "floor": RoundMode.TowardNegative,
    "ceil": RoundMode.TowardPositive,
}


def words(directory: Path, name: str) -> list[int | None]:
    """What ``$readmemh`` reads of a file; None for x."""
    lines = (directory / f"{name}.hex").read_text().split()
    return [None if "x" in line else int(line, 16) for line in lines]


def doubles(directory: Path, name: str) -> np.ndarray:
    return np.array(words(directory, name), dtype=np.uint64).view(np.float64)


def written(target: str, directory: Path, *options: str) -> Path:
    assert main(["vectors", target, "-o", str(directory), *options]) == 0
    return directory


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_ml_dtypes_and_gfloat(name: str, tmp_path: Path) -> None:
    dtype, info = FORMATS[name]
    directory = written(name, tmp_path / "out")
    data = json.loads((directory / "vectors.json").read_text())
    bits = formats.get(name).bits
    theirs = np.arange(1 << bits, dtype=np.uint8).view(dtype).astype(np.float64)
    assert words(directory, "decode_code") == list(range(1 << bits))
    np.testing.assert_array_equal(doubles(directory, "decode_value"), theirs)
    inputs = doubles(directory, "encode_input")
    np.testing.assert_array_equal(inputs, [float.fromhex(number) for number in data["encode"]["inputs"]])
    assert set(np.signbit(inputs[np.isnan(inputs)])) == {False, True}
    assert {"nan", "-nan"} <= set(data["encode"]["inputs"])
    assert np.isinf(inputs).any()
    refused = 0
    for rounding, mode in MODES.items():
        for saturates, suffix in ((True, "saturate"), (False, "overflow")):
            codes = words(directory, f"encode_{rounding.replace('-', '_')}_{suffix}")
            assert codes == data["encode"]["codes"][rounding][suffix]
            there = np.array([code is not None for code in codes])
            wanted = gfloat.round_ndarray(info, inputs[there], mode, sat=saturates)
            np.testing.assert_array_equal(theirs[[code for code in codes if code is not None]], wanted)
            for number in inputs[~there].tolist():
                with pytest.raises(ValueError, match="NaN"):
                    gfloat.round_float(info, number, mode, saturates)
            refused += np.count_nonzero(~there)
    assert (refused > 100) == (not info.num_nans)


@pytest.mark.parametrize("name", ["E5M2", "INT4", "E2M1"])
def test_products_are_those_of_fractions(name: str) -> None:
    found = format_vectors(formats.get(name), seed=1).data["products"]
    values = [formats.get(name).decode(code) for code in range(1 << formats.get(name).bits)]
    assert len(found["product"]) == len(values) ** 2
    unit = Fraction(2) ** found["unit_exponent"]
    met = set()
    for a, b, product, special in zip(found["a"], found["b"], found["product"], found["special"], strict=True):
        wanted = float(values[a]) * float(values[b])
        met.add(special)
        if special:
            np.testing.assert_equal(wanted, [math.nan, math.inf, -math.inf][special - 1])
        else:
            assert product * unit == values[a].value * values[b].value
            assert -(1 << found["bits"] - 1) <= product < 1 << found["bits"] - 1
    assert met == ({0, 1, 2, 3} if name == "E5M2" else {0})


def test_mxfp4_blocks_are_the_ocps(tmp_path: Path) -> None:
    directory = written("mxfp4", tmp_path / "out")
    groups = (
        np.array(words(directory, "block_input"), dtype=np.uint32).view(np.float32).reshape(-1, 32).astype(np.float64)
    )
    codes = np.array(words(directory, "block_code"), dtype=np.uint8).reshape(-1, 32)
    values = doubles(directory, "block_value").reshape(-1, 32)
    scales = words(directory, "block_scale")
    assert len(scales) == len(groups) > 200
    assert {0, 254, 255} <= set(scales) or {0, 252, 255} <= set(scales)
    for group, scale, code, value in zip(groups, scales, codes, values, strict=True):
        assert scale is not None
        if not np.isfinite(group).all():
            assert scale == 255
            assert np.isnan(value).all()
            continue
        amax = np.abs(group).max()
        if amax:
            assert scale == np.clip(math.frexp(amax)[1] - 1 - 2, -127, 127) + 127
        step = math.ldexp(1.0, scale - 127)
        with np.errstate(over="ignore"):
            wanted = (group / step).astype(np.float32).astype(ml_dtypes.float4_e2m1fn)
        np.testing.assert_array_equal(code & 7, wanted.view(np.uint8) & 7)
        np.testing.assert_array_equal(value, wanted.astype(np.float64) * step)
    for name in ("element_decode_value", "scale_decode_value", "scale_encode_nearest_even_saturate"):
        assert (directory / f"{name}.hex").exists()


BENCH = """
module bench;
  reg clk = 0, rst = 1, i_valid = 0, o_ready = 1;
  reg [{input_bits}-1:0] inputs [0:{inputs}-1];
  reg [{output_bits}-1:0] outputs [0:{outputs}-1];
  wire i_ready, o_valid;
  wire [{output_bits}-1:0] o_payload;
  reg [31:0] sent = 0, got = 0, wrong = 0;
  bitmill_top unit (.clk(clk), .rst(rst), .i_payload(inputs[sent]), .i_valid(i_valid), .i_ready(i_ready),
                    .o_payload(o_payload), .o_valid(o_valid), .o_ready(o_ready));
  always #1 clk = ~clk;
  initial begin
    $readmemh("i_payload.hex", inputs);
    $readmemh("o_payload.hex", outputs);
    #10 rst = 0; i_valid = 1;
    #1000000 $finish;
  end
  always @(posedge clk) if (!rst) begin
    if (o_valid && o_ready) begin
      if (o_payload !== outputs[got]) wrong <= wrong + 1;
      got <= got + 1;
      if (got == {outputs} - 1) begin $display("done %0d wrong %0d", got + 1, wrong + (o_payload !== outputs[got])); $finish; end
    end
    if (i_valid && i_ready) begin
      sent <= sent + 1;
      if (sent == {inputs} - 1) i_valid <= 0;
    end
  end
endmodule
"""


def test_a_units_rtl_gives_its_vectors_in_icarus(tmp_path: Path) -> None:
    directory = written("e2m1-mac", tmp_path / "out")
    data = json.loads((directory / "vectors.json").read_text())
    ports = {port["name"]: port["width"] for port in data["ports"]}
    inputs, outputs = (len(data[name]) for name in ("i_payload", "o_payload"))
    assert sum(item["inputs"] for item in data["items"]) == inputs
    assert sum(item["outputs"] for item in data["items"]) == outputs > 130
    bench = BENCH.format(inputs=inputs, outputs=outputs, input_bits=ports["i_payload"], output_bits=ports["o_payload"])
    (directory / "bench.v").write_text(bench)
    (directory / "unit.v").write_text(emit(preset("e2m1-mac")))
    subprocess.run(
        [*find_tool("iverilog"), "-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v", "unit.v"],
        cwd=directory,
        check=True,
    )
    run = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=directory, check=True, capture_output=True, text=True)
    assert f"done {outputs} wrong 0" in run.stdout
    # And the bench sees a difference.
    lines = (directory / "o_payload.hex").read_text().split()
    lines[7] = f"{int(lines[7], 16) ^ 1:x}"
    (directory / "o_payload.hex").write_text("\n".join(lines))
    run = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=directory, check=True, capture_output=True, text=True)
    assert f"done {outputs} wrong 1" in run.stdout


def test_the_same_seed_gives_the_same_bytes_and_the_page_says_what_there_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[formats.MINE]\nvalues = [0, 1, -3, nan]\n")
    first, again, other = (
        written("mine", tmp_path / name, "--file", str(file), "--seed", seed)
        for name, seed in (("a", "5"), ("b", "5"), ("c", "6"))
    )
    names = sorted(path.name for path in first.iterdir())
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert (first / "encode_input.hex").read_bytes() != (other / "encode_input.hex").read_bytes()
    page = (first / "README.md").read_text()
    assert "# Test vectors: MINE, 2 bits" in page
    for name in set(names) - {"README.md", "vectors.json"}:
        assert f"`{name}`" in page
        assert len(words(first, name.removesuffix(".hex"))) == int(page.split(f"`{name}` | ")[1].split(" | ")[1])
    assert json.loads((first / "vectors.json").read_text())["format"]["values"] == [0, 1, -3, None]


def test_a_users_own_page_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("# Mine\n")
    assert main(["vectors", "INT2", "-o", str(tmp_path)]) == 2
    assert "README.md: must not be a file that bitmill did not write" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    directory = written("INT2", tmp_path / "out")
    written("INT2", directory, "--seed", "3")
    assert "seed 3" in (directory / "README.md").read_text()


@pytest.mark.parametrize("lost", [None, "README.md", "vectors.json"])
def test_vectors_of_another_target_are_not_mixed(
    lost: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = written("nvfp4", tmp_path / "out")
    if lost:
        (directory / lost).unlink()
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    capsys.readouterr()
    for other in ("E2M1", "mxfp4", "int8-mac"):
        assert main(["vectors", other, "-o", str(directory)]) == 2
        (message,) = capsys.readouterr().err.splitlines()[-1:]
        assert "must hold no vectors but those of" in message
        assert message.endswith("not one of 'nvfp4: 16 elements of E2M1, E4M3 scales'")
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    written("nvfp4", directory)


def test_json_of_others_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ('{"mine": 1}', "{"):
        (tmp_path / "vectors.json").write_text(text)
        assert main(["vectors", "INT2", "-o", str(tmp_path)]) == 2
        assert "not one of None" in capsys.readouterr().err
        assert (tmp_path / "vectors.json").read_text() == text


def test_every_family_of_units_has_vectors(tmp_path: Path) -> None:
    for index, name in enumerate(("mxfp4-dot32", "bitmod-pe", "int8-4x4")):
        directory = written(name, tmp_path / str(index))
        data = json.loads((directory / "vectors.json").read_text())
        assert len(words(directory, "o_payload")) == len(data["o_payload"]) > 100
    config = tmp_path / "unit.toml"
    config.write_text('weight = "X"\nactivation = "INT4"\n[formats.X]\nwidth = 3\n')
    assert (
        json.loads((written(str(config), tmp_path / "own") / "vectors.json").read_text())["configuration"]["weight"]
        == "X"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["E9M9"], "no block, preset or CONFIG.toml either: format must be a known name"),
        ([], "give either a FORMAT, BLOCK, PRESET or CONFIG.toml, or --preset NAME, not neither"),
        (["E4M3", "--preset", "int8-mac"], "not both 'E4M3' and 'int8-mac'"),
        (["bitmod-fp4"], "block must be one with scales of groups alone, such as mxfp4 or nvfp4, not 'bitmod-fp4'"),
        (["nowhere.toml"], "nowhere.toml"),
        (["--preset", "nothing"], "preset must be one of"),
    ],
)
def test_refusals(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", *arguments, "-o", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
