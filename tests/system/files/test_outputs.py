"""Outputs are whole or not there, in the user's places, and never an input."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.system.errors import BitmillError
from bitmill.system.files import atomic_write, guarding_inputs, name_input, output_directory, output_file

KINDS = {"a named pipe": os.mkfifo, "a directory": os.mkdir, "a device": lambda path: path.symlink_to("/dev/null")}


def _names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _fill(folder, *names):
    for name in names:
        (folder / name).write_text("new")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused_and_stays(kind, here):
    KINDS[kind](here / "out")
    before = (here / "out").stat()
    with pytest.raises(BitmillError, match=f"^output out: must be .*, not {kind}$"), output_file("out"):
        pytest.fail("the work began")
    (here / "folder").mkdir()
    KINDS[kind](here / "folder" / "a.txt")
    with (
        pytest.raises(BitmillError, match=rf"^output folder/a\.txt: .*, not {kind}$"),
        output_directory("folder") as staged,
    ):
        _fill(staged, "0.txt", "a.txt")
    assert os.path.samestat((here / "out").stat(), before)
    assert _names(here) == ["folder", "folder/a.txt", "out"]


def test_standard_output_gets_a_file_and_no_directory(here, capfdbinary):
    with output_file("-") as staged:
        staged.write_bytes(b"\0\xff")
    assert capfdbinary.readouterr().out == b"\0\xff"
    with (
        pytest.raises(BitmillError, match=r"^output -: must be a directory, not standard output$"),
        output_directory("-"),
    ):
        pytest.fail("the work began")
    assert _names(here) == []


def test_a_pipe_by_its_name_in_dev_is_no_file(here):
    read, write = os.pipe()
    try:
        for output in (output_file, output_directory):
            with pytest.raises(BitmillError, match=r"must be .*, not a named pipe$"), output(f"/dev/fd/{write}"):
                pytest.fail("the work began")
    finally:
        os.close(read)
        os.close(write)
    assert _names(here) == []


def test_a_link_stays_and_its_target_is_written(here):
    (here / "far").mkdir()
    (here / "far" / "a").write_text("old")
    (here / "a").symlink_to("far/a")
    (here / "new").symlink_to("far/made")
    for name in ("a", "new"):
        with output_file(name) as staged:
            staged.write_text(name)
        assert (here / name).is_symlink()
    assert ((here / "far" / "a").read_text(), (here / "far" / "made").read_text()) == ("a", "new")
    (here / "folder").symlink_to("far")
    (here / "far" / "link").symlink_to("../b")
    with output_directory("folder") as staged:
        (staged / "link").write_text("through")
    assert (here / "b").read_text() == "through"
    assert (here / "far" / "link").is_symlink()
    (here / "loop").symlink_to("loop")
    with (
        pytest.raises(BitmillError, match=r"^output loop: cannot be written: Too many levels of symbolic links$"),
        output_file("loop"),
    ):
        pytest.fail("the work began")


def test_mode_and_owner_are_kept(here):
    for name, mode in (("a", 0o640), ("b", 0o755), ("c", 0o600)):
        (here / name).write_text("old")
        (here / name).chmod(mode)
        if os.geteuid() == 0:
            os.chown(here / name, 1234, 2345)
        with output_file(name) as staged:
            staged.write_text("new")
        found = (here / name).stat()
        assert (stat.S_IMODE(found.st_mode), (here / name).read_text()) == (mode, "new")
        with output_directory(".") as staged:
            (staged / name).write_text("newer")
        found = (here / name).stat()
        assert (stat.S_IMODE(found.st_mode), (here / name).read_text()) == (mode, "newer")
        assert os.geteuid() or (found.st_uid, found.st_gid) == (1234, 2345)


def test_new_files_have_the_mode_of_any_new_file(here):
    before = os.umask(0o027)
    try:
        atomic_write("a", "x")
        with output_file("b") as staged:
            staged.write_text("x")
        with output_directory("c") as staged:
            (staged / "d").write_text("x")
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((here / name).stat().st_mode) for name in ("a", "b", "c", "c/d")}
    assert modes == {"a": 0o640, "b": 0o640, "c": 0o750, "c/d": 0o640}


def test_a_file_that_may_not_be_written_is_not_replaced(here, monkeypatch):
    (here / "a").write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "a")
    with pytest.raises(BitmillError, match=r"^output a: cannot be written: Permission denied$"), output_file("a"):
        pytest.fail("the work began")


SPELLINGS = ("in", "./in", "folder/../in", "hard", "soft", "soft2")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_input_is_no_output_however_it_is_spelled(spelling, here):
    (here / "folder").mkdir()
    (here / "in").write_text("mine")
    (here / "hard").hardlink_to(here / "in")
    (here / "soft").symlink_to("in")
    (here / "soft2").symlink_to(here / "soft")
    for name in ("in", spelling):
        with guarding_inputs():
            name_input(name)
            with (
                pytest.raises(BitmillError, match=f"^output {Path(spelling)}: must not be what the command reads"),
                output_file(spelling),
            ):
                pytest.fail("the work began")
            with (
                pytest.raises(BitmillError, match="must not be what the command reads"),
                output_directory(".") as staged,
            ):
                (staged / Path(spelling).name).write_text("other")
    # Found out late: still before anything is lost.
    with guarding_inputs(), pytest.raises(BitmillError, match="must not be"), output_file(spelling):
        name_input("in")
    assert (here / "in").read_text() == "mine"
    with guarding_inputs(), output_directory(".") as staged:
        name_input("in")
        (staged / "in").write_text("mine")
        (staged / "other").write_text("x")
    assert (here / "other").read_text() == "x"
    # A user of the library may read a file and write it.
    name_input("in")
    with output_file("in") as staged:
        staged.write_text("new")
    assert (here / "in").read_text() == "new"


COMMANDS = [
    ("quantize", "m.safetensors", "--scheme", "bitmod-fp4", "-o", "m.safetensors"),
    ("synth", "config.toml", "--target", "generic", "-o", "config.toml"),
    ("estimate", "config.toml", "-o", "link.toml"),
    ("verify", "config.toml", "--waves", "config.toml"),
    ("generate", "config.toml", "-o", "."),
    ("generate", "link.toml", "-o", "."),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_no_command_writes_its_input(arguments, refuses, here):
    (here / "config.toml").write_text('# my own words\nweight = "INT4"\nactivation = "INT4"\n')
    (here / "link.toml").hardlink_to(here / "config.toml")
    save_file({"w": np.ones((2, 128), np.float32)}, here / "m.safetensors")
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    assert "must " in refuses(*arguments)
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_generating_again_from_its_own_configuration(cli, here):
    assert cli("generate", "--preset", "int4-mac", "-o", "out").status == 0
    first = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    (here / "out" / "bitmill_top.v").write_text("damaged")
    assert cli("generate", "out/config.toml", "-o", "out").status == 0
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == first
    (here / "out" / "config.toml").write_bytes(b"# mine\n" + first["config.toml"])
    refused = cli("generate", "out/config.toml", "-o", "out")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert refused.err.startswith("bitmill: error: output out/config.toml: must not be what the command reads")
    assert cli("generate", "out/config.toml", "-o", "other").status == 0


@pytest.mark.parametrize("text", ["# mine\nkey = 1\n", "weight = 'INT8'\nactivation = 'INT8'\n", "[" * 9000, ""])
def test_somebody_s_configuration_is_not_replaced(cli, here, text):
    (here / "config.toml").write_text(text)
    result = cli("generate", "--preset", "int4-mac", "-o", ".")
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("bitmill: error: output config.toml: must not be a file that bitmill did not write")
    assert {path.name: path.read_text() for path in here.iterdir()} == {"config.toml": text}


def test_another_configuration_of_bitmill_s_is_replaced(cli, here):
    for name in ("int4-mac", "bitmod-pe", "int8-mac"):
        assert cli("generate", "--preset", name, "-o", "out").status == 0


def test_standard_output_that_is_an_input(here):
    (here / "mine.toml").write_text('weight = "INT8"\nactivation = "INT8"\n')
    before = (here / "mine.toml").read_bytes()
    with (here / "mine.toml").open("ab") as out:
        run = subprocess.run(
            [sys.executable, "-m", "bitmill", "estimate", "mine.toml", "-o", "-"],
            cwd=here, stdout=out, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (run.returncode, (here / "mine.toml").read_bytes()) == (2, before)
    assert "output -: must not be what the command reads, not 'mine.toml'" in run.stderr


def test_json_on_standard_output_is_there_alone(cli, here):
    import json

    result = cli("estimate", "--preset", "int8-dot32", "-o", "-")
    assert json.loads(result.out)["estimates"]
    assert "in the band" in result.err
    assert _names(here) == []


@pytest.mark.parametrize("with_name", [True, False])
def test_a_full_disk_is_told_under_the_user_s_path(with_name, here):
    def error(path):
        return OSError(errno.ENOSPC, "No space left on device", *([str(path)] if with_name else []))

    full = "cannot be written: No space left on device$"
    with pytest.raises(BitmillError, match=f"^output a/b: {full}"), output_file("a/b") as staged:
        raise error(staged)
    told = "c/d/e" if with_name else "c"
    with (
        pytest.raises(BitmillError, match=f"^output {told}: {full}"),
        output_directory("c") as staged,
    ):
        raise error(staged / "d" / "e")
    with pytest.raises(OSError, match="elsewhere"), output_directory("c"):
        raise OSError(errno.EACCES, "Permission denied", "elsewhere")
    assert _names(here) == []
