"""Study files: what is crossed, what is skipped and why, keys that tell units apart, one line for every mistake."""

import time

import pytest

from bitmill import BitmillError, ExactAccumulator, FloatAccumulator, MacConfig, WindowAccumulator
from bitmill.config.accumulators import FixedAccumulator
from bitmill.studies.ids import unit_key
from bitmill.studies.sweep import sizes
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of

STUDY = """
title = "three axes"

[[grid]]
pairs = ["INT8", "E2M1 x E4M3"]
lanes = [1, 8]
accumulators = [{ kind = "exact" }, { kind = "float", format = "FP16", fused = 4 }]
pipeline = [0, 3]

[[grid]]
pairs = ["int8", "E3M2"]

[targets]
generic = true
ecp5 = ["logic", "dsp"]
osu018 = [5.0, 12.5]
clock = [1, 2]
"""


def study(**changes):
    fields = {"title": "t", "grid": [{"pairs": ["INT8"]}], "targets": {"generic": True}, **changes}
    return StudyFile.from_dict(fields, source="s.toml")


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return StudyFile.from_toml(path)


def test_grids_are_crossed_and_put_together(read):
    expanded = read.expand()
    assert list(expanded.units) == [
        "int8-k1-exact-p0", "int8-k1-exact", "int8-k1-fp16-fused4-p0", "int8-k1-fp16-fused4",
        "int8-k8-exact-p0", "int8-k8-exact",
        "e2m1xe4m3-k1-exact-p0", "e2m1xe4m3-k1-exact", "e2m1xe4m3-k1-fp16-fused4-p0", "e2m1xe4m3-k1-fp16-fused4",
        "e2m1xe4m3-k8-exact-p0", "e2m1xe4m3-k8-exact", "e3m2-k1-exact",
    ]  # fmt: skip
    unit = expanded.units["e2m1xe4m3-k8-exact-p0"]
    assert unit == MacConfig(weight="E2M1", activation="E4M3", unit="dot", lanes=8, pipeline=0)


def test_what_cannot_be_built_is_skipped_with_the_reason(read):
    skipped = read.expand().skipped
    assert [(row.fields["weight"], row.fields["lanes"], row.fields["pipeline"]) for row in skipped] == [
        ("INT8", 8, 0), ("INT8", 8, 3), ("E2M1", 8, 0), ("E2M1", 8, 3),
    ]  # fmt: skip
    assert skipped[0].reason == (
        "INT8 x INT8, 8 lanes: accumulator.fused must be a multiple of lanes = 8 and at most k_max = 4096, not 4"
    )


def test_scales_are_an_axis():
    grid = {
        "pairs": ["E2M1"],
        "lanes": [32],
        "accumulators": [{"kind": "exact"}, {"kind": "float"}],
        "scale": ["none", "E8M0"],
    }
    expanded = study(grid=[grid]).expand()
    assert list(expanded.units) == ["e2m1-k32-exact", "e2m1-k32-fp32", "mx-e2m1-k32-fp32"]
    assert expanded.units["mx-e2m1-k32-fp32"].scale == "E8M0"
    (skipped,) = expanded.skipped
    assert skipped.reason == (
        "E2M1 x E2M1, 32 lanes of E8M0 scales: accumulator.kind must be 'float' for scale 'E8M0', not 'exact'"
    )


def test_formulations_are_axes():
    grid = {
        "pairs": ["E4M3", "INT8"],
        "lanes": [4],
        "multiplier": ["logic", "columns"],
        "aligner": ["grouped", "barrel", "binned"],
    }
    expanded = study(grid=[grid]).expand()
    assert list(expanded.units) == [
        "e4m3-k4-exact", "e4m3-k4-exact-barrel", "e4m3-k4-exact-binned", "int8-k4-exact", "int8-k4-exact-columns",
    ]  # fmt: skip
    assert len(expanded.skipped) == 12 - 5
    assert expanded.units["e4m3-k4-exact-barrel"].aligner == "barrel"
    assert expanded.units["int8-k4-exact-columns"].multiplier == "columns"


def test_every_unit_meets_every_target(read):
    expanded = read.expand()
    tasks = list(tasks_of(expanded, read.targets))
    assert len({task.key for task in tasks}) == len(tasks) == 6 * len(expanded.units)
    mine = [task.key for task in tasks if task.key.startswith("e3m2-k1-exact/")]
    assert [key.partition("/")[2] for key in mine] == [
        "generic", "ecp5", "ecp5-dsp", "osu018-5ns", "osu018-12.5ns", "clock",
    ]  # fmt: skip
    assert {task.unit.weight for task in tasks} == {"INT8", "E2M1", "E3M2"}


