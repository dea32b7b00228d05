"""Names of users on the screen: in tables, lines, progress and errors nothing steers the terminal or is markup."""

import io
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.commands.progress import progress
from bitmill.commands.tables import print_table
from bitmill.system.errors import BitmillError
from bitmill.system.files import to_json
from bitmill.system.screen import say

NAMES = [
    "[/x]",
    "[red]",
    "a\x1b[31mb",
    "a\nb",
    "\u202eabc",
    "x\x07",
    "\x9b2J",
    "[link=http://x]y[/link]",
    "tab\t",
    "\udcff",
    "漢字",
]


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def _terminal(monkeypatch):
    """Both streams as one terminal from now on; pytest sets them anew between a fixture and its test."""
    stream = _Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    return stream


def _steering(text):
    return [character for character in text if character in "\x07\x08\x9b\u202e\udcff\t" or (character == "\x1b")]


def test_tables_lines_and_progress_in_a_terminal(monkeypatch):
    terminal = _terminal(monkeypatch)
    print_table(["name", "n"], [[name, "1"] for name in NAMES], right=["n"])
    for name in NAMES:
        say(name)
    shown = terminal.getvalue()
    assert not _steering(shown.replace("\x1b[", ""))
    for name in ("[/x]", "[red]", "\\x1b[31m", "a\\nb", "\\u202eabc", "[link=http://x]y[/link]", "漢字"):
        assert shown.count(name) == 2
    for name in NAMES:
        with progress(name) as step:
            step(name, done=1, total=2)


def test_tables_lines_and_progress_elsewhere(capsys):
    print_table(["name", "n"], [[name, "1"] for name in NAMES], right=["n"])
    for name in NAMES:
        with progress(name) as step:
            step(name, done=1, total=2)
    captured = capsys.readouterr()
    assert not _steering(captured.out + captured.err)
    assert len(captured.out.splitlines()) == 1 + len(NAMES)
    assert len(captured.err.splitlines()) == 2 * len(NAMES)


def test_a_model_of_hostile_names(cli, here, monkeypatch):
    tensors = {name: np.ones((4, 128), np.float32) for name in NAMES if name != "\udcff"}
    save_file(tensors, here / "m[red].safetensors")
    terminal = _terminal(monkeypatch)
    assert cli("quantize", "m[red].safetensors", "--scheme", "bitmod-fp4", "-o", "out[red].safetensors").status == 0
    assert "m[red].safetensors: " in terminal.getvalue()
    assert "[/x]" in terminal.getvalue()


@pytest.mark.parametrize("name", ["[/x]", "a\x1b]0;title\x07b", "a\nb", "\u202egpj", "a" * 5000])
@pytest.mark.parametrize(
    "arguments",
    [("generate", "NAME", "-o", "out"), ("generate", "--preset", "NAME", "-o", "out"), ("formats", "NAME"), ("NAME",),
     ("synth", "--preset", "int8-mac", "--target", "NAME"), ("generate", "--preset", "int8-mac", "-o", "NAME/\0"[:-1] + "file/x"),
     ("quantize", "m.npy", "--scheme", "NAME", "-o", "out"), ("report", "NAME"), ("run", "gemm", "--weights", "NAME")],
)  # fmt: skip
def test_errors_are_one_short_line_of_text(name, arguments, refuses, here):
    (here / "file").write_text("")
    if arguments[-1].endswith("file/x"):
        if "\n" in name or len(name) > 1000:
            return
        (here / name.replace("/", "_")).write_text("")
        arguments = (*arguments[:-1], name.replace("/", "_") + "/x")
    line = refuses(*(argument.replace("NAME", name) for argument in arguments))
    assert not _steering(line)
    assert len(line) <= 800


@pytest.mark.parametrize(
    ("document", "place"),
    [({"a": [1.0, {"b": float("nan")}]}, r"a\[1\]\.b"), ([float("inf")], r"\[0\]"), ({"x": float("-inf")}, "x")],
)
def test_json_is_strict(document, place):
    with pytest.raises(BitmillError, match=f"must be finite, not NaN or infinite: {place}$"):
        to_json(document)


def test_json_is_as_before():
    assert to_json({"a": [1, None, 1.5]}) == '{\n  "a": [\n    1,\n    null,\n    1.5\n  ]\n}\n'
