"""What abc's search found is taken for the next clock of the same circuit, and for nothing else."""

import dataclasses
import re
import zlib

import pytest

from bitmill.fpga import standard_recipes
from bitmill.fpga.liberty import read_library
from bitmill.fpga.standard_cells import Flow
from bitmill.fpga.standard_recipes import Recipe
from bitmill.system import abc_memory, tools

GATES = Recipe(gates=True)
"""Full adders of gates, so that there is something to search and to size."""


@pytest.fixture(scope="module")
def osu018():
    return read_library()


def mapped(verilog, library, period_ns):
    return Flow(verilog=verilog, top="top", library=library, period_ns=period_ns, clock_gating=True).netlist(GATES)


def searches(folder):
    return sorted(path.name for path in folder.rglob("*.v.z"))


@pytest.fixture
def without_memory(monkeypatch):
    def compute(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(tools, "remembering_abc", lambda *_: None)
            return mapped(*arguments)

    return compute


def test_next_clock_takes_what_was_found_and_gives_the_same_cells(
    design, osu018, empty_cache, without_memory, monkeypatch, tmp_path_factory
):
    def sized(how, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(standard_recipes, "_SIZES", {"buffered": how})
            return arguments[0](design("multiply8"), osu018, *arguments[1:])

    ways = [("upsize {D}; dnsize {D}", 40.0), ("upsize {D}; dnsize {D}", 0.2), ("buffer -N 2; upsize {D}", 0.2)]
    remembered = [sized(how, mapped, period) for how, period in ways]
    assert len(searches(empty_cache)) == 1
    # abc sizes after the search, so the memory must not be of the whole run.
    assert remembered[2] != remembered[1]
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path_factory.mktemp("fresh")))
    assert [sized(how, without_memory, period) for how, period in ways] == remembered


@pytest.mark.parametrize("change", ["circuit", "library", "search", "constraints", "release"])
def test_anything_else_is_searched_again(design, osu018, empty_cache, monkeypatch, change):
    mapped(design("add16"), osu018, 40.0)
    verilog = design("add16")
    if change == "circuit":
        verilog = design("xor8")
    elif change == "library":
        name = osu018.inverter.cell
        text = re.sub(rf'(cell \("?{name}"?\) \{{.*?area : )(\d+)', r"\g<1>99", osu018.text, count=1, flags=re.DOTALL)
        assert text != osu018.text
        osu018 = dataclasses.replace(osu018, text=text)
    elif change == "search":
        scripts = {**standard_recipes._SCRIPTS, "small": "strash; " + standard_recipes._SCRIPTS["small"]}
        monkeypatch.setattr(standard_recipes, "_SCRIPTS", scripts)
    elif change == "constraints":
        monkeypatch.setattr(standard_recipes, "constraints", lambda _library: "set_load 99\n")
    else:
        monkeypatch.setattr(tools, "yosys_release", lambda: "0.1")
    mapped(verilog, osu018, 41.0)
    assert len(searches(empty_cache)) == 2


def test_a_damaged_memory_is_searched_again(design, osu018, empty_cache):
    first = mapped(design("add16"), osu018, 40.0)
    (path,) = empty_cache.rglob("*.v.z")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert mapped(design("add16"), osu018, 40.001) == first
    assert b"endmodule" in zlib.decompress(path.read_bytes())


def test_abc_says_itself_why_it_fails(design, osu018, empty_cache, monkeypatch):
    scripts = {**standard_recipes._SCRIPTS, "small": f"no_such_command; write_verilog best.v; {abc_memory.RESUME}"}
    monkeypatch.setattr(standard_recipes, "_SCRIPTS", scripts)
    with pytest.raises(tools.BitmillError, match="ABC"):
        mapped(design("add16"), osu018, 40.0)
    assert searches(empty_cache) == []
