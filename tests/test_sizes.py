"""Sizes are bounded before work, and verify takes the compiled engine where Icarus would take long."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bitmill import BitmillError
from bitmill.commands import expected
from bitmill.config import MacConfig, sizes
from bitmill.config.presets import any_preset
from bitmill.hdl.emit.verilog import TOP, emit
from bitmill.sim import engine, icarus_time, runner
from bitmill.sim.verify import job_of, verify

LARGE = 'weight = "INT8"\nactivation = "INT8"\nunit = "array"\nrows = 16\ncols = 17\n'


@pytest.mark.parametrize("command", [("verify",), ("synth", "--target", "generic"), ("build", "-o", "out")])
def test_more_than_256_products_a_cycle_are_only_generated(cli, here, command):
    (here / "large.toml").write_text(LARGE)
    result = cli(command[0], "large.toml", *command[1:])
    assert result.status != 0
    assert result.err.splitlines()[-1] == (
        f"bitmill: error: {command[0]}: a unit must have at most 256 products a cycle, beyond which it is only generated, not 272"
    )
    assert not (here / "out").exists()


def test_verify_refuses_before_any_work():
    config = MacConfig(weight="INT8", activation="INT8", unit="array", rows=256, cols=256)
    with pytest.raises(BitmillError, match="at most 256 products a cycle"):
        verify(config, seed=1)


@pytest.mark.parametrize(
    ("asked", "waves", "seconds", "chosen", "said"),
    [
        ("auto", False, 3, "cocotb", None),
        ("auto", False, 300, "compiled", "Icarus takes about 300 s for this unit: compiled simulation instead"),
        ("auto", True, 300, "cocotb", "Icarus takes about 300 s for this unit; --engine compiled"),
        ("cocotb", False, 300, "cocotb", "Icarus takes about 300 s for this unit; --engine compiled"),
        ("cocotb", False, 3, "cocotb", None),
        ("compiled", False, 300, "compiled", None),
    ],
)
def test_the_engine_that_is_chosen(asked, waves, seconds, chosen, said):
    found, note = engine.choose_engine(asked, waves=waves, seconds=seconds)
    assert found == chosen
    assert note is None if said is None else str(note).startswith(said)


def test_without_icarus_the_compiled_engine_serves(monkeypatch):
    monkeypatch.setattr(engine.shutil, "which", lambda *arguments, **options: None)
    assert engine.choose_engine("auto", waves=False, seconds=3)[0] == "compiled"


def test_large_units_are_estimated_to_take_long():
    estimates = {}
    for name in ("int8-mac", "bitmod-8x8"):
        config = any_preset(name)
        _, job = job_of(config, seed=1, dot_products=120, corner_steps=4200)
        estimates[name] = icarus_time.icarus_seconds(emit(config), TOP, job)
    assert estimates["int8-mac"] < icarus_time.PATIENCE_SECONDS < estimates["bitmod-8x8"]


def test_statements_count_instances():
    part = "module a(x);\n  assign x = 1;\n  assign y = 2;\nendmodule\n"
    text = f"{part}module top(x);\n  a first (\n  );\n  a second (\n  );\n  assign z = 1;\nendmodule\n"
    assert icarus_time.statements(text, "top") == 5


def test_the_estimated_cycles_are_about_those_counted():
    config = any_preset("int8-mac")
    _, job = job_of(config, seed=3, dot_products=40, corner_steps=200)
    counted = verify(config, seed=3, dot_products=40, corner_steps=200, engine="compiled").cycles
    assert 0.5 < icarus_time.cycles(job) / counted < 2


def test_icarus_tells_its_progress(monkeypatch):
    monkeypatch.setattr(runner, "_WATCH_SECONDS", 0.02)
    seen = []
    options: dict[str, Any] = {"seed": 3, "dot_products": 100, "corner_steps": 100}
    verify(any_preset("int8-mac"), **options, progress=lambda done, total: seen.append((done, total)))
    assert all(0 <= done <= total for done, total in seen)
    assert seen == sorted(seen)
    assert seen[-1][0] > 0


def test_the_command_says_what_it_chose(cli, here, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.1)
    result = cli("verify", "--preset", "int4-mac", "--dot-products", "5", "--seed", "1")
    assert result.status == 0
    assert "compiled simulation instead" in result.err


def test_generate_refuses_what_is_beyond_a_256x256_array(cli, here):
    (here / "huge.toml").write_text(LARGE.replace("16", "256").replace("17", "256") + "lanes = 2\n")
    result = cli("generate", "huge.toml", "-o", "out")
    assert result.err.splitlines()[-1] == (
        "bitmill: error: generate: a unit must have at most 65536 products a cycle, not 131072"
    )
    assert not (here / "out").exists()


def test_the_time_left_of_work_whose_time_is_known(monkeypatch):
    monkeypatch.setattr(expected, "TICK_SECONDS", 0.01)
    told = []

    def step(text, *, done=None, total=None, left=None):
        assert left is None
        told.append((text, done, total))

    with expected.expected(step, "generating", 61.0):
        time.sleep(0.1)
    assert told[0] == ("generating, seconds", 0, 61)
    assert len(told) > 2
    told.clear()
    with expected.expected(step, "generating", 60.0):
        time.sleep(0.05)
    assert not told
    assert sizes.generation_seconds(MacConfig(weight="INT8", activation="INT8", unit="array", rows=256, cols=256)) > 60
