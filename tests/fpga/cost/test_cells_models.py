"""Cost models of cell libraries: a scale and a correction of the gates' model, judged by units held out."""

import json
import random
import shutil
from contextlib import suppress
from functools import cache

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.presets import preset
from bitmill.fpga.cost import model
from bitmill.fpga.cost.cells_fitting import LEAST_UNITS, fit_cells
from bitmill.fpga.cost.features import features
from bitmill.fpga.cost.measured_units import Measured, Units
from bitmill.fpga.cost.model import library_models, shipped_models
from bitmill.fpga.cost.space import unit as drawn
from bitmill.fpga.cost.traits import reckoned_gates
from bitmill.studies.cost import __main__ as command
from bitmill.studies.cost import measure as measuring

MOST_GATES = 1500
GENERIC = {found.metric: found for found in shipped_models() if found.target == "generic"}


@cache
def made_up(seed, *, count=40, spread=0.02, factor=1.3):
    """Small units that cost a little more or less than ``factor`` times what the gates' model says."""
    dice = random.Random(seed)
    found = []
    index = 0
    while len(found) < count:
        config = drawn(seed, index)
        logic = registers = 0.0
        with suppress(BitmillError):
            if config.lanes <= 8 and reckoned_gates(features(config)) <= MOST_GATES:
                logic, registers = (GENERIC[metric].estimate(config).value for metric in ("logic", "registers"))
        if logic:
            noise = [1 + spread * dice.uniform(-1, 1) for _ in range(2)]
            cells = (factor * logic * noise[0], 5 * registers * noise[1], "plain, ripple, small")
            found.append(Measured(seed, index, config.to_dict(), {"made-up": cells}))
        index += 1
    return Units("made up", {"yosys": "0"}, tuple(found), ("made-up",))


@pytest.fixture(scope="module")
def models():
    return {found.metric: found for found in fit_cells("made-up", made_up(201), made_up(202), provenance={})}


def test_a_scale_is_found_again_and_errors_are_those_of_units_held_out(models):
    assert models["logic"].prices["base"] == pytest.approx(1.3, rel=0.01)
    assert models["registers"].prices["base"] == pytest.approx(5, rel=0.01)
    errors = models["logic"].held_out
    assert errors.units + errors.refused == 40
    assert errors.units >= 30
    assert errors.median < 0.02
    assert errors.within > 0.9
    # Judged by units that cost half as much more, the same models are wrong.
    worse = fit_cells("made-up", made_up(201), made_up(202, factor=2), provenance={})
    assert worse[0].held_out.median > 0.3
    assert worse[0].held_out.within == 0


def test_what_is_larger_than_any_measured_unit_is_refused(models):
    large = preset("e4m3-dot32")
    with pytest.raises(
        BitmillError, match=r"^unit must have at most [\d,]+ gates by reckoning for made-up logic to be estimated"
    ):
        models["logic"].estimate(large)
    with pytest.raises(BitmillError, match="to be estimated"):
        models["logic"].estimate(preset("int8-4x4"))


def test_a_library_that_scatters_widely_has_no_model():
    with pytest.raises(
        BitmillError, match=r"^made-up logic: a model must estimate half of the units within 10%, not \d+ of"
    ):
        fit_cells("made-up", made_up(201, spread=0.6), made_up(202, spread=0.6), provenance={})


def test_few_units_are_no_model():
    few = made_up(201, count=LEAST_UNITS - 1)
    with pytest.raises(
        BitmillError, match=f"^made-up: units to fit on must be at least {LEAST_UNITS}, not {LEAST_UNITS - 1}$"
    ):
        fit_cells("made-up", few, made_up(202), provenance={})
    with pytest.raises(BitmillError, match=r"^made-up: units held out must be"):
        fit_cells("made-up", made_up(201), few, provenance={})


@pytest.fixture
def shipped(models, monkeypatch, tmp_path):
    """The made-up library's models as files, beside those that come with bitmill."""
    shutil.copytree(model.MODELS, tmp_path / "models")
    monkeypatch.setattr(model, "MODELS", tmp_path / "models")
    command._write(models.values(), tmp_path / "models/made-up")
    return tmp_path / "models"


def test_models_are_read_as_they_were_written(models, shipped):
    config = next(iter(drawn(found.seed, found.index) for found in made_up(202).measured))
    again = {found.metric: found for found in library_models("made-up")}
    for metric, found in models.items():
        assert again[metric].name == f"made-up-{metric}"
        assert again[metric].estimate(config).value == pytest.approx(found.estimate(config).value)
        assert (again[metric].held_out, again[metric].most_gates) == (found.held_out, found.most_gates)


def test_estimate_on_the_command_line(shipped, cli, refuses):
    config = ["--preset", "int4-mac"]
    rows = json.loads(cli("estimate", *config, "--cells", "made-up", "--json").out)["estimates"]
    assert [(row["target"], row["metric"], row["unit"]) for row in rows] == [
        ("made-up", "logic", "GE"), ("made-up", "registers", "GE"),
    ]  # fmt: skip
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]
    assert rows[0]["held_out"]["units"] >= 30
    assert refuses("estimate", *config, "--cells", "mine") == (
        "cells must be a library that a cost model was fitted on, "
        f"{', '.join(sorted(path.name for path in shipped.iterdir() if path.is_dir()))}, not 'mine'; "
        "bitmill synth --target cells measures a unit"
    )


def test_the_units_measured_on_sky130_so_far_are_too_few_for_a_model():
    with pytest.raises(
        BitmillError, match=r"^sky130 logic: a model must estimate half of the units within 10%, not \d+ of 32$"
    ):
        command.library_fitted("sky130")
    with pytest.raises(
        BitmillError, match=r"^cells must be a library that a cost model was fitted on, .*, not 'sky130'; "
    ):
        library_models("sky130")


def test_units_of_a_library_are_read_as_they_were_written(tmp_path):
    units = made_up(201, count=3)
    (tmp_path / "units.json").write_text(units.to_json())
    again = Units.load(tmp_path / "units.json")
    assert (again.targets, again.about) == (("made-up",), "made up")
    assert [found.config for found in again.measured] == [found.config for found in units.measured]
    assert np.allclose([found.cells["made-up"][0] for found in again.measured],
                       [found.cells["made-up"][0] for found in units.measured])  # fmt: skip


def test_units_are_measured_on_a_library_as_synth_measures_them(tmp_path):
    """One unit of a few gates on osu018, from the journal the second time."""
    small = measuring.MacConfig(weight="INT2", activation="INT2", k_max=4, pipeline=0)
    how = {
        "journal": tmp_path / "journal",
        "seconds": 100,
        "workers": 1,
        "library": "osu018",
        "draw": lambda _seed, _index: small,
    }
    (found,) = measuring.measure(7, [0], **how)
    logic, registers, recipe = found.cells["osu018"]
    assert 10 < logic < 100
    assert 40 < registers < 200
    assert "small" in recipe
    assert [again.config for again in measuring.measure(7, [0], **how)] == [found.config]
    assert len((tmp_path / "journal").read_text().splitlines()) == 1
