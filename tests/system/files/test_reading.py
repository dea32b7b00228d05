"""Files that are not what they should be: one line each, in bounded memory and time."""

import os
import resource
import socket
import subprocess
import sys
import time

import pytest

from bitmill.config.document import read_toml
from bitmill.system.errors import BitmillError
from bitmill.system.files import open_regular, read_bytes, read_json, reading

UNREADABLE = {
    "digits": b"k_max = " + b"9" * 5000,
    "hexadecimal digits": b'weight = "INT8"\nactivation = "INT8"\nk_max = 0x' + b"f" * 5000,
    "deep lists": b"k_max = " + b"[" * 50_000,
    "deep tables": b"k_max = " + b"{a=" * 50_000,
    "closed lists": b"k_max = " + b"[" * 300 + b"]" * 300,
    "long key": b"a." * 50_000 + b"b = 1",
    "long quoted key": b'"a"."a a".' * 20_000 + b"b = 1",
    "utf-16": "k_max = 1".encode("utf-16"),
    "nul": b"k_max = 1\0",
    "binary": bytes(range(256)),
    "huge": b"#" * (2 << 20),
    "date": b"weight = 1979-05-27T07:32:00Z",
    "not finite": b"weight = nan",
    "huge value": b'weight = "' + b"A" * 1_000_000 + b'"',
    "huge name": b"A" * 1_000_000 + b" = 1",
    "huge format": b'weight = "INT8"\nactivation = "INT8"\naccumulator = { kind = "float", format = "' + b"F" * 900_000 + b'" }',
    "huge list": b"weight = [" + b"1," * 400_000 + b"]",
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_configurations_are_one_short_line(name, refuses, here):
    (here / "unit.toml").write_bytes(UNREADABLE[name])
    began = time.process_time()
    line = refuses("generate", "unit.toml", "-o", "out")
    assert line.startswith("unit.toml: ")
    assert len(line) < 1000
    assert time.process_time() - began < 5


def test_a_byte_order_mark_is_no_matter(here):
    (here / "unit.toml").write_bytes(b'\xef\xbb\xbfweight = "INT8"\r\n')
    assert read_toml("unit.toml") == {"weight": "INT8"}


def test_only_regular_files_are_read_and_nothing_is_waited_for(refuses, here):
    os.mkfifo(here / "pipe.toml")
    (here / "folder.toml").mkdir()
    (here / "endless.toml").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.toml")
        for name, kind in (
            ("pipe", "a named pipe"),
            ("folder", "a directory"),
            ("endless", "a device"),
            ("socket", "a socket"),
        ):
            for command in (("generate",), ("report",), ("synth", "--target", "ecp5"), ("estimate",)):
                line = refuses(*command, f"{name}.toml", "-o", "out")
                assert line == f"{name}.toml: must be a regular file, not {kind}"


def test_what_may_not_be_read_is_there_all_the_same(cli_command, cli_environment, tmp_path):
    (tmp_path / "unit.toml").write_text("weight = 1")
    (tmp_path / "unit.toml").chmod(0)
    code = (
        "import os; os.getuid() or os.setuid(65534)\n"
        "from bitmill.config.document import read_toml\n"
        "from bitmill.system.errors import BitmillError\n"
        "try: read_toml('unit.toml')\n"
        "except BitmillError as error: print(error)"
    )
    tmp_path.chmod(0o755)
    path = tmp_path
    while path.stat().st_uid == os.getuid() and not path.stat().st_mode & 0o005 and path != path.parent:
        path.chmod(0o755)
        path = path.parent
    result = subprocess.run(
        [sys.executable, "-P", "-c", "import bitmill.config.document\n" + code],
        env=cli_environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.stdout == "unit.toml: cannot read the configuration: Permission denied\n", result.stderr


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "1" * 5000, "NaN", "[Infinity]", "-Infinity", "{", "", "\0", '{"a": 1} x', '"\ud800'[:1]]
)
def test_json_that_is_none(text, here):
    (here / "a.json").write_text(text)
    with pytest.raises(BitmillError, match=r"^a\.json: not a list of sizes: [^\n]+$"):
        read_json("a.json", "a list of sizes")


def test_a_file_is_read_up_to_its_limit(here):
    (here / "a").write_bytes(b"12345")
    assert read_bytes("a", "a word", limit=5) == b"12345"
    with pytest.raises(BitmillError, match=r"^a: not a word: must be at most 4 bytes, not longer$"):
        read_bytes("a", "a word", limit=4)


def test_memory_does_not_grow_with_the_file(here):
    with (here / "a").open("wb") as file:
        file.truncate(1 << 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BitmillError, match="must be at most 1048576 bytes"):
        read_bytes("a", "a word")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_any_exception_of_a_parser_is_one_line_and_ctrl_c_is_none():
    class OddError(Exception):
        pass

    for raised, told in (
        (OddError("no"), "not a b: no"),
        (OddError(), "not a b: OddError"),
        (MemoryError(), "not a b: takes more memory"),
    ):
        with pytest.raises(BitmillError, match=f"^a: {told}"), reading("a", "a b"):
            raise raised
    with pytest.raises(KeyboardInterrupt), reading("a", "a b"):
        raise KeyboardInterrupt


def test_names_that_no_file_can_have():
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(BitmillError), open_regular(name, "a file"):
            pass
