"""Cost models: what is counted, what is held out, that a fit finds prices again, and what the shipped ones rest on."""

import json

import pytest

from bitmill import BitmillError
from bitmill.config import AcceleratorConfig, ExactAccumulator, FixedAccumulator, FloatAccumulator, WindowAccumulator
from bitmill.reports.committed import committed_records
from bitmill.reports.cost import fit, model
from bitmill.reports.cost.features import features
from bitmill.reports.cost.held_out import reason_held_out
from bitmill.reports.cost.model import CostModel, shipped_models
from bitmill.reports.full.models import fitted_models
from bitmill.reports.full.plan import GRID, studies
from bitmill.reports.ids import unit_key
from bitmill.reports.records import FULL, Record, metric
from bitmill.reports.sweep.targets import tasks_of
from bitmill.reports.sweep.task import unit_of


def unit(fmt, lanes=1, accumulator=None, **fields):
    return AcceleratorConfig(
        weight=fmt,
        activation=fmt,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        accumulator=accumulator or ExactAccumulator(),
        **fields,
    )


def test_what_an_integer_dot_product_is_made_of():
    found = features(unit("INT8", 4))
    # Four digits of two bits, each a row of nine bits; three adders of ten join them; four lanes.
    assert (found["digit"], found["digit row"], found["digit add"]) == (16, 4 * 4 * 9, 4 * 3 * 10)
    # -128 * -128 takes 16 bits: two adders of 17 bits and one of 18; 4096 such sums take 28 bits.
    assert found["add"] == 17 + 17 + 18
    assert found["accumulate"] == found["accumulator register"] == 28
    assert found["count"] == 11
    assert not {name for name in found if "float" in name or "shift" in name or "half" in name}


def test_what_a_minifloat_mac_is_made_of():
    found = features(unit("E2M1", pipeline=0))
    # Two-bit significands make products up to 9 in 4 bits, moved by a 3-bit exponent: steps of 1 and 2 places,
    # 5 and 7 bits, and the last in groups.
    assert found["shift"] == 5 + 7
    assert found["place"] == 9
    assert found["multiple"] == 2 + 2
    assert found["exponent add"] == 3
    assert "add" not in found


def test_an_odd_width_has_half_a_digit():
    assert features(unit("INT5"))["half a digit"] == 6
    assert "half a digit" not in features(unit("INT6"))


@pytest.mark.parametrize(("value", "digits"), [(0, 0), (1, 1), (3, 2), (7, 2), (11, 3), (12, 2), (64, 1)])
def test_nonzero_digits(value, digits):
    from bitmill.reports.cost.features import _nonzero_digits

    assert _nonzero_digits(value) == digits


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (unit("E3M4"), "format E3M4"),
        (unit("INT8", 16), "k = 16"),
        (unit("INT8", 4, WindowAccumulator(width=16)), "accumulator window16"),
        (unit("E4M3", 1, FloatAccumulator(format="FP16")), "accumulator fp16"),
        (AcceleratorConfig(weight="INT4", activation="INT10"), "format INT10"),
    ],
)
def test_what_is_held_out(config, reason):
    assert reason_held_out(config) == reason


def test_a_tenth_of_the_rest_is_held_out():
    widths = range(20, 320)
    tenth = [
        width
        for width in widths
        if reason_held_out(unit("INT8", accumulator=FixedAccumulator(width=width, overflow="wrap"))) == "random tenth"
    ]
    assert 15 <= len(tenth) <= 45


def grid_units():
    return list(studies()[GRID].expand().units.values())


def made_up(units, price, target="generic", name="logic"):
    return [
        Record(
            id=f"{unit_key(config)}/{target}",
            kind="area",
            config={**config.to_dict(), "target": target, "dsp": False, "period_ns": None},
            unit=unit_key(config),
            flow={},
            tool_versions={"yosys": "0.70"},
            seeds=(),
            metrics={name: metric(price(config), "LUT4")},
        )
        for config in units
    ]


def test_a_fit_finds_prices_again_and_sees_no_held_out_unit():
    prices = {"digit row": 7.0, "add": 3.0, "shift": 5.0, "float add": 11.0}

    def price(config):
        if reason_held_out(config):
            return 1.0 + config.lanes / 1000  # would spoil the fit
        return sum(prices.get(name, 2.0) * count for name, count in features(config).items())

    found = fit.fit(made_up(grid_units(), price), target="generic", metric="logic", source="here", command="none")
    assert found.fitted.p90 < 1e-3
    assert found.held_out.median > 10
    for name, expected in prices.items():
        assert found.prices[name] == pytest.approx(expected, rel=0.05), name
    assert not set(found.provenance["fitted_on"]) & set(found.provenance["held_out"])


