"""Formats that stand only in a TOML file, or that a program registered, through every command."""

from __future__ import annotations

import json
import math
import pickle
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill import BitmillError, MacConfig, formats, golden
from bitmill.cli import main
from bitmill.config.family import config_of, read_config
from bitmill.formats import Codebook, Int, catalog
from bitmill.golden.weights import dequantize
from bitmill.models import read_packed
from bitmill.studies.ids import unit_key
from bitmill.studies.sweep.study_file import StudyFile

FORMATS = """
[formats.MYPOSIT]
values = [-4, -2, -1, -0.5, 0, 0.5, nan, 2]   # by code
about = "\\"mine\\", é"
[formats.E3M4B5]
exponent_bits = 3
mantissa_bits = 4
bias = 5
"""
DOT = 'weight = "myposit"\nactivation = "E3M4B5"\nunit = "dot"\nlanes = 2\nk_max = 40\n'
ARRAY = 'weight = "E3M4B5"\nactivation = "MyPosit"\nunit = "array"\nrows = 2\ncols = 2\nk_max = 40\n'
TABLES = {"MYPOSIT": {"values": [-4, -2, -1, -0.5, 0, 0.5, None, 2], "about": '"mine", é'},
          "E3M4B5": {"exponent_bits": 3, "mantissa_bits": 4, "bias": 5, "subnormals": True, "top": "finite"}}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    yield
    catalog.REGISTERED.clear()


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    path = tmp_path / "dot.toml"
    path.write_text(DOT + FORMATS, encoding="utf-8")
    return path


def test_a_configuration_carries_whole_rows(unit: Path) -> None:
    config = read_config(unit)
    assert isinstance(config, MacConfig)
    assert (config.weight, config.activation) == ("MYPOSIT", "E3M4B5")
    assert config.to_dict()["formats"] == TABLES
    assert list(config.to_dict())[-1] == "formats"
    values = [config.weight_format.decode(code).value_or_none() for code in range(8)]
    assert values == [-4, -2, -1, -0.5, 0, 0.5, None, 2]
    for again in (
        MacConfig.from_dict(tomllib.loads(config.to_toml())),
        MacConfig.from_dict(json.loads(json.dumps(config.to_dict()))),
        pickle.loads(pickle.dumps(config)),
    ):
        assert again == config
        assert hash(again) == hash(config)


def test_what_a_configuration_does_not_use_is_checked_and_not_kept() -> None:
    plain = MacConfig(weight="INT4", activation="INT4")
    found = MacConfig.from_dict({"weight": "INT4", "activation": "INT4", "formats": {"X": {"width": 3}}})
    assert found == plain
    assert "formats" not in found.to_dict()
    with pytest.raises(BitmillError, match=r"c.toml: formats.X.width must be an integer of 1 to 24, not 99"):
        MacConfig.from_dict({"weight": "INT4", "activation": "INT4", "formats": {"X": {"width": 99}}}, source="c.toml")


def test_two_formats_of_one_name_are_two_units() -> None:
    fields = {"weight": "X", "activation": "INT4"}
    some = [MacConfig.from_dict({**fields, "formats": {"X": {"width": width}}}) for width in (3, 5)]
    assert some[0] != some[1]
    keys = [unit_key(config) for config in some]
    assert keys[0] != keys[1]
    assert all(key.startswith("x x int4-k1-exact-formats=") for key in keys)
    # -4 or -16 times -8, 4096 times, is 2**17 or 2**19: not below what 18 or 20 signed bits hold.
    assert [config.accumulator_bits for config in some] == [19, 21]


def test_rows_of_a_program_are_checked_as_tables_are() -> None:
    rows = (Int(name="mine", width=3), Int(name="other", width=5))
    config = MacConfig(weight="MINE", activation="INT4", formats=rows)
    assert config.formats == (Int(name="MINE", width=3),)
    for bad, message in (
        ((Int(name="A", width=3), Int(name="A", width=4)), "formats must have names that differ, not 'A', 'A'"),
        ((Int(name="INT8", width=3),), "upper or lower case alike, not 'INT8'"),
        ((Int(name="A", width=30),), "formats.A.width must be an integer of 1 to 24, not 30"),
    ):
        with pytest.raises(BitmillError, match=message):
            MacConfig.from_dict({"weight": "INT4", "activation": "INT4", "formats": bad})


