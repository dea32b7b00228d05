"""Standard streams that are closed, full or of another encoding, and Ctrl-C before anything has begun."""

import ast
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULE = [sys.executable, "-P", "-m", "bitmill"]


def _shell(line, environment, cwd):
    command = " ".join(f"'{part}'" for part in MODULE)
    script = line.replace("BITMILL", command)
    return subprocess.run(
        ["/bin/sh", "-c", script], env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_silence(closed, cli_environment, tmp_path):
    result = _shell(f"BITMILL generate --preset int4-mac -o out {closed}", cli_environment, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr
    assert len(list((tmp_path / "out").iterdir())) == 4
    # What was opened in the place of the closed stream got nothing of what was printed.
    assert (tmp_path / "out" / "manifest.json").read_text().startswith("{")
    failed = _shell(f"BITMILL formats E4M9 {closed}", cli_environment, tmp_path)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("command", ["formats", "--help", "formats E4M3 --json", "estimate --preset int8-dot32 -o -"])
def test_a_full_standard_output_is_one_line(command, cli_environment, tmp_path):
    result = _shell(f"BITMILL {command} >/dev/full", cli_environment, tmp_path)
    assert result.returncode == 2
    assert re.fullmatch(
        r"bitmill: error: (standard output|output -): cannot be written: No space left on device\n", result.stderr
    ), result.stderr


def test_a_full_standard_error_changes_no_status(cli_environment, tmp_path):
    assert _shell("BITMILL formats E4M9 2>/dev/full", cli_environment, tmp_path).returncode == 2
    assert _shell("BITMILL generate --preset int4-mac -o out 2>/dev/full", cli_environment, tmp_path).returncode == 0


def test_an_encoding_without_the_letters(cli_environment, tmp_path):
    environment = {**cli_environment, "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"}
    result = _shell("BITMILL generate 'ümläut 漢.toml' -o out", environment, tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert (
        result.stderr
        == "bitmill: error: \\xfcml\\xe4ut \\u6f22.toml: cannot read the configuration: No such file or directory\n"
    )


STARTS = {
    "module": MODULE,
    "function": [sys.executable, "-P", "-c", "import sys; from bitmill.cli import main; sys.exit(main())"],
}


@pytest.mark.parametrize("start", STARTS)
def test_ctrl_c_while_libraries_are_imported(start, cli_environment, tmp_path):
    """Sent as soon as the command line's first line is reached, and then ever later."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def told(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'bitmill.commands' and sys.stderr:\n"
        "        sys.stdout.write('begun\\n'); sys.stdout.flush()\n"
        "sys.addaudithook(told)\n"
    )
    environment = {**cli_environment, "PYTHONPATH": f"{tmp_path}:{cli_environment['PYTHONPATH']}"}
    seen = set()
    for delay in (0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2):
        with subprocess.Popen(
            [*STARTS[start], "formats"], env=environment, cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_raise_on_interruption,  # noqa: PLW1509
        ) as run:  # fmt: skip
            assert run.stdout is not None
            assert run.stdout.readline() == "begun\n"
            time.sleep(delay)
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=30)
        assert (run.returncode, err) in ((130, "bitmill: interrupted, nothing written\n"), (0, ""))
        seen.add(run.returncode)
    assert 130 in seen


def _raise_on_interruption():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_ignored_ctrl_c_stays_ignored(cli_environment, tmp_path):
    with subprocess.Popen(
        [*MODULE, "formats"], env=cli_environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    ) as run:  # fmt: skip
        for _ in range(8):
            time.sleep(0.03)
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert (run.returncode, err) == (0, b"")
    assert b"E4M3" in out


def test_everything_goes_through_the_one_way_to_the_screen():
    """No command prints by itself: what it prints may be a user's."""
    for path in [*(ROOT / "commands").glob("*.py"), *(ROOT / "reports").rglob("*.py")]:
        if path.name.startswith("make_"):
            continue  # Makes what is committed; no user runs it.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                allowed = path.name == "group.py" and "get_help" in ast.unparse(node)
                assert name not in ("click.echo", "click.secho", "print", "json.dump", "sys.stdout.write") or allowed, (
                    path
                )
