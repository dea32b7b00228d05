"""``bitmill synth --target liberty``: what it prints and writes, and how it refuses what it cannot do."""

import gzip
import json
import re

import pytest

from bitmill import MacConfig
from bitmill.config.presets import preset
from bitmill.fpga.cache import CACHE_VARIABLE
from bitmill.fpga.liberty import DEFAULT_LIBRARY


@pytest.fixture
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))


@pytest.mark.usefixtures("_own_cache")
def test_synth_on_standard_cells(cli, tmp_path):
    arguments = ("--preset", "e2m1-mac", "--target", "liberty", "--period", "20", "-o", tmp_path / "r.json")
    result = cli("synth", *arguments)
    assert result.status == 0, result.err
    record = json.loads((tmp_path / "r.json").read_text())
    assert MacConfig.from_dict(record["configuration"]) == preset("e2m1-mac")
    synthesis = record["synthesis"]
    best = synthesis["best"]
    assert (synthesis["met"], synthesis["clock_gating"], synthesis["library"]) == (True, True, "osu018_stdcells")
    assert set(record["versions"]) == {"bitmill", "yosys", "opensta"}
    assert f"osu018, recipe {best['recipe']}, clock gating" in result.out
    assert re.search(rf"^logic, gate equivalents +{best['logic_ge']:.1f} ", result.out, re.MULTILINE)
    assert f"shortest period {best['delay_ns']:.2f} ns" in result.out
    assert "meets 20 ns; the smallest that does, " in result.out
    plain = cli("synth", *arguments[:-2], "--no-clock-gating", "--liberty", DEFAULT_LIBRARY)
    assert ", no clock gating" in plain.out
    logic = re.search(r"^logic, gate equivalents +([\d.]+) ", plain.out, re.MULTILINE)
    assert logic is not None
    assert float(logic[1]) > best["logic_ge"] + 20


@pytest.mark.usefixtures("_own_cache")
def test_synth_says_that_a_period_is_missed(cli):
    result = cli("synth", "--preset", "int4-mac", "--target", "liberty", "--period", "0.1")
    assert result.status == 0
    assert "misses 0.1 ns; the fastest, " in result.out


LIBERTY = ("synth", "--preset", "int4-mac", "--target", "liberty", "-o", "out.json")


@pytest.mark.parametrize("period", ["0", "-2", "nan", "inf"])
def test_periods(refuses, period):
    assert refuses(*LIBERTY, "--period", period) == f"period must be a positive number of ns, not {float(period)!r}"


def test_liberty_files(refuses, here):
    assert refuses(*LIBERTY, "--liberty", "none.lib") == "liberty none.lib: cannot be read: No such file or directory"
    (here / "text.lib").write_text("hello\n")
    assert refuses(*LIBERTY, "--liberty", "text.lib") == (
        "liberty text.lib: must be a Liberty file, not text without a library group"
    )
    (here / "cut.lib").write_text("library (cut) {\n  cell (A) {\n")
    assert refuses(*LIBERTY, "--liberty", "cut.lib").startswith(
        "liberty cut.lib: must be a whole Liberty file, not one cut off after 'cell'"
    )


def test_missing_opensta(refuses, here, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    assert refuses(*LIBERTY) == "missing tool sta: install it with `apt-get install opensta`"


def test_missing_library(refuses, here, monkeypatch):
    monkeypatch.setattr("bitmill.fpga.libraries.DEFAULT_LIBRARY", here / "none.lib")
    monkeypatch.delenv("BITMILL_CELLS", raising=False)
    monkeypatch.delenv("PDK_ROOT", raising=False)
    assert refuses(*LIBERTY) == (
        f"missing library osu018: looked in {here} (BITMILL_CELLS and PDK_ROOT not set); get it with `apt-get install "
        "qflow-tech-osu018`, then set PDK_ROOT or BITMILL_CELLS, or give its file with --cells"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["synth", "--preset", "int8-mac", "--target", "liberty", "--dsp"], "--dsp must not be given with"),
        (["synth", "--preset", "int8-mac", "--target", "liberty", "--no-timing"], "--no-timing must not be given with"),
        (
            ["synth", "--preset", "int8-mac", "--target", "ecp5", "--liberty", "x.lib"],
            "--liberty must be given with --target cells, not ecp5",
        ),
        (
            ["synth", "--preset", "int8-mac", "--target", "ecp5", "--period", "5"],
            "--period must be given with --target",
        ),
        (
            ["synth", "--preset", "int8-mac", "--target", "generic", "--clock-gating"],
            "--clock-gating must be given with",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments, message, refuses):
    assert refuses(*arguments).startswith(message)


def test_files_that_are_no_libraries(refuses, here):
    whole = gzip.compress(DEFAULT_LIBRARY.read_bytes())
    (here / "cut.lib.gz").write_bytes(whole[: len(whole) // 2])
    (here / "more.lib.gz").write_bytes(whole + b"more")
    (here / "rubbish.lib").write_bytes(bytes(range(256)) * 9)
    (here / "empty.lib").write_bytes(b"")
    (here / "folder").mkdir()
    (here / "folder" / "notes.txt").write_text("no library")
    cells = ("synth", "--preset", "int4-mac", "--target", "cells", "--cells")
    assert refuses(*cells, "cut.lib.gz") == "liberty cut.lib.gz: must be a whole gzip file, not one cut off or damaged"
    assert refuses(*cells, "more.lib.gz") == (
        "liberty more.lib.gz: must be a whole gzip file, not one with other bytes behind its end"
    )
    assert refuses(*cells, "rubbish.lib") == "liberty rubbish.lib: must be a Liberty file, not binary data"
    assert refuses(*cells, "empty.lib") == "liberty empty.lib: must be a Liberty file, not text without a library group"
    assert refuses(*cells, "folder") == "liberty folder: must be a folder with .lib or .lib.gz files, not one without"
    assert refuses(*cells, "gone.lib") == "liberty gone.lib: cannot be read: No such file or directory"
    assert refuses(*cells, "sky130", "--cells", "osu018").startswith(
        "cells must be one short name, or paths of Liberty files"
    )


def test_files_of_two_corners(refuses, here):
    text = DEFAULT_LIBRARY.read_text()
    (here / "a.lib").write_text(text)
    (here / "b.lib").write_text(text.replace("nom_voltage", "nom_voltage : 9.5;\n  other", 1))
    cells = ("synth", "--preset", "int4-mac", "--target", "cells", "--cells", "a.lib", "b.lib")
    assert re.fullmatch(r"liberty b\.lib: nom_voltage must be [\d.]+ as in a\.lib, not 9\.5", refuses(*cells))


def test_all_files_behind_the_option_belong_to_it(refuses, here):
    for name in "abc":
        (here / f"{name}.lib").write_text(f"library ({name}) {{ {'cell (X) { area : 1; }' * (name == 'c')} }}")
    found = refuses(
        "synth", "--preset", "int4-mac", "--target", "cells", "--cells", "a.lib", "b.lib", "c.lib", "--period", "3"
    )
    assert found.startswith("liberty a.lib and 2 more: must have a two-input NAND gate with an area, not only no cell")
