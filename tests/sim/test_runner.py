"""The runner believes only evidence: a passed test on record, a complete result, a clean log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.sim.job import Job, Phase
from bitmill.sim.runner import SimulationError, simulate

TOP = "bitmill_top"
# Code 1 times 1, one step: value 1 without flags.
JOB = Job(9, 13, (Phase("one", [0x111], [1]),), patience=50)
Breaker = Callable[[str, str], str]


def test_waveform_is_written_on_success(int4_mac: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "unit.fst"
    simulate(int4_mac, TOP, JOB, waves=path)
    assert path.stat().st_size > 100
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_waveform_and_mismatch(broken: Breaker, tmp_path: Path) -> None:
    path = tmp_path / "unit.fst"
    with pytest.raises(SimulationError, match="one: 1 wrong outputs") as failure:
        simulate(broken("sum + product;", "sum - product;"), TOP, JOB, waves=path)
    assert failure.value.waves == path
    assert path.is_file()
    assert [(m.index, m.got, m.expected) for m in failure.value.outcome.mismatches] == [(0, 0x7FF, 1)]
    assert failure.value.outcome.phases[0].mismatches == 1


def test_no_test_run_is_a_failure(int4_mac: str) -> None:
    with pytest.raises(SimulationError, match=r"left no results.xml|no test was run"):
        simulate(int4_mac, TOP, JOB, test_module="bitmill.sim.pattern")


def test_early_finish_is_a_failure(broken: Breaker) -> None:
    with pytest.raises(SimulationError):
        simulate(broken("reg last, full;", "reg last, full; initial #40 $finish;"), TOP, JOB)


@pytest.mark.parametrize(
    "complaint",
    [
        '$error("sum out of range");',
        '$display("Assertion violated: sum out of range");',
        pytest.param('$fatal(1, "gone");', marks=pytest.mark.long),
    ],
)
def test_assertion_in_the_log_is_a_failure(broken: Breaker, complaint: str) -> None:
    with pytest.raises(SimulationError, match=r"the log reports .*(sum out of range|gone)"):
        simulate(broken("if (rst) begin", f"if (o_valid) {complaint} if (rst) begin"), TOP, JOB)


def test_missing_port_is_a_failure(int4_mac: str) -> None:
    with pytest.raises(SimulationError, match="o_valid"):
        simulate(int4_mac.replace("o_valid", "out_valid"), TOP, JOB)


def test_text_that_does_not_compile(int4_mac: str) -> None:
    with pytest.raises(BitmillError, match=r"icarus: .*bitmill_top.v:\d+: syntax error"):
        simulate(int4_mac.replace("endmodule", ""), TOP, JOB)


def test_hanging_simulator_is_ended(broken: Breaker) -> None:
    with pytest.raises(BitmillError, match="icarus: not finished after 4 s"):
        simulate(broken("reg last, full;", "reg last, full; initial forever #0 full = full;"), TOP, JOB, timeout=4.0)
