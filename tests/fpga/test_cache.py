import threading
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.fpga import cache
from bitmill.fpga.synthesis import synthesize
from bitmill.system import tools
from bitmill.system.files import atomic_write


def _entries(folder):
    """What is cached: all files but the logs of failed tools."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != "kept")


def _count_yosys_runs(monkeypatch):
    runs = []
    real = tools.run_yosys
    monkeypatch.setattr(tools, "run_yosys", lambda *a, **k: runs.append(a) or real(*a, **k))
    return runs


def test_second_time_is_a_hit(design, empty_cache, monkeypatch):
    runs = _count_yosys_runs(monkeypatch)
    first = synthesize(design("xor8"), "top", "ecp5")
    before = len(runs)
    assert before == 2
    assert synthesize(design("xor8"), "top", "ecp5") == first
    assert len(runs) == before


@pytest.mark.parametrize("damage", [b"", b"not gzip", "half", "flipped", "other key"])
def test_damaged_entries_are_computed_again(damage, empty_cache):
    key = cache.cache_key("kind", {"a": 1})
    assert cache.cached("kind", {"a": 1}, lambda: {"x": 1}) == {"x": 1}
    path = cache.entry_path(key)
    whole = path.read_bytes()
    if damage == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        path.write_bytes(whole[:-12] + bytes([whole[-12] ^ 1]) + whole[-11:])
    elif damage == "other key":
        other = cache.cache_key("kind", {"a": 2})
        cache.store(other, {"x": 9})
        path.write_bytes(cache.entry_path(other).read_bytes())
    else:
        path.write_bytes(damage)
    assert cache.load(key) is None
    assert cache.cached("kind", {"a": 1}, lambda: {"x": 2}) == {"x": 2}
    assert cache.load(key) == {"x": 2}


def test_key_changes_with_everything_that_matters(design, empty_cache, monkeypatch):
    runs = _count_yosys_runs(monkeypatch)
    verilog = design("xor8")
    synthesize(verilog, "top", "ice40")
    for change in ("comment", "dsp", "release", "source"):
        before = len(runs)
        if change == "comment":
            synthesize(verilog + "// changed\n", "top", "ice40")
        elif change == "dsp":
            synthesize(verilog, "top", "ice40", dsp=True)
        elif change == "release":
            with monkeypatch.context() as patch:
                patch.setattr(tools, "yosys_release", lambda: "0.99")
                synthesize(verilog, "top", "ice40")
        else:
            monkeypatch.setattr(cache, "source_digest", lambda _module: "another")
            synthesize(verilog, "top", "ice40")
        assert len(runs) == before + 1, change


def test_failures_are_not_cached(empty_cache):
    for _ in range(2):
        with pytest.raises(BitmillError, match="syntax error"):
            synthesize("module top(;", "top", "ice40")
    assert _entries(empty_cache) == []


def test_same_result_is_computed_once_by_threads(empty_cache):
    computed = []
    barrier = threading.Barrier(4)

    def ask():
        barrier.wait()
        cache.cached("kind", {"thread": 0}, lambda: computed.append(1) or {"x": 1})

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert computed == [1]


def test_a_kill_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_bytes(b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, b"new")
    assert [item.name for item in tmp_path.iterdir()] == ["result"]
    assert path.read_bytes() == b"old"


def test_an_unwritable_cache_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "file"))
    assert cache.cached("kind", {}, lambda: {"x": 3}) == {"x": 3}