def test_too_few_units_are_refused():
    records = made_up(grid_units()[:5], lambda _config: 5.0)
    with pytest.raises(
        BitmillError, match=r"units of generic must be at least \d+ to fit and some held out, not \d+ and \d+"
    ):
        fit.fit(records, target="generic", metric="logic", source="", command="")


def test_the_default_study_is_large_and_has_everything_that_is_held_out():
    units = grid_units()
    assert len(units) >= 60
    targets = studies()[GRID].targets
    assert targets.generic
    assert "logic" in targets.ecp5
    reasons = {reason_held_out(config) for config in units}
    assert {f"format {name}" for name in ("E3M4", "E4M2", "INT6", "INT10")} <= reasons
    assert {"k = 16", "accumulator window16", "accumulator fp16", "random tenth"} <= reasons


def test_shipped_models_are_those_of_the_committed_records():
    measured = [record for record in committed_records(FULL) if record.kind == "area"]
    grid = {task.key for task in tasks_of(studies()[GRID].expand(), studies()[GRID].targets)}
    assert grid <= {record.id for record in measured}
    again = fitted_models([record for record in measured if record.id in grid])
    shipped = {found.name: found for found in shipped_models()}
    assert set(shipped) == {found.name for found in again}
    for found in again:
        assert shipped[found.name].prices == pytest.approx(found.prices, rel=1e-3, abs=1e-3)
        assert shipped[found.name].held_out == found.held_out


@pytest.mark.parametrize("found", shipped_models(), ids=lambda found: found.name)
def test_no_held_out_unit_was_in_a_fit_and_errors_are_within_the_targets(found):
    by_key = {unit_key(config): config for config in grid_units()}
    fitted, held_out = found.provenance["fitted_on"], found.provenance["held_out"]
    assert {*fitted, *held_out} == set(by_key)
    assert [name for name in fitted if reason_held_out(by_key[name])] == []
    assert all(reason_held_out(by_key[name]) == reason for name, reason in held_out.items())
    assert found.held_out.units == len(held_out) >= 60
    assert found.held_out.median <= 0.04
    assert found.held_out.p90 <= 0.10
    assert found.held_out.rank >= 0.98


def test_estimates_lie_near_committed_synthesis():
    records = committed_records(FULL)
    for found in shipped_models():
        for name in ("e3m4-k16-exact", "int6-k8-exact", "e4m3-k8-window16"):
            record = records[f"{name}/{found.target}"]
            estimate = found.estimate(unit_of(record))
            assert estimate.low < estimate.value < estimate.high
            assert estimate.value == pytest.approx(record.number(found.metric), rel=0.15)
            assert estimate.beyond == ()


def test_a_unit_beyond_the_fit_says_so(cli):
    found = shipped_models()[0].estimate(unit("INT8", 256))
    assert "add" in found.beyond


def test_a_part_without_a_price_is_refused():
    first = shipped_models()[0]
    fewer = {name: price for name, price in first.prices.items() if name != "add"}
    known = CostModel(**{**first.__dict__, "prices": fewer})
    with pytest.raises(
        BitmillError, match=r"INT8 dot4, exact 28-bit accumulator: the cost models know no price of add"
    ):
        known.estimate(unit("INT8", 4))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"target": 1}', "\0"])
def test_a_spoilt_model_is_refused(text, tmp_path):
    path = tmp_path / "generic-logic.json"
    path.write_text(text)
    with pytest.raises(BitmillError, match=r"generic-logic.json: not a cost model of bitmill"):
        CostModel.load(path)
    with pytest.raises(BitmillError, match=r"cannot read the cost model"):
        CostModel.load(tmp_path / "none.json")
    with pytest.raises(BitmillError, match=r"must hold cost models"):
        model.shipped_models(tmp_path / "empty")


def test_a_model_is_read_as_it_was_written(tmp_path):
    first = shipped_models()[0]
    path = tmp_path / "model.json"
    path.write_text(first.to_json())
    assert CostModel.load(path) == first


def test_estimate_on_the_command_line(cli, tmp_path):
    out = tmp_path / "estimate.json"
    result = cli("estimate", "--preset", "e4m3-dot32", "-o", out)
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0] == "E4M3 dot32, exact 49-bit accumulator"
    assert "90 % within" in lines[1]
    assert len(lines) == 2 + len(shipped_models())
    rows = json.loads(out.read_text())["estimates"]
    assert [f"{row['target']}-{row['metric']}" for row in rows] == [found.name for found in shipped_models()]
    assert all(row["low"] < row["value"] < row["high"] for row in rows)


@pytest.mark.parametrize(("preset", "what"), [("int8-4x4", "an array"), ("bitmod-pe", "a bit-serial tile")])
def test_estimate_refuses_what_no_model_knows(preset, what, cli):
    result = cli("estimate", "--preset", preset)
    assert result.status == 2
    assert result.err == f"bitmill: error: unit must be 'mac' or 'dot' to be estimated, not {what}\n"