KEYS = {
    "int8-k1-exact": {},
    "int8-k1-exact32": {"accumulator": ExactAccumulator(width=32)},
    "int8-k1-saturate18": {"accumulator": FixedAccumulator(width=18, overflow="saturate")},
    "int8-k1-wrap18": {"accumulator": FixedAccumulator(width=18, overflow="wrap")},
    "int8-k1-window24": {"accumulator": WindowAccumulator(width=24)},
    "int8-k1-fp32": {"accumulator": FloatAccumulator()},
    "int8-k1-bf16-fused8": {"accumulator": FloatAccumulator(format="BF16", fused=8)},
    "int8-k1-fp32-truncate": {"accumulator": FloatAccumulator(rounding="truncate")},
    "int8-k1-bf16-fused8-truncate": {"accumulator": FloatAccumulator(format="BF16", fused=8, rounding="truncate")},
    "int8-k1-window24-truncate": {"accumulator": WindowAccumulator(width=24, rounding="truncate")},
    "int8-k4-exact-p1": {"unit": "dot", "lanes": 4, "pipeline": 1},
    "int8-k1-exact-max64": {"k_max": 64},
    "int8-k1-exact-operator": {"multiplier": "operator"},
    "mx-int8-k32-fp32": {"unit": "dot", "lanes": 32, "scale": "E8M0", "accumulator": FloatAccumulator()},
    "mx-int8-k1-bf16-truncate-p1": {
        "scale": "E8M0",
        "accumulator": FloatAccumulator(format="BF16", rounding="truncate"),
        "pipeline": 1,
    },
    "int8-k4-exact-columns": {"unit": "dot", "lanes": 4, "multiplier": "columns"},
    "e4m3-k4-exact-binned": {"weight": "E4M3", "activation": "E4M3", "unit": "dot", "lanes": 4, "aligner": "binned"},
    "int8-2x3-k1-exact": {"unit": "array", "rows": 2, "cols": 3},
}


@pytest.mark.parametrize("key", KEYS)
def test_keys_name_what_is_not_as_usual(key):
    assert unit_key(MacConfig(**{"weight": "INT8", "activation": "INT8", **KEYS[key]})) == key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": []}, "grid: must hold at least 1 value(s), not ()"),
        ({"grid": [{"pairs": []}]}, "grid.0.pairs: must hold at least 1 value(s), not ()"),
        ({"grid": [{"pairs": ["INT8"], "lanes": []}]}, "grid.0.lanes: must hold at least 1 value(s), not ()"),
        ({"grid": [{"pairs": ["INT8"], "lanes": 8}]}, "grid.0.lanes: must be a list, not 8"),
        ({"grid": [{"pairs": ["INT8"], "lanes": ["8"]}]}, "grid.0.lanes.0: must be an integer, not '8'"),
        ({"grid": [{"pairs": ["INT8"], "colour": ["red"]}]},
         "field 'grid.0.colour' is unknown; accepted are pairs, lanes, accumulators, scale, block, pipeline, k_max, multiplier, "
         "aligner, reduction, periods"),
        ({"grid": [{"pairs": ["INT8"], "accumulators": [{"kind": "exact", "bits": 3}]}]},
         "field 'grid.0.accumulators.0.bits' is unknown; accepted are kind, width"),
        ({"grid": [{"pairs": ["A x B x C"]}]}, "grid.0.pairs: pairs must be 'FORMAT' or 'WEIGHT x ACTIVATION', not 'A x B x C'"),
        ({"grid": [{"pairs": ["INT8"], "lanes": [0]}]},
         "grid must have at least one unit that can be built, not none: INT8 x INT8, 0 lanes: lanes: must be at least 1, "
         "not 0"),
        ({"targets": {}},
         "targets: targets must name at least one of generic, ice40, ecp5, gowin, xilinx7, cells, osu018, clock, curve, power, "
         "not none"),
        ({"targets": {"asic": True}},
         "field 'targets.asic' is unknown; accepted are generic, ice40, ecp5, gowin, xilinx7, cells, osu018, clock, curve, "
         "power"),
        ({"targets": {"osu018": [-1.0]}}, "targets.osu018.0: must be greater than 0, not -1.0"),
        ({"targets": {"ecp5": ["lut"]}}, "targets.ecp5.0: must be 'logic', 'dsp' or 'best', not 'lut'"),
        ({"axes": {}}, "field 'axes' is unknown; accepted are title, grid, targets, formats"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(changes, message):
    with pytest.raises(BitmillError) as error:
        study(**changes)
    assert str(error.value).replace("[]", "()") == f"s.toml: {message}"


MANY = {"pairs": ["INT8"], "lanes": list(range(1, 1001)), "k_max": list(range(1, 1001))}
NONSENSE = [
    ({"grid": [MANY]}, "grid.0 must have at most 100000 combinations of its axes, not 1000000"),
    ({"grid": [{**MANY, "k_max": list(range(1, 61))}] * 2},
     "grid must have at most 100000 combinations in all grids, not 120000"),
    ({"grid": [{**MANY, "k_max": list(range(1, 91))}], "targets": {"osu018": [0.5 + step for step in range(12)]}},
     "targets must ask for at most 1000000 measurements of all combinations, not 1080000"),
    ({"targets": {"osu018": [float("nan")]}}, "targets.osu018.0: must be"),
    ({"targets": {"osu018": [float("inf")]}}, "targets.osu018.0: must be"),
    ({"targets": {"osu018": [1e-9]}}, "targets.osu018.0: must be at least 0.01 ns, not 1e-09"),
    ({"targets": {"curve": [1e300]}}, "targets.curve.0: must be at most 100000, not 1e+300"),
    ({"targets": {"osu018": [True]}}, "targets.osu018.0: must be a number, not True"),
    ({"targets": {"osu018": [1.0 + step / 100 for step in range(300)]}}, "targets.osu018: "),
    ({"targets": {"power": {"period_ns": float("nan")}}}, "targets.power.period_ns: "),
    ({"targets": {"power": {"cycles": 1 << 40}}}, "targets.power.cycles: must be at most 65536"),
    ({"targets": {"clock": [-1]}}, "targets.clock.0: must be at least 0, not -1"),
    ({"targets": {"clock": [1 << 40]}}, "targets.clock.0: must be at most 2147483647"),
    ({"targets": {"clock": [1, 2, 1]}}, "targets.clock: must hold every seed once, not 1 twice"),
    ({"targets": {"clock": list(range(1000))}}, "targets.clock: "),
    ({"grid": [{"pairs": ["INT8"], "lanes": [True]}]}, "grid.0.lanes.0: must be an integer, not True"),
    ({"title": ""}, "title: "),
    ({"title": "   "}, "title: must be one line of visible text, not '   '"),
    ({"title": "a\x1b[31mb"}, "title: must be one line of visible text, not 'a\\x1b[31mb'"),
    ({"title": "a\nb"}, "title: must be one line of visible text, not 'a\\nb'"),
    ({"title": "a\u202eb"}, "title: must be one line of visible text, not 'a\\u202eb'"),
    ({"title": "a" * 5000}, "title: "),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(NONSENSE)))
