"""The private folder of a run: whose it is, where it lies, and that it goes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.system import places, tools

NASTY = ["with a blank", "semi;touch hurt", "quo'te\"", "new\nline", "$(touch hurt)", "pound#", "ümläut"]
SCRIPT = "read_verilog in.v\nsynth -top top\nabc -g AND\nwrite_verilog out.v\n"
DESIGN = "module top(input a, input b, output y); assign y = a ^ b; endmodule\n"
SHOW = "from bitmill.system import places; print(places.run_folder())"


@pytest.fixture
def elsewhere(monkeypatch):
    """A run that begins with the variables as they are now, ended with the test; ``elsewhere()`` gives its folder."""
    monkeypatch.setattr(places, "_run", None)
    yield places.run_folder
    places._end()
    monkeypatch.setattr(places, "_run", None)


def _in_process(environment, code=SHOW):
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("name", NASTY)
def test_synthesis_in_a_temporary_folder_of_any_name(name, only, tmp_path, monkeypatch, elsewhere):
    """``only``: there is no other place, as on a machine whose /tmp is full."""
    odd = tmp_path / name
    odd.mkdir()
    monkeypatch.setenv("TMPDIR", str(odd))
    monkeypatch.chdir(tmp_path)
    if only:
        monkeypatch.setattr(places, "_candidates", lambda: [odd])
    # abc has put ANDs in place of the XOR.
    assert " ^ " not in tools.run_yosys(SCRIPT, files={"in.v": DESIGN}, outputs=["out.v"])["out.v"]
    assert elsewhere().is_relative_to(odd) == only
    assert not list(tmp_path.rglob("hurt*"))


def test_the_folder_is_private_and_goes_with_the_process(tmp_path, cli_environment):
    code = f"{SHOW}; import os; folder = places.run_folder(); print(*(oct(os.stat(p).st_mode) for p in (folder, folder.parent)))"
    folder, *modes = _in_process({**cli_environment, "TMPDIR": str(tmp_path)}, code).split()
    assert modes == ["0o40700", "0o40700"]
    assert Path(folder).is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_run_left_is_removed_by_the_next(tmp_path, cli_environment):
    """The guard is ended too, as when a whole session is killed."""
    environment = {**cli_environment, "TMPDIR": str(tmp_path)}
    sleeper = "import time; time.sleep(60)"
    code = (
        "import os, sys, threading, time; from bitmill.system import places, processes\n"
        f"tool = lambda: processes.run_tool([sys.executable, '-c', {sleeper!r}])\n"
        "threading.Thread(target=tool, daemon=True).start()\n"
        "while not processes._running: time.sleep(0.01)\n"
        "places._run.watcher.kill(); places._run.watcher.wait()\n"
        "print(*[process.pid for process in processes._running.values()], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    died = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    tool = int(died.stdout)
    assert len(list(tmp_path.glob("bitmill-*/run-*"))) == 2
    _in_process(environment)
    assert list(tmp_path.iterdir()) == []
    # Until whoever adopted it reaps it, it is a zombie.
    state = Path(f"/proc/{tool}/stat")
    assert not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_living_run_keeps_its_folder(tmp_path, cli_environment, monkeypatch, elsewhere):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    mine = elsewhere()
    other = _in_process({**cli_environment, "TMPDIR": str(tmp_path)})
    assert other != str(mine)
    assert mine.is_dir()


def test_a_planted_link_or_open_folder_is_passed_over(tmp_path, monkeypatch, cli_environment):
    """Also the place of a folder that others can rename."""
    environment = {**cli_environment, "TMPDIR": str(tmp_path)}
    name = f"bitmill-{os.geteuid()}"
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    (tmp_path / name).symlink_to(target)
    assert not Path(_in_process(environment)).is_relative_to(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0o777)
    assert not Path(_in_process(environment)).is_relative_to(tmp_path)
    (tmp_path / name).rmdir()
    tmp_path.chmod(0o777)
    assert not Path(_in_process(environment)).is_relative_to(tmp_path)
    tmp_path.chmod(0o1777)
    assert Path(_in_process(environment)).is_relative_to(tmp_path)
    assert list(target.iterdir()) == []


def test_no_place_at_all_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(places, "_run", None)
    monkeypatch.setattr(places, "_candidates", lambda: [tmp_path / "file"])
    with pytest.raises(BitmillError, match=r"^TMPDIR must be a writable folder .*, not one of .*file$"):
        places.run_folder()


def test_a_full_disk_is_told_as_such(monkeypatch, tmp_path, elsewhere):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    expected = f"^temporary folder {tmp_path}: No space left on device; TMPDIR names another$"
    with pytest.raises(BitmillError, match=expected), places.private_folder("full") as folder:
        raise OSError(28, "No space left on device", str(folder / "netlist.v"))


def test_without_home_and_passwd_entry_things_are_kept_in_the_temporary_folder(monkeypatch, tmp_path):
    def homeless(*_args, **_options):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv(places.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_dir", homeless)
    assert places.cache_directory() == tmp_path / f"bitmill-{os.geteuid()}-cache" / "bitmill"


@pytest.mark.parametrize("home", ["none", "read-only", "usual"])
def test_matplotlib_has_a_folder(home, monkeypatch, tmp_path, elsewhere):
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    if home == "none":
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    elif home == "read-only":
        (tmp_path / ".cache").write_text("in the way")
    places.prepare_matplotlib()
    if home == "usual":
        assert "MPLCONFIGDIR" not in os.environ
    else:
        assert Path(os.environ["MPLCONFIGDIR"]) == elsewhere()
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)


def test_many_runs_that_begin_at_once_keep_their_folders(tmp_path, cli_environment):
    """Each looks for dead ones while others begin and end."""
    code = f"{SHOW}; import time; time.sleep(0.2); assert places.run_folder().is_dir() and places._run.lock"
    environment = {**cli_environment, "TMPDIR": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-P", "-c", code], env=environment, stdout=subprocess.PIPE) for _ in range(12)
    ]
    folders = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 12
    assert len(folders) == 12
    assert list(tmp_path.iterdir()) == []
