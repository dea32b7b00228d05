import dataclasses
import json
import re

import pytest

from bitmill import BitmillError, MacConfig, sim
from bitmill.fpga.cell_models import cell_models
from bitmill.fpga.liberty import parse_library, read_library
from bitmill.fpga.standard_cells import Flow, map_standard_cells
from bitmill.fpga.standard_recipes import Recipe, recipe_named
from bitmill.hdl.emit.verilog import TOP, emit
from bitmill.system import tools

PLAIN = Recipe()


@pytest.fixture(scope="module")
def osu018():
    return read_library()


def flow(verilog, library, top="top", *, period_ns=10.0, gating=True):
    return Flow(verilog=verilog, top=top, library=library, period_ns=period_ns, clock_gating=gating)


def one(design, library, name, recipe=PLAIN, *, gating=True):
    return flow(design(name), library, gating=gating).map(recipe)


def test_cells_counted_by_hand(design, osu018):
    nand = one(design, osu018, "nand")
    assert (nand.logic_ge, nand.registers_ge, nand.cells) == (1, 0, {"NAND2X1": 1})
    registered = one(design, osu018, "registered_and8")
    assert (registered.registers, registered.registers_ge) == (1, 4), "a flip-flop has the area of four NAND2"
    assert registered.area == pytest.approx(24 * (registered.logic_ge + registered.registers_ge), abs=0.5)


def test_full_adder_cells_where_an_adder_ripples_and_none_in_a_prefix_adder(design, osu018):
    ripple, prefix = one(design, osu018, "add16"), one(design, osu018, "add16", Recipe(ripple=0, effort="fast"))
    narrow = one(design, osu018, "add16", Recipe(ripple=15, effort="fast"))
    # The lowest bit has no carry in and is no full adder.
    assert ripple.cells["FAX1"] == 15
    assert "FAX1" not in prefix.cells
    assert narrow.cells == prefix.cells
    assert ripple.logic_ge < prefix.logic_ge
    assert ripple.delay_ns > prefix.delay_ns


@pytest.mark.parametrize("gates", [False, True])
def test_full_adders_of_gates_where_a_library_wants_them_tried(design, osu018, gates):
    library = dataclasses.replace(osu018, gate_adders=gates)
    tried = map_standard_cells(design("add16"), "top", library, period_ns=2.5).tried
    found = [row for row in tried if "gates" in row.recipe]
    assert bool(found) is gates
    for row in found:
        assert recipe_named(row.recipe).gates
        assert "FAX1" not in row.cells


def test_gates_are_not_searched_where_the_smallest_circuit_meets_the_clock(design, osu018):
    library = dataclasses.replace(osu018, gate_adders=True)
    result = map_standard_cells(design("add16"), "top", library, period_ns=20.0)
    assert result.met
    assert not [row.recipe for row in result.tried if "gates" in row.recipe]


@pytest.mark.parametrize("recipe", [PLAIN, Recipe(ripple=0), Recipe("booth", 4)], ids=lambda recipe: recipe.name)
def test_negation_has_one_operand(design, osu018, recipe):
    mapped = one(design, osu018, "negate", recipe)
    assert mapped.registers == 8
    assert 8 < mapped.logic_ge < 60


def test_gated_clock_takes_the_multiplexers_away(design, osu018):
    gated, plain = one(design, osu018, "enabled"), one(design, osu018, "enabled", gating=False)
    assert gated.cells["LATCH"] == 1
    assert gated.registers == plain.registers + 1
    assert plain.cells["MUX2X1"] == 4
    assert "MUX2X1" not in gated.cells


def test_smallest_that_meets_the_period_else_the_fastest(design, osu018):
    slow, tight, impossible = (
        map_standard_cells(design("add16"), "top", osu018, period_ns=period) for period in (20.0, 3.0, 0.01)
    )
    assert slow.met
    assert "ripple" in slow.best.recipe
    assert tight.met
    assert tight.best.delay_ns <= 3 < slow.best.delay_ns
    assert tight.best.area == min(row.area for row in tight.tried if row.delay_ns <= 3)
    assert tight.best.area > slow.best.area
    assert not impossible.met
    assert impossible.best.delay_ns == min(row.delay_ns for row in impossible.tried)


def test_ways_to_build_a_multiplier_are_tried_and_named(design, osu018):
    result = map_standard_cells(design("multiply8"), "top", osu018, period_ns=20.0)
    kinds = {row.recipe.split(",")[0] for row in result.tried}
    assert kinds == {"plain", "booth", "booth-lowpower", "noalumacc"}
    assert result.best.recipe in [row.recipe for row in result.tried]
    assert len({row.area for row in result.tried}) > 3


def test_record_is_plain_json_with_library_and_tools(design, osu018):
    record = map_standard_cells(design("nand"), "top", osu018, period_ns=5.0).to_dict()
    assert json.loads(json.dumps(record)) == record
    assert (record["library"], len(record["library_sha256"]), record["period_ns"]) == ("osu018_stdcells", 64, 5.0)
    assert record["tools"] == {"yosys": tools.yosys_release(), "opensta": tools.opensta_version()}
    assert record["best"]["recipe"] in record["tried"]


@pytest.mark.parametrize(
    "recipe",
    [
        PLAIN,
        Recipe(ripple=0, effort="fast"),
        Recipe("booth", 12),
        Recipe("booth-lowpower", merged=True),
        Recipe("noalumacc", 0),
    ],
    ids=lambda recipe: recipe.name,
)
def test_netlists_multiply(design, osu018, recipe, wrong_products):
    text = flow(design("multiply8"), osu018).netlist(recipe)
    assert wrong_products(text + cell_models(osu018), every=5) == 0


@pytest.mark.parametrize("gating", [True, False])
def test_a_mac_of_cells_is_the_mac_of_golden(osu018, gating):
    config = MacConfig(weight="E2M1", activation="E2M1", k_max=64)
    recipe = Recipe(ripple=8, merged=True)
    text = flow(emit(config), osu018, TOP, period_ns=5.0, gating=gating).netlist(recipe)
    assert ("LATCH" in text) == gating
    result = sim.verify(config, seed=11, dot_products=20, verilog=text + cell_models(osu018))
    assert result.mismatches == 0
    assert min(result.transactions, result.input_stalls, result.output_stalls, result.resets) > 0


def test_a_library_without_adders_and_clock_gates_will_do(design, osu018):
    cells = re.split(r"(?=^cell \()", osu018.text, flags=re.MULTILINE)
    kept = [cell for cell in cells if not cell.startswith(("cell (FAX", "cell (HAX", "cell (LATCH", "cell (AND2"))]
    poor = parse_library("".join(kept))
    assert (poor.full_adder, poor.latch, poor.and2) == (None, None, None)
    result = map_standard_cells(design("add16"), "top", poor, period_ns=20.0)
    assert result.met
    assert not result.clock_gating
    assert set(result.best.cells) <= set(poor.areas)


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan"), float("inf")])
def test_period_must_be_positive(design, osu018, period):
    with pytest.raises(BitmillError, match=rf"^period must be a positive number of ns, not {period!r}$"):
        map_standard_cells(design("nand"), "top", osu018, period_ns=period)


def test_a_period_that_abc_cannot_take_is_refused(design, osu018):
    with pytest.raises(BitmillError, match=r"^period must be at most 1,000,000 ns, not 1000000\.1$"):
        map_standard_cells(design("nand"), "top", osu018, period_ns=1000000.1)
    assert map_standard_cells(design("nand"), "top", osu018, period_ns=1e6).met