def test_a_registered_format_goes_along() -> None:
    formats.register(Codebook(name="Mine", values=(0, 1, 3, -2)))
    config = MacConfig(weight="mine", activation="INT4")
    assert config.weight == "MINE"
    catalog.REGISTERED.clear()
    assert MacConfig.from_dict(config.to_dict()) == config
    assert golden.dot(config, [[2]], [[5]]).value == [15]
    with pytest.raises(BitmillError, match=r"weight: format must be a known name .*not 'mine'"):
        MacConfig.from_dict({"weight": "mine", "activation": "INT4"})


def test_a_format_without_zero_or_name_is_refused() -> None:
    with pytest.raises(
        BitmillError, match=r"weight: must be a format with a zero, or with numbers of both signs, not 'P'"
    ):
        MacConfig.from_dict(
            {
                "weight": "P",
                "activation": "INT4",
                "formats": {"P": {"kind": "power-of-two", "exponent_bits": 3, "bias": 1}},
            }
        )


def test_formats_of_a_file(unit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "--file", str(unit), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["bits"], row["max"], row["specials"]) for row in rows] == [
        ("MYPOSIT", 3, "2", "NaN"), ("E3M4B5", 8, "7.75", "none")]  # fmt: skip
    assert main(["formats", "myposit", "--file", str(unit)]) == 0
    assert "0x5" in (text := capsys.readouterr().out)
    assert "1 * 2^-1" in text
    assert main(["formats", "E4M3", "--file", str(unit)]) == 0
    for text, message in (
        ("x = 1", "formats must be [formats.NAME] tables, not none"),
        (
            "[formats.INT8]\nwidth = 8",
            "formats.INT8 must have a name of its own, not one that the catalog has for a format or a block, "
            "upper or lower case alike, not 'INT8'",
        ),
        ("[formats.X]\nwidth = 99", "formats.X.width must be an integer of 1 to 24, not 99"),
    ):
        (path := tmp_path / "bad.toml").write_text(text)
        assert main(["formats", "--file", str(path)]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", [DOT, ARRAY], ids=["dot", "array"])
def test_generate_writes_the_rows(text: str, tmp_path: Path) -> None:
    path, output = tmp_path / "unit.toml", tmp_path / "out"
    path.write_text(text + FORMATS, encoding="utf-8")
    assert main(["generate", str(path), "-o", str(output)]) == 0
    assert json.loads((output / "manifest.json").read_text())["configuration"]["formats"] == TABLES
    assert read_config(output / "config.toml") == read_config(path)
    verilog = (output / "bitmill_top.v").read_bytes()
    assert main(["generate", str(output / "config.toml"), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "bitmill_top.v").read_bytes() == verilog


@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
def test_verify(unit: Path, engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(unit), "--engine", engine, "--dot-products", "5", "--seed", "1"]) == 0
    assert "0 mismatches" in capsys.readouterr().out


def test_synth_and_estimate(unit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", str(unit), "--target", "generic", "-o", str(tmp_path / "out.json")]) == 0
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["configuration"]["formats"] == TABLES
    assert main(["estimate", str(unit)]) == 0
    assert "MYPOSIT x E3M4B5 dot2" in capsys.readouterr().out


def test_run_gemm(tmp_path: Path) -> None:
    path, output = tmp_path / "array.toml", tmp_path / "out"
    path.write_text(ARRAY + FORMATS, encoding="utf-8")
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(3, 9)).astype(np.float32), rng.normal(size=(2, 9)).astype(np.float32)
    for name, matrix in zip(("w", "a"), matrices, strict=True):
        np.save(tmp_path / f"{name}.npy", matrix)
    arguments = ["--weights", str(tmp_path / "w.npy"), "--activations", str(tmp_path / "a.npy"), "-o", str(output)]
    assert main(["run", "gemm", "--config", str(path), "--rule", "least-squares", *arguments]) == 0
    product = np.load(output / "output.npy")
    exact = matrices[0] @ matrices[1].T
    assert np.abs(product - exact).max() < np.abs(exact).max()
    assert np.corrcoef(product.ravel(), exact.ravel())[0, 1] > 0.8
    assert json.loads((output / "gemm.json").read_text())["gemm"]["configuration"]["formats"] == {
        name: TABLES[name] for name in sorted(TABLES)
    }


def test_quantize_packs_the_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, model, packed = (tmp_path / name for name in ("f.toml", "model.safetensors", "packed.safetensors"))
    file.write_text(FORMATS, encoding="utf-8")
    weights = np.random.default_rng(3).normal(size=(4, 64)).astype(np.float32)
    save_file({"a.weight": weights}, model)
    assert main(["quantize", str(model), "--scheme", "myposit", "--file", str(file), "-o", str(packed)]) == 0
    assert "4 x 64" in capsys.readouterr().out
    found = read_packed(packed).quantized["a.weight"]
    assert found.scheme.own == formats.read_formats({"MYPOSIT": TABLES["MYPOSIT"]})
    # Neither side saturates: the format goes from -4 to 2.
    scale = np.maximum(weights.max(axis=1) / 2, weights.min(axis=1) / -4)
    steps = dequantize(found) / found.scales
    assert set(steps.ravel()) <= {-4, -2, -1, -0.5, 0, 0.5, 2}
    np.testing.assert_allclose(found.scales[:, 0], scale, rtol=2**-9)
    assert main(["quantize", str(model), "--scheme", "myposit", "-o", str(tmp_path / "no")]) == 2
    assert "scheme must be one of" in capsys.readouterr().err


STUDY = 'title = "mine"\n[[grid]]\npairs = ["MYPOSIT x E3M4B5", "E2M1"]\n[targets]\ngeneric = true\n' + FORMATS


def test_a_study_gives_its_formats_to_all_units(tmp_path: Path) -> None:
    path, output = tmp_path / "study.toml", tmp_path / "out"
    path.write_text(STUDY, encoding="utf-8")
    assert main(["report", str(path), "-o", str(output)]) == 0
    records = json.loads((output / "records.json").read_text())["records"]
    rows = {record["id"]: record["config"].get("formats") for record in records if record["kind"] == "area"}
    (own,) = [name for name in rows if name.startswith("mypositxe3m4b5-k1-exact-formats=")]
    assert rows[own] == TABLES
    assert rows["e2m1-k1-exact/generic"] is None


def test_a_study_names_its_own_formats_and_no_others() -> None:
    study = {"title": "t", "grid": [{"pairs": ["X"]}], "targets": {"generic": True}}
    with pytest.raises(BitmillError, match=r"grid.0.pairs: format must be a known name .*not 'X'"):
        StudyFile.from_dict(study)
    found = StudyFile.from_dict({**study, "formats": {"x": {"width": 6}}})
    (config,) = found.expand().units.values()
    assert config.weight_format.bits == 6
    with pytest.raises(BitmillError, match=r"s.toml: formats.X.values must be a list .*not None"):
        StudyFile.from_dict({**study, "formats": {"X": {"kind": "codebook"}}}, source="s.toml")


def test_wide_tables_and_one_value_hold() -> None:
    many = list(range(-128, 128))
    config = MacConfig.from_dict({"weight": "A", "activation": "B", "formats": {
        "A": {"values": many}, "B": {"values": [0, 0, math.nan, 7.0]}}})  # fmt: skip
    assert golden.dot(config, [[0], [255]], [[3], [3]]).value.tolist() == [-128 * 7, 127 * 7]
    assert golden.dot(config, [[0]], [[2]]).invalid.all()


@pytest.mark.parametrize("unit", ["bit-serial", "softmax", "requantize", "parallel"])
def test_units_that_name_no_formats_check_tables_and_leave_them_out(unit):
    fields = {"unit": unit, "formats": {"MINE": {"values": [0, 1]}}}
    assert config_of(fields) == config_of({"unit": unit})
    with pytest.raises(BitmillError, match=r"formats\.E4M3 must have a name of its own"):
        config_of({"unit": unit, "formats": {"E4M3": {"width": 4}}})
