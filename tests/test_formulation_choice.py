"""Choosing a formulation: the search over the tables' rows, what the commands say and write, what they refuse."""

import json
from typing import Any

import pytest

from bitmill import MacConfig
from bitmill.fpga.formulation_choice import Figures, as_toml, choose, formulation_name


def unit(weight="E4M3", **fields):
    return MacConfig.from_dict({"weight": weight, "activation": weight, "unit": "dot", "lanes": 4, **fields})


def probe_of(costs: dict[str, Any], default: Any = 100.0):
    """Figures by the formulation's name: a cost, or a cost and a delay that misses the clock."""
    seen = []

    def probe(config, most):
        name = formulation_name(config)
        seen.append(name)
        found = costs.get(name, default)
        figures = Figures(True, found) if not isinstance(found, tuple) else Figures(False, *found)
        return None if figures.cost > most else figures

    return probe, seen


def test_the_smallest_that_meets_the_clock_is_kept():
    costs = {
        "logic, grouped, tree": 90.0,
        "logic, binned, tree": 80.0,
        "logic, counted, compressed": 85.0,
        "operator, binned, tree": 82.0,
        "logic, grouped, compressed": (10.0, 30.0),
    }
    probe, seen = probe_of(costs)
    choice = choose(unit(), probe)
    assert formulation_name(choice.config) == "logic, binned, tree"
    assert set(choice.tried) == set(seen)
    assert next(iter(choice.tried)) == "logic, grouped, tree"
    assert len(seen) == len(set(seen))
    assert choice.tried["logic, barrel, tree"] is None
    assert choice.to_dict()["tried"]["logic, barrel, tree"] is None
    assert choice.to_dict()["chosen"] == "logic, binned, tree"


def test_where_none_meets_the_clock_the_fastest_is_kept():
    probe, _ = probe_of({"logic, barrel, tree": (200.0, 8.0)}, default=(50.0, 9.0))
    assert formulation_name(choose(unit(), probe).config) == "logic, barrel, tree"


def test_a_row_brings_what_it_needs():
    probe, _ = probe_of({"logic, counted, compressed": 1.0})
    choice = choose(unit(), probe)
    assert choice.config.reduction == "compressed"
    assert as_toml(choice.config) == 'multiplier = "logic", aligner = "counted", reduction = "compressed"'


def test_dsp_blocks_take_multipliers_that_use_them():
    probe, seen = probe_of({"operator, grouped, tree": 1.0})
    assert choose(unit("INT8"), probe, dsp=True).config.multiplier == "operator"
    assert not [name for name in seen if name.startswith(("bits", "columns", "digits"))]


def test_windows_have_rows_of_their_own():
    probe, seen = probe_of({})
    choose(unit(accumulator={"kind": "window", "width": 24}), probe)
    assert [name for name in seen if "early" in name]
    assert not [name for name in seen if "binned" in name or "compressed" in name]


def test_what_a_file_states(here):
    (here / "a.toml").write_text('weight = "INT4"\nactivation = "INT4"\n')
    (here / "b.toml").write_text('weight = "INT4"\nactivation = "INT4"\nmultiplier = "logic"\n')
    (here / "c.toml").write_text('weight = "INT4"\nactivation = "INT4"\naligner = "grouped"\n')
    for name, stated in (("a.toml", False), ("b.toml", True), ("c.toml", True)):
        config = MacConfig.from_toml(here / name)
        assert config.states_formulation is stated
        (here / "again.toml").write_text(config.to_toml())
        again = MacConfig.from_toml(here / "again.toml")
        assert again == config
        assert again.states_formulation is stated


def test_what_was_generated_is_built_as_what_it_was_generated_from(cli, here):
    (here / "u.toml").write_text('weight = "INT2"\nactivation = "INT2"\nk_max = 4\n')
    assert cli("generate", "u.toml", "-o", "out").status == 0
    told = [cli("synth", name, "--target", "generic").err.splitlines() for name in ("u.toml", "out/config.toml")]
    (first,), (second,) = ([line for line in lines if line.startswith("bitmill: formulation")] for lines in told)
    assert first == second
    assert "the best of" in first


def test_synth_chooses_and_says_so(cli, here):
    (here / "u.toml").write_text(
        'weight = "E2M1"\nactivation = "E2M1"\nunit = "dot"\nlanes = 2\nk_max = 8\npipeline = 0\n'
    )
    done = cli("synth", "u.toml", "--target", "generic", "-o", "r.json")
    assert done.status == 0, done.err
    record = json.loads((here / "r.json").read_text())
    chosen, tried = record["formulations"]["chosen"], record["formulations"]["tried"]
    assert formulation_name(MacConfig.from_dict(record["configuration"])) == chosen
    assert (
        tried[chosen]["cost"]
        == min(found["cost"] for found in tried.values())
        == record["synthesis"]["counts"]["logic"]
    )
    assert f"bitmill: formulation {chosen}, the best of {len(tried)} for generic: " in done.err
    kept = cli("synth", "u.toml", "--target", "generic", "--formulation", "configured", "-o", "s.json")
    assert "formulation logic, grouped, tree, the usual one; --formulation best tries others" in kept.err
    usual = {"multiplier": "logic", "aligner": "grouped", "reduction": "tree"}
    told = json.loads((here / "s.json").read_text())
    assert "formulations" not in told
    assert told["formulation"] == {**usual, "why": "usual"}
    assert record["formulation"]["why"] == "best"


@pytest.mark.parametrize(("preset", "kind"), [("int8-4x4", "array"), ("softmax-1", "softmax")])
def test_other_units_are_built_as_configured(refuses, preset, kind):
    told = refuses("synth", "--preset", preset, "--target", "generic", "--formulation", "best")
    assert told == f"formulation must be as configured but for units 'mac' and 'dot', not the best of {kind!r}"


def test_generate_for_a_target(cli, here):
    (here / "u.toml").write_text(
        'weight = "E2M1"\nactivation = "E2M1"\nunit = "dot"\nlanes = 2\nk_max = 8\npipeline = 0\n'
    )
    probed = cli("synth", "u.toml", "--target", "generic", "-o", "r.json")
    assert probed.status == 0, probed.err
    done = cli("generate", "u.toml", "--for", "generic", "-o", "out")
    assert done.status == 0, done.err
    written = MacConfig.from_toml(here / "out/config.toml")
    assert written.to_dict() == json.loads((here / "r.json").read_text())["configuration"]
    assert written.states_formulation
    again = cli("synth", "out/config.toml", "--target", "generic", "-o", "s.json")
    assert "as the configuration states it" in again.err
    assert json.loads((here / "s.json").read_text())["formulation"]["why"] == "stated"


@pytest.mark.parametrize("purpose", ["sky130", "sky130@", "sky130@-1", "sky130@nan", "ecp5@10", "tsmc7@5"])
def test_generate_for_what_is_not_known(refuses, purpose):
    told = refuses("generate", "--preset", "int4-mac", "--for", purpose, "-o", "out")
    assert told.startswith("--for must be one of generic, ")
    assert told.endswith(f"such as sky130@12, not {purpose!r}")
