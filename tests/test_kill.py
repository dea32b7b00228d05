"""Killed at random moments: nothing runs on, nothing is left, and the next run is as if nothing had been."""

import random
import time
from pathlib import Path

import pytest

from bitmill.tests import kill

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc"
)

SEED = time.time_ns() % (1 << 32)


def _killed(tmp_path, *, moments, only=()):
    print(f"seed {SEED}: python -m bitmill.tests.kill --moments {moments} --seed {SEED}")
    lines = []
    setting = kill.own_setting(tmp_path)
    assert kill.run(setting, moments=moments, seed=SEED, only=only, tell=lines.append) == 0, "\n".join(lines)


def test_killed_at_three_moments(tmp_path):
    _killed(
        tmp_path, moments=3, only=random.Random(SEED).sample(["generate", "synth generic", "quantize", "estimate"], 2)
    )


@pytest.mark.long
def test_killed_at_fifty_moments(tmp_path):
    _killed(tmp_path, moments=50)
