"""The compiled engine around its runs: tools that are missing or fail, the cache, interruptions, progress, refusals."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from bitmill import BitmillError, MacConfig
from bitmill.sim import VerificationError, verify
from bitmill.sim.compiled import CompiledSimulation, compiler, library, simulate_compiled
from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern
from bitmill.sim.rows import PayloadRows
from bitmill.sim.runner import SimulationError
from bitmill.system.cache import CACHE_VARIABLE

TOP = "bitmill_top"
# Code 1 times 1, one step: value 1 without flags.
JOB = Job(9, 13, (Phase("one", [0x111], [1]),), patience=50)
WIDTHS: dict[str, Any] = {"input_bits": 9, "output_bits": 13}
Breaker = Callable[[str, str], str]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each library that was compiled."""
    done: list[str] = []
    real = compiler.compile_library

    def counted(*arguments: Any, **options: Any) -> bytes:
        done.append("compiled")
        return real(*arguments, **options)

    monkeypatch.setattr(compiler, "compile_library", counted)
    return done


def test_missing_compiler_says_what_to_install(
    int4_mac: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda name, path: None)
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        message = r"^missing tool c\+\+ .*: install it with `apt-get install g\+\+` or `pip install ziglang`$"
        with pytest.raises(BitmillError, match=message):
            simulate_compiled(int4_mac, TOP, JOB)
    for named in (str(tmp_path / "no compiler"), "g++ 'unbalanced"):
        monkeypatch.setenv("CXX", named)
        with pytest.raises(BitmillError, match=r"CXX must be the command of a C\+\+ compiler, not "):
            simulate_compiled(int4_mac, TOP, JOB)


def test_failing_compiler_shows_its_error_and_keeps_the_log(
    int4_mac: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "FLAGS", ("-shared", "-std=c++98"))
    with pytest.raises(BitmillError, match=r"^c\+\+: [^\n]*error: [^\n]* \(log: .*\.log\)$") as failure:
        simulate_compiled(int4_mac, TOP, JOB)
    assert Path(str(failure.value).rpartition("log: ")[2].rstrip(")")).read_text(encoding="utf-8")
    assert not list(empty_cache.rglob("*.so"))


