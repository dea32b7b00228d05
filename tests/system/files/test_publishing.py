"""Two runs into one place, and runs that are killed: a whole set of files, old or new."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bitmill.system.errors import BitmillError
from bitmill.system.files import output_directory, output_file, recover

NAMES = ("a", "b", "inner/c", "d")


def _write(folder, text):
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def _read(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("output", [output_directory, output_file])
def test_the_second_run_is_refused_before_its_work(output, exists, here):
    if exists:
        (here / "out").mkdir() if output is output_directory else (here / "out").write_text("old")
    began = time.monotonic()
    with output("out"):
        with (
            pytest.raises(BitmillError, match=f"^output out: another run writes to it, process {os.getpid()}$"),
            output("./out"),
        ):
            pytest.fail("the work began")
        assert time.monotonic() - began < 5
    with output("out"):
        pass


def test_two_outputs_side_by_side(here):
    with output_directory("a") as first, output_directory("b") as second, output_file("c") as third:
        for folder in (first, second):
            _write(folder, "x")
        third.write_text("y")
    assert _read(here) == {f"{folder}/{name}": "x" for folder in "ab" for name in NAMES} | {"c": "y"}


def test_a_directory_that_appears_meanwhile_is_joined(here):
    with output_directory("out") as staged:
        _write(staged, "new")
        (here / "out").mkdir()
        (here / "out" / "a").write_text("old")
        (here / "out" / "mine").write_text("mine")
    assert _read(here / "out") == dict.fromkeys(NAMES, "new") | {"mine": "mine"}
    assert [path.name for path in here.iterdir()] == ["out"]


def test_waiting_for_the_other_run(here):
    started, release = threading.Event(), threading.Event()

    def first():
        with output_directory("out") as staged:
            _write(staged, "first")
            started.set()
            release.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(10)
    threading.Timer(0.3, release.set).start()
    with output_directory("out", wait=True) as staged:
        (staged / "b").write_text("second")
    thread.join()
    assert _read(here / "out") == dict.fromkeys(NAMES, "first") | {"b": "second"}


# Runs a publication and kills itself at the n-th rename, removal or directory that it makes.
KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
import bitmill.system.files as files, bitmill.system.files.staging
count = int(sys.argv[1])
def counted(real):
    def call(*args, **options):
        global count
        count -= 1
        if not count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    return call
for name in ("rename", "replace", "unlink", "rmdir", "mkdir", "open"):
    setattr(os, name, counted(getattr(os, name)))
with getattr(files, sys.argv[2])("out") as staged:
    if sys.argv[2] == "output_file":
        staged.write_text("new")
    else:
        for name in {names!r}:
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_text("new")
print("done")
"""


def _killed_at(count, kind):
    script = KILLED.format(path=[entry for entry in sys.path if entry], names=NAMES)
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(count), kind], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.parametrize(
    ("kind", "exists"), [("output_directory", True), ("output_directory", False), ("output_file", True)]
)
def test_killed_at_every_step(kind, exists, tmp_path, monkeypatch):
    old = dict.fromkeys(NAMES, "old") | {"mine": "mine"} if exists else {}
    new = old | dict.fromkeys(NAMES, "new")
    seen = set()
    for count in range(1, 60):
        home = tmp_path / str(count)
        home.mkdir()
        monkeypatch.chdir(home)
        if kind == "output_file":
            (home / "out").write_text("old")
        elif exists:
            (home / "out").mkdir()
            _write(home / "out", "old")
            (home / "out" / "mine").write_text("mine")
        if not _killed_at(count, kind):
            break
        if kind == "output_file":
            assert (home / "out").read_text() in ("old", "new")
            with output_file("out") as staged:
                staged.write_text("again")
            assert _read(home) == {"out": "again"}
            continue
        # A reader completes what was whole; before that nothing had changed.
        recover(home / "out")
        found = {name: text for name, text in _read(home / "out").items() if not name.startswith(".bitmill/")}
        assert found in (old, new)
        seen.add(found == new)
        with output_directory("out") as staged:
            (staged / "a").write_text("again")
        assert _read(home / "out") == found | {"a": "again"}
        assert [path.name for path in home.iterdir()] == ["out"]
        assert not [path for path in (home / "out").iterdir() if path.name.startswith(".")]
    else:
        pytest.fail("the run never came to its end")
    assert seen >= {True, False} or not exists or kind == "output_file"


@pytest.mark.parametrize("step", range(1, 5))
def test_an_interruption_while_files_are_moved_comes_too_late(step, here, monkeypatch):
    from bitmill.system.files import publishing

    (here / "out").mkdir()
    _write(here / "out", "old")
    left, real = step, publishing.replace_file

    def interrupted(source, path):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        real(source, path)

    monkeypatch.setattr(publishing, "replace_file", interrupted)
    with pytest.raises(KeyboardInterrupt), output_directory("out") as staged:
        _write(staged, "new")
    assert _read(here / "out") == dict.fromkeys(NAMES, "new")


def test_a_planted_folder_is_not_followed(here):
    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "files").mkdir()
    (here / "elsewhere" / "files" / "mine").write_text("mine")
    (here / ".out.bitmill").symlink_to("elsewhere")
    with pytest.raises(BitmillError, match="is in the way"), output_directory("out"):
        pytest.fail("the work began")
    assert (here / "elsewhere" / "files" / "mine").read_text() == "mine"


def test_the_longest_names_work(here):
    name = "n" * 255
    with output_file(name) as staged:
        staged.write_text("x")
    with output_directory("m" * 255) as staged:
        (staged / "a").write_text("x")
    assert sorted(path.name for path in here.iterdir()) == ["m" * 255, name]


def test_the_lock_is_not_inherited(here):
    """A child that outlives its killed parent, such as a tool, does not keep the next run out."""
    script = (
        f"import os, sys, time; sys.path[:0] = {[entry for entry in sys.path if entry]!r}\n"
        "from bitmill.system.files import output_directory\n"
        "with output_directory('out'):\n"
        "    if not os.fork():\n"
        "        time.sleep(20); os._exit(0)\n"
        "    print('ready', flush=True); time.sleep(20)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "ready\n"
            run.kill()
            run.wait()
            with output_directory("out") as staged:
                (staged / "a").write_text("x")
        finally:
            os.killpg(run.pid, signal.SIGKILL)
    assert _read(here) == {"out/a": "x"}
