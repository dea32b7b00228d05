"""``bitmill synth`` of large units: the clock of a slice, PEs mapped once, the time left, and what does not fit."""

from __future__ import annotations

import json

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.commands.large_units import Left, RecipePace
from bitmill.fpga.capacity import CAPACITY, check_fits, excess
from bitmill.fpga.cells import count_cells
from bitmill.fpga.large_cells import map_large
from bitmill.fpga.liberty import read_library
from bitmill.fpga.standard_cells import map_standard_cells
from bitmill.fpga.timing import DEVICES

LARGE = MacConfig.from_dict({"weight": "INT2", "activation": "INT2", "unit": "array", "rows": 3, "cols": 6, "k_max": 8})


def _record(cli, path, *options):
    path.with_suffix(".toml").write_text(LARGE.to_toml())
    result = cli("synth", path.with_suffix(".toml"), "--target", "ecp5", "--seeds", "1", *options, "-o", path)
    assert result.status == 0, result.err
    return json.loads(path.read_text()), result


def test_a_large_unit_is_counted_by_its_pe_and_timed_by_a_slice(cli, tmp_path):
    sliced, told = _record(cli, tmp_path / "sliced.json")
    whole, other = _record(cli, tmp_path / "whole.json", "--clock", "whole", "--no-timing")
    on = MacConfig.from_dict(sliced["clock_measured_on"]["configuration"])
    assert on == MacConfig.from_dict({**LARGE.to_dict(), "cols": 3})
    assert sliced["clock_measured_on"]["title"] == on.title
    assert f"clock measured on a slice, {on.title}" in told.out
    assert "placing INT2 3x3 array" in told.err
    assert "clock_measured_on" not in whole
    assert "slice" not in other.out
    by_pe, flat = (record["synthesis"]["counts"] for record in (sliced, whole))
    assert by_pe["registers"] == pytest.approx(flat["registers"], rel=0.03)
    assert by_pe["logic"] == pytest.approx(flat["logic"], rel=0.1)
    # Cells of the slice would be half as many.
    assert sliced["timing"]["placements"][0]["used"]["TRELLIS_FF"] < 0.8 * by_pe["registers"]


STAGE = "module stage(input clk, input [7:0] a, output reg [7:0] b); always @(posedge clk) b <= b + a; endmodule\n"


def chain(stages: int) -> str:
    """Accumulators behind one another, each as slow as the others."""
    placed = "".join(f"stage s{at}(.clk(clk), .a(w{at}), .b(w{at + 1}));\n" for at in range(stages))
    wires = "".join(f"wire [7:0] w{at};\n" for at in range(stages + 1))
    ports = f"assign w0 = a; assign b = w{stages};\n"
    return f"{STAGE}module top(input clk, input [7:0] a, output [7:0] b);\n{wires}{placed}{ports}endmodule\n"


def test_cells_of_the_whole_with_the_clock_of_the_slice():
    library, told = read_library(), []
    options = {"period_ns": 20.0, "clock_gating": False}
    result = map_large(
        chain(6), chain(2), "top", library, once_of_whole=("stage",),
        progress=lambda name, seconds, left: told.append((name, seconds, left)), **options,
    )  # fmt: skip
    part = map_standard_cells(chain(2), "top", library, **options)
    assert result.best.registers == 48
    assert part.best.registers == 16
    assert result.best.delay_ns == part.best.delay_ns
    assert result.best.logic_ge == pytest.approx(3 * part.best.logic_ge, rel=0.1)
    assert [left for *_, left in told][-1] == 0
    assert all(seconds >= 0 for _, seconds, _ in told)


def test_the_time_left_is_that_of_jobs_of_the_same_kind():
    left = Left({"recipe a": "recipe", "recipe b": "recipe", "placement 1": "placement", "placement 2": "placement"}, 2)
    assert left.done("recipe a", 4.0) is None, "no placement is done yet"
    assert left.done("placement 1", 60.0) == pytest.approx((4 + 60) / 2)
    assert left.done("recipe b", 6.0) == pytest.approx(60)
    assert left.done("placement 2", 60.0) == 0


def test_the_time_of_recipes_is_their_mean():
    pace = RecipePace()
    assert pace.left(10.0, 1) == pytest.approx(10)
    assert pace.left(20.0, 1) == pytest.approx(15)
    assert pace.left(15.0, 0) == 0


def test_what_does_not_fit_says_needed_and_available():
    counts = count_cells("ecp5", {"LUT4": 80_000, "CCU2C": 5_000, "MULT18X18D": 256, "TRELLIS_FF": 100})
    assert excess("ecp5", counts) == "needs 90,000 LUT4 of 83,640 and 256 DSP blocks of 156"
    with pytest.raises(BitmillError, match=r"unit must fit device ecp5, not one that needs 90,000 LUT4 of 83,640 and"):
        check_fits("ecp5", counts)
    check_fits("ecp5", count_cells("ecp5", {"LUT4": 83_640, "MULT18X18D": 156}))
    assert excess("hx8k", count_cells("ice40", {"SB_LUT4": 7_681})) == "needs 7,681 LUT4 of 7,680"


def test_the_capacity_of_every_device_is_known():
    assert set(CAPACITY) == set(DEVICES)
