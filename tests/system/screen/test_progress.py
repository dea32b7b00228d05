"""Nobody waits long without a word, in a terminal or not."""

import re
import sys
import time

import pytest

from bitmill.studies.jobs import run_all, told
from bitmill.system.screen import progress as module
from bitmill.system.screen.progress import progress


@pytest.fixture
def quick(monkeypatch):
    """Seconds are hundredths."""
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(module, "AGAIN_SECONDS", 1.0)
    monkeypatch.setattr(module, "LONG_SECONDS", 6.0)


def _lines(capsys):
    return [re.sub(r"^bitmill: +[\d.]+ s  ", "", line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("quick")
def test_silence_is_broken_and_then_less_often(capsys):
    with progress("working"):
        time.sleep(2.0)
    found = _lines(capsys)
    assert set(found) == {"working"}
    assert 3 <= len(found) <= 4


@pytest.mark.usefixtures("quick")
def test_short_work_of_many_parts_is_silent_and_long_work_is_not(capsys):
    assert run_all({str(number): list for number in range(50)}, progress=True) == [[]] * 50
    assert _lines(capsys) == []
    with told(100, progress=True) as done:
        for number in range(10):
            time.sleep(0.1)
            done(f"part {number}", None)
    found = _lines(capsys)
    assert 3 <= len(found) <= 6
    assert all(re.fullmatch(r"part \d \(\d+ of 100\), about 0 min left|.* \(\d+ of 100\)", line) for line in found)
    assert any("left" in line for line in found)


@pytest.mark.usefixtures("quick")
def test_nothing_is_said_where_nobody_asked(capsys):
    with told(10, progress=False) as done:
        time.sleep(0.5)
        done("part", None)
    assert _lines(capsys) == []


def test_the_time_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    lines = module._Lines("begin", paced=False)
    lines.step("work", done=0, total=100)
    now[0] = 60.0
    lines.step("work", done=10, total=100)
    now[0] = 120.0
    lines.step("work", done=95, total=100)
    now[0] = 7200.0
    lines.step("work", done=96, total=1000)
    now[0] = 14400.0
    lines.step("work", done=97, total=1000)
    said = _lines(capsys)
    assert said[:4] == ["begin", "work (0 of 100)", "work (10 of 100), about 9 min left", "work (95 of 100)"]
    assert said[5] == "work (97 of 1000)", "one part says nothing of a thousand"


def test_one_inside_another_changes_its_text(capsys):
    with progress("whole") as outer, progress("part"):
        pass
    outer("end")
    assert _lines(capsys) == ["whole", "part", "whole", "end"]


def test_the_end_is_not_waited_for(capsys):
    began = time.monotonic()
    for _ in range(5):
        with progress("quick"):
            pass
    assert time.monotonic() - began < 1
    with pytest.raises(KeyboardInterrupt), progress("stopped"):
        raise KeyboardInterrupt
    assert _lines(capsys) == ["quick"] * 5 + ["stopped"]


def test_a_terminal_shows_the_time_left(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("[/x] working") as step:
        for done in range(8):
            step("[/x] working", done=done, total=10)
            time.sleep(0.1)
    shown = capsys.readouterr().err
    assert "[/x] working" in shown
    assert "about 0 s left" in shown


def test_nothing_is_said_of_the_time_left_until_it_is_known(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    pace = module._Pace()

    def step(at, done, total=100):
        now[0] = at
        pace.step(done, total)
        return pace.left()

    assert [step(0, 0), step(100, 1), step(200, 4)] == [None] * 3, "too few"
    assert step(300, 6) == pytest.approx(94 * 200 / 5)
    # Many that were known already, then slow ones: the mean of all is of neither.
    assert step(301, 60) is None
    assert [step(400, 61), step(700, 64)] == [None] * 2
    assert step(0, 0, total=50) is None