def test_library_of_the_cache_is_used_again_and_depends_on_what_it_must(
    int4_mac: str, empty_cache: Path, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = CompiledSimulation(int4_mac, TOP, **WIDTHS)
    assert CompiledSimulation(int4_mac, TOP, **WIDTHS).path == first.path
    assert len(compilations) == 1
    CompiledSimulation(int4_mac + "// changed\n", TOP, **WIDTHS)
    monkeypatch.setattr(library, "yosys_release", lambda: "0.99")
    CompiledSimulation(int4_mac, TOP, **WIDTHS)
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-O0"))
    CompiledSimulation(int4_mac, TOP, **WIDTHS)
    assert len(compilations) == 4


@pytest.mark.parametrize("damage", ["cut off", "other bytes", "empty", "no digest"])
def test_damaged_library_is_built_again(damage: str, int4_mac: str, empty_cache: Path, compilations: list[str]) -> None:
    path = library.build_library(int4_mac, TOP, {}).path
    whole = path.read_bytes()
    if damage == "cut off":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "other bytes":
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.with_suffix(".sha256").unlink()
    assert library.build_library(int4_mac, TOP, {}).path == path
    assert len(compilations) == 2
    assert path.read_bytes().startswith(whole[:4])
    assert path.stat().st_size == len(whole)


def test_unwritable_cache_is_no_error(int4_mac: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert simulate_compiled(int4_mac, TOP, JOB).phases[0].transactions == 1


_FOREVER = """
import sys
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.cli import main
import bitmill.cli
simulation = CompiledSimulation(open(sys.argv[1]).read(), "bitmill_top", input_bits=9, output_bits=13)
job = Job(9, 13, (Phase("idle", [0], [1]),), patience=1 << 60)
bitmill.cli._run = lambda *_: simulation.run(job, progress=lambda done, total: print("batch", flush=True))
sys.exit(main([]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_ended_half_way_leaves_a_whole_cache(
    number: signal.Signals,
    int4_mac: str,
    empty_cache: Path,
    compilations: list[str],
    cli_environment: dict[str, str],
    with_signals: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    """A job that never ends is ended from outside, between batches by Ctrl-C and anywhere by SIGKILL."""
    (tmp_path / "unit.v").write_text(int4_mac)
    process = subprocess.Popen(
        with_signals([sys.executable, "-P", "-c", _FOREVER, str(tmp_path / "unit.v")]),
        env=cli_environment | {CACHE_VARIABLE: str(empty_cache)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "batch\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    if number == signal.SIGINT:
        assert (process.returncode, err) == (130, "bitmill: interrupted, nothing written\n")
    assert simulate_compiled(int4_mac, TOP, JOB).phases[0].transactions == 1
    assert compilations == []


def test_a_kill_while_compiling_leaves_no_entry(
    int4_mac: str, empty_cache: Path, cli_environment: dict[str, str], tmp_path: Path
) -> None:
    """The compiler is a script that says it runs and then waits."""
    slow = tmp_path / "slow-c++"
    slow.write_text(f"#!/bin/sh\nif [ $1 = --version ]; then echo slow; else touch {tmp_path}/running; sleep 60; fi\n")
    slow.chmod(0o755)
    (tmp_path / "unit.v").write_text(int4_mac)
    environment = {CACHE_VARIABLE: str(empty_cache), "CXX": str(slow), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _FOREVER, str(tmp_path / "unit.v")], env=cli_environment | environment
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "running").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
    assert not list(empty_cache.rglob("*.so"))
    assert simulate_compiled(int4_mac, TOP, JOB).phases[0].transactions == 1


def test_the_other_compiler_gives_the_same(int4_mac: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a system compiler the one of the wheel is found."""
    monkeypatch.delenv("CXX", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(compiler, "_SYSTEM", ())
        used = compiler.find_compiler()
        assert used.command[1:] == ("-m", "ziglang", "c++")
        assert "-fno-sanitize=undefined" in used.flags


@pytest.mark.long
def test_a_library_by_the_wheel_s_compiler(int4_mac: str, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time on a machine zig builds its C++ library, which takes a minute."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(compiler, "_SYSTEM", ())
    assert simulate_compiled(int4_mac, TOP, JOB).phases[0].transactions == 1


def test_many_beats_as_rows_report_progress(int4_mac: str) -> None:
    """100000 steps of one product each, the products by NumPy."""
    rng = np.random.default_rng(3)
    weights, activations = rng.integers(-8, 8, (2, 100_000))
    payloads = (weights & 15) | (activations & 15) << 4 | 1 << 8
    inputs = PayloadRows(payloads.astype("<u2").view(np.uint8).reshape(-1, 2))
    expected = PayloadRows(((weights * activations) & 0x7FF).astype("<u2").view(np.uint8).reshape(-1, 2))
    phase = Phase("many", inputs, expected, Pattern("random", 0.2, seed=1), Pattern("random", 0.3, seed=2))
    told: list[tuple[int, int]] = []
    simulation = CompiledSimulation(int4_mac, TOP, **WIDTHS)
    outcome = simulation.run(Job(9, 13, (phase, phase)), progress=lambda done, total: told.append((done, total)))
    assert outcome.failure is None
    assert [counts.beats for counts in outcome.phases] == [100_000] * 2
    assert told == sorted(told)
    assert len(told) > 10
    assert told[-1] == (200_000, 200_000)


def test_runs_do_not_share_state(int4_mac: str) -> None:
    """A run that stops in the middle of a dot product does not show in the next one on the same library."""
    simulation = CompiledSimulation(int4_mac, TOP, **WIDTHS)
    unfinished = Job(9, 13, (Phase("unfinished", [0x011], [0]),), patience=20)
    for _ in range(2):
        assert "no transfer for 20 cycles" in str(simulation.run(unfinished).failure)
        assert simulation.run(JOB).failure is None


def test_refusals(int4_mac: str, int4_config: MacConfig, tmp_path: Path) -> None:
    with pytest.raises(BitmillError, match="must have a port o_valid of 1 bits, not none of this name"):
        simulate_compiled(int4_mac.replace("o_valid", "out_valid"), TOP, JOB)
    with pytest.raises(BitmillError, match="port i_payload of module bitmill_top must be 12 bits wide, not 9"):
        CompiledSimulation(int4_mac, TOP, input_bits=12, output_bits=13)
    with pytest.raises(BitmillError, match=r"job must have payloads of 9 and 13 bits, not 9 and 12"):
        CompiledSimulation(int4_mac, TOP, **WIDTHS).run(Job(9, 12, ()))
    with pytest.raises(BitmillError, match=r"yosys: .*syntax error"):
        simulate_compiled(int4_mac.replace("endmodule", ""), TOP, JOB)
    with pytest.raises(BitmillError, match="engine must be cocotb, compiled or auto, not 'verilator'"):
        verify(int4_config, seed=1, verilog=int4_mac, engine=cast(Any, "verilator"))
    with pytest.raises(BitmillError, match="waves are recorded by engine cocotb, not 'compiled'"):
        verify(int4_config, seed=1, verilog=int4_mac, engine="compiled", waves=tmp_path / "unit.fst")


def test_timeout(int4_mac: str) -> None:
    simulation = CompiledSimulation(int4_mac, TOP, **WIDTHS)
    job = Job(9, 13, (Phase("idle", [0], [1]),), patience=1 << 60)
    with pytest.raises(BitmillError, match=r"compiled simulation: not finished after 0.05 s, ended"):
        simulation.run(job, timeout=0.05)


def test_failure_is_recorded_again_under_cocotb(int4_config: MacConfig, broken: Breaker) -> None:
    fault = broken("sum + product;", "sum + product + (product == 8'sd64);")
    with pytest.raises(VerificationError, match="first in result ") as failure:
        verify(int4_config, seed=17, verilog=fault, dot_products=5, engine="compiled")
    assert "disagree" not in str(failure.value)
    waves = failure.value.waves
    assert waves is not None
    assert waves.stat().st_size > 0


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (None, "; the engines disagree: cocotb passes the same job"),
        (SimulationError("other: 3 wrong outputs"), "; the engines disagree: cocotb says 'other: 3 wrong outputs'"),
        (BitmillError("missing tool iverilog"), "; not repeated under cocotb: missing tool iverilog"),
    ],
)
def test_engines_that_disagree_say_so(
    again: BitmillError | None,
    told: str,
    int4_config: MacConfig,
    broken: Breaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pretend(*_arguments: Any, **_options: Any) -> None:
        if again is not None:
            raise again

    monkeypatch.setattr(sys.modules["bitmill.sim.verify"], "simulate", pretend)
    with pytest.raises(VerificationError) as failure:
        verify(int4_config, seed=2, verilog=broken("steps > 4'd7", "1'b0"), dot_products=0, engine="compiled")
    assert told in str(failure.value)


def test_command(cli: Callable[..., Any], tmp_path: Path) -> None:
    unit = tmp_path / "unit.toml"
    unit.write_text(MacConfig(weight="INT4", activation="INT4", k_max=8).to_toml())
    options = ("verify", unit, "--seed", "7", "--dot-products", "20")
    compiled = cli(*options, "--engine", "compiled")
    assert compiled.status == 0, compiled.err
    assert compiled.out == cli(*options, "--engine", "cocotb").out
    refused = cli(*options, "--engine", "compiled", "--waves")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err == ("bitmill: error: --waves needs --engine cocotb, which records waveforms, not 'compiled'\n")