def test_sizes_and_nonsense_are_refused_at_once(index):
    changes, message = NONSENSE[index]
    started = time.monotonic()
    with pytest.raises(BitmillError) as error:
        study(**changes)
    assert time.monotonic() - started < 2
    assert str(error.value).startswith(f"s.toml: {message}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


def test_equal_values_of_an_axis_are_one_unit():
    twice = study(grid=[{"pairs": ["INT8", "int8"], "lanes": [1, 1]}], targets={"osu018": [5, 5.0, 5]})
    assert list(twice.expand().units) == ["int8-k1-exact"]
    assert [task.key for task in tasks_of(twice.expand(), twice.targets)] == ["int8-k1-exact/osu018-5ns"]


@pytest.mark.parametrize("targets", [
    {"generic": True, "ecp5": ["logic", "dsp"], "ice40": ["logic"]}, {"osu018": [5, 6], "clock": [1, 2, 3]},
    {"curve": [4, 6], "power": {}},
])  # fmt: skip
def test_no_more_measurements_than_are_counted_before(targets):
    asked = study(targets=targets)
    assert len(asked.expand().units) == 1
    tasks = list(tasks_of(asked.expand(), asked.targets))
    placements = sum(max(len(task.seeds), 1) for task in tasks)
    assert len({task.key for task in tasks}) <= placements <= asked.targets.per_unit


def test_sizes_are_said_and_a_long_expansion_speaks(monkeypatch, capsys):
    clock = iter(range(0, 10**6, 3))
    monkeypatch.setattr(sizes.time, "monotonic", lambda: next(clock))
    many = study(grid=[{"pairs": ["INT8", "INT4"], "lanes": [1], "k_max": list(range(1, 601))}])
    expanded = sizes.expand_told(many, progress=True)
    sizes.say_sizes(list(tasks_of(expanded, many.targets)), 3, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bitmill: t: 0 of 1200 combinations"
    assert lines[-2:] == [
        "bitmill: t: 1000 of 1200 combinations", "bitmill: 1200 units, 1200 measurements; 3 combinations are no unit",
    ]  # fmt: skip


def test_unknown_formats_are_told_with_those_that_look_alike():
    with pytest.raises(
        BitmillError, match=r"s\.toml: grid\.0\.pairs: format must be a known name .*E4M3.*, not 'E4M33'"
    ):
        study(grid=[{"pairs": ["E4M33"]}])
