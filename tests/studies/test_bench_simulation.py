from bitmill import MacConfig
from bitmill.sim.speed import unit_speed
from bitmill.system.cache import CACHE_VARIABLE


def test_both_simulators_run_and_the_cache_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    speed = unit_speed(MacConfig(weight="INT4", activation="INT4", k_max=8), steps=4000)
    # Machine code against an interpreter: far apart on any machine under any load.
    assert speed.ratio > 10
    assert speed.build_seconds > 0
    assert list(tmp_path.iterdir()) == []
