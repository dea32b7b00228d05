"""The cache: what others can write is not read and not loaded, and it does not grow without end."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.fpga import cache
from bitmill.sim.compiled import library
from bitmill.system import locks, store
from bitmill.system.cache import cached_file
from bitmill.system.processes import may_run_tools, stop_tools_of
from bitmill.system.store import LIMIT_VARIABLE


@pytest.fixture
def built(empty_cache):
    """``built()`` builds a file of the cache, or finds it; with what was built so far."""
    builds = []

    def build():
        return cached_file("kind", {"a": 1}, ".bin", lambda: builds.append(1) or b"right")

    return build, builds


PLANTS = {
    "file": lambda root, path: path.chmod(0o646),
    "group": lambda root, path: path.chmod(0o664),
    "folder": lambda root, path: path.parent.chmod(0o777),
    "root": lambda root, path: root.chmod(0o777),
    "link": lambda root, path: path.rename(root / "real") and path.symlink_to(root / "real"),
    "folder link": lambda root, path: path.parent.rename(root / "real") and path.parent.symlink_to(root / "real"),
    "fifo": lambda root, path: path.unlink() or os.mkfifo(path),
    "other's": lambda root, path: os.chown(path, 12345, 12345) if os.geteuid() == 0 else path.chmod(0o666),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_others_can_write_or_plant_is_computed_again(plant, built, empty_cache):
    build, builds = built
    assert build().data == build().data == b"right"
    assert len(builds) == 1
    PLANTS[plant](empty_cache, build().path)
    assert build().data == b"right"
    assert len(builds) == 2


@pytest.mark.parametrize("plant", PLANTS)
def test_results_that_others_can_write_are_computed_again(plant, empty_cache):
    key = cache.cache_key("kind", {})
    cache.store(key, {"x": 1})
    assert cache.load(key) == {"x": 1}
    PLANTS[plant](empty_cache, cache.entry_path(key))
    assert cache.load(key) is None


def test_a_file_in_anothers_place_is_not_taken(built, empty_cache):
    """Whole, of this user, with its digest: but of another key."""
    build, builds = built
    other = cached_file("kind", {"a": 2}, ".bin", lambda: b"wrong").path
    mine = build().path
    for suffix in (".bin", ".sha256"):
        other.with_suffix(suffix).replace(mine.with_suffix(suffix))
    assert build().data == b"right"
    assert len(builds) == 2


def test_what_is_loaded_are_the_bytes_that_were_checked(monkeypatch, empty_cache):
    """The file is exchanged between check and loading."""
    loaded = []
    monkeypatch.setattr(library, "Library", lambda path: loaded.append(Path(path).read_bytes()) or "library")
    found = cached_file("kind", {}, ".so", lambda: b"checked")
    found.path.write_bytes(b"planted")
    library.load_library(found)
    assert loaded == [b"checked"]


def test_a_library_is_loaded_where_the_temporary_folder_takes_none(monkeypatch):
    loaded = []

    def load(path):
        if "/proc/" not in str(path):
            raise OSError("failed to map segment from shared object")
        loaded.append(path)
        return Path(path).read_bytes()

    monkeypatch.setattr(library, "Library", load)
    assert [library._load(data) for data in (b"one", b"two")] == [b"one", b"two"]
    assert len(set(loaded)) == 2, "the loader would give the first library for the second one's name"


def test_files_of_the_cache_are_private_whatever_the_mask(built, empty_cache):
    build, _ = built
    before = os.umask(0)
    try:
        path = build().path
    finally:
        os.umask(before)
    assert [item.stat().st_mode & 0o777 for item in (path, path.parent, empty_cache)] == [0o600, 0o700, 0o700]


def _age(path, seconds):
    used = time.time() - seconds
    os.utime(path, (used, used))


def _put(number, *, size=1000, age=0.0):
    key = cache.cache_key("kind", {"number": number})
    path = store.place_of(key, ".json.gz")
    store.write_entry(path, b"x" * size)
    _age(path, age)
    return path


def test_the_least_used_go_first(empty_cache):
    paths = [_put(number, age=1e5 - number) for number in range(10)]
    store.read_entry(paths[0])
    assert store.trim(empty_cache, 3000) == 7000
    assert [path for path in paths if path.exists()] == [paths[0], paths[8], paths[9]]


def test_a_bound_holds_while_a_run_goes_on(empty_cache, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "20k")
    for number in range(100):
        _put(number)
    assert 10_000 <= sum(entry.size for entry in store.entries(empty_cache)) <= 22_500


def test_half_written_files_of_dead_runs_go(empty_cache):
    path = _put(1)
    for name, age in ((".part-old", 3600), (".part-new", 0)):
        (path.parent / name).write_bytes(b"x")
        _age(path.parent / name, age)
    store.trim(empty_cache, 1 << 20)
    assert sorted(item.name for item in path.parent.iterdir()) == [".part-new", path.name]


@pytest.mark.parametrize("text", ["", "much", "-1", "1e3", "5 parsecs", "nan"])
def test_sizes_that_are_none(text, monkeypatch, empty_cache):
    with pytest.raises(BitmillError, match=r"^--to must be a size such as 500M or 2GiB, not "):
        store.parse_size(text, "--to")


def test_a_bound_that_is_none_is_told_before_the_work(built, monkeypatch):
    build, builds = built
    monkeypatch.setenv(LIMIT_VARIABLE, "plenty")
    with pytest.raises(BitmillError, match=r"^BITMILL_CACHE_LIMIT must be a size such as 500M or 2GiB, not 'plenty'$"):
        build()
    assert builds == []


def test_sizes():
    sizes = {"500": 500, "500M": 500_000_000, "2GiB": 2 << 30, "1.5 kib": 1536, "3 KB": 3000, "0": 0}
    assert {text: store.parse_size(text, "--to") for text in sizes} == sizes


def test_cache_shows_and_prunes(cli, empty_cache):
    assert "results 0 B of at most 2 GiB" in cli("cache").out
    cache.cached("yosys", {"a": 1}, lambda: {"x": 1})
    library_file = cached_file("compiled simulation", {}, ".so", lambda: b"x" * 5000).path
    for path in (library_file, library_file.with_suffix(".sha256")):
        _age(path, 60)
    old = _put(7, age=40 * 86400)
    (empty_cache / "mine.txt").write_text("not bitmill's")
    (empty_cache / "models").mkdir()
    (empty_cache / "models" / "one").write_bytes(b"x" * 100)
    shown = json.loads(cli("cache", "--json").out)
    assert shown["place"] == str(empty_cache)
    assert {kind: found["entries"] for kind, found in shown["kinds"].items()} == {
        "yosys": 1, "compiled simulation": 1, "damaged": 1, "models": 1,
    }  # fmt: skip
    assert ["compiled", "simulation", "1", "4.97", "KiB"] in [line.split() for line in cli("cache").out.splitlines()]
    assert "removed" in cli("cache", "prune", "--older-than", "30d").out
    assert not old.exists()
    assert cli("cache", "prune", "--to", "1k").status == 0
    assert [entry.size < 1000 for entry in store.entries(empty_cache)] == [True]
    assert cli("cache", "prune", "--all").status == 0
    assert [path.name for path in empty_cache.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "give one of --older-than AGE, --to SIZE and --all, not none and not several"),
        (("--all", "--to", "1G"), "give one of --older-than AGE, --to SIZE and --all, not none and not several"),
        (("--to", "much"), "--to must be a size such as 500M or 2GiB, not 'much'"),
        (("--older-than", "long"), "--older-than must be an age such as 30d, 12h or 2w, not 'long'"),
    ],
)
def test_prune_refuses(arguments, line, refuses):
    assert refuses("cache", "prune", *arguments) == line


def test_a_lock_follows_no_link(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), locks.alone(tmp_path / "lock", "work"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_waiting_for_a_lock_says_what_for_and_can_be_stopped(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(locks, "_QUIET_SECONDS", 0.1)
    ended = []

    def wait():
        try:
            with locks.alone(tmp_path / "lock", "yosys.wasm is compiled, once"):
                ended.append("held")
        except BitmillError as error:
            ended.append(str(error))

    with locks.alone(tmp_path / "lock", "work"):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.5)
        assert thread.ident is not None
        stop_tools_of([thread.ident])
        thread.join(5)
        may_run_tools([thread.ident])
    assert ended == ["yosys.wasm is compiled, once: not run, since all is being stopped"]
    expected = (
        f"bitmill: waiting for process {os.getpid()}, which holds {tmp_path / 'lock'}: yosys.wasm is compiled, once"
    )
    assert capsys.readouterr().err.splitlines() == [expected]


def test_ctrl_c_ends_the_wait_for_a_lock(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with locks.alone(tmp_path / "lock", "work"):
            threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
            with pytest.raises(KeyboardInterrupt), locks.alone(tmp_path / "lock", "more work"):
                pass
    finally:
        signal.signal(signal.SIGINT, before)
