import json
import sys

import pytest

from bitmill import BitmillError
from bitmill.fpga.board import build_bitstream
from bitmill.system import tools


def test_icebreaker_bitstream_of_an_adder(design, tmp_path):
    built = build_bitstream(design("add16"), "top", tmp_path / "new" / "folder")
    data = built.path.read_bytes()
    # An iCE40 bitstream: preamble 7E AA 99 7E, and the same design placed twice gives the same bytes.
    assert b"\x7e\xaa\x99\x7e" in data[:64]
    assert len(data) > 100_000
    assert built.fmax_mhz > built.clock_mhz == 12
    assert 16 < built.used["ICESTORM_LC"] < 1000
    record = json.loads((tmp_path / "new" / "folder" / "top.icebreaker.json").read_text())
    assert record == built.to_dict()
    assert (record["bytes_in"], record["bytes_out"]) == (4, 2)
    assert [port["name"] for port in record["inputs"]] == ["a", "b"]
    assert sorted(path.name for path in built.path.parent.iterdir()) == ["top.icebreaker.bin", "top.icebreaker.json"]


@pytest.mark.long
def test_same_inputs_give_the_same_bitstream(design, tmp_path):
    files = [build_bitstream(design("counter"), "top", tmp_path / name, dsp=True).path for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_failed_build_is_one_line_and_leaves_nothing_behind(tmp_path, monkeypatch):
    # It is known before place and route, which is not run.
    ready, placed = tools.ready_tool, tmp_path / "placed"
    placing = ["sh", "-c", f"touch {placed}; exit 1"]
    monkeypatch.setattr(tools, "ready_tool", lambda name: placing if name.startswith("nextpnr") else ready(name))
    # Nine multipliers; the part has eight blocks.
    products = "".join(f"assign y[{16 * k} +: 16] = a[{8 * k} +: 8] * b;\n" for k in range(9))
    many = f"module top(input [71:0] a, input [7:0] b, output [143:0] y);\n{products}endmodule\n"
    with pytest.raises(
        BitmillError, match=r"^unit must fit device up5k, not one that needs 9 DSP blocks of 8$"
    ) as caught:
        build_bitstream(many, "top", tmp_path / "out", dsp=True)
    assert "\n" not in str(caught.value)
    assert not placed.exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_a_unit_too_slow_for_the_board_is_refused(tmp_path):
    slow = "module top(input clk, input [23:0] a, b, output reg [23:0] y); always @(posedge clk) y <= a % b; endmodule"
    with pytest.raises(BitmillError, match=r"icebreaker build: ERROR: Max frequency"):
        build_bitstream(slow, "top", tmp_path / "out")


def test_unknown_board_lists_the_known(design, tmp_path):
    with pytest.raises(BitmillError, match="board must be one of icebreaker, not 'de10'"):
        build_bitstream(design("add16"), "top", tmp_path, board="de10")


def test_missing_boards_package_is_one_line(design, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "amaranth_boards.icebreaker", None)
    with pytest.raises(
        BitmillError, match=r"^missing package amaranth-boards: install it with `pip install amaranth-b"
    ):
        build_bitstream(design("add16"), "top", tmp_path)
