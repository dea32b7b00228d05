"""Ids tell units apart: every field of every configuration, changed in any way, gives another id and another label."""

import random
from functools import cache
from itertools import product
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from bitmill import BitmillError, MacConfig, formats
from bitmill.config import FORMULATIONS
from bitmill.config.accumulators import (
    Accumulator,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    WindowAccumulator,
)
from bitmill.config.document import Document
from bitmill.hdl.emit.verilog import emit_component
from bitmill.studies import ids
from bitmill.studies.bitmod.units import candidates
from bitmill.studies.full.layer_errors import error_id
from bitmill.studies.ids import accumulator_key, label_of, unit_key
from bitmill.studies.measurements import TOP as PART_TOP
from bitmill.studies.nonlinear.units import UNITS
from bitmill.studies.sweep.task import Task

ACCUMULATORS = get_args(get_args(Accumulator)[0])
VALUES = {
    "weight": ["INT8", "E4M3", "E2M1", "E5M2", "MINE"],
    "formats": [{}, {"MINE": {"width": 5}}, {"MINE": {"width": 6}}],
    "activation": ["INT8", "E4M3", "E2M1", "INT4"],
    "lanes": [1, 2, 8, 32],
    "rows": [1, 2, 3],
    "cols": [1, 2, 3],
    "k_max": [64, 128, 4096],
    "scale": ["none", "none", "E8M0", "E4M3"],
    "block": [None, None, None, 32, 64],
    "width": [None, 60, 61, 24, 40],
    "fused": [None, 32, 64],
    "lsb": [None, -4, 0, 1],
    "product_rule": ["exact", "exact", "l-mul", "l-mul-add"],
    "product_offset": [None, None, 1, 2, "none"],
    "pipeline": [0, 1, 2, 3, ["sum"], ["multiply", "sum"]],
    **{field: list(rows) for field, rows in FORMULATIONS.items()},
}
"""Values to try of fields that are not one of a list; those that a configuration refuses are left out."""


@cache
def values_of(model, name):
    field = model.model_fields[name]
    literal = get_args(field.annotation)
    if name == "accumulator":
        return [accumulator for kind in ACCUMULATORS for accumulator in all_of(kind)]
    if name in VALUES:
        return VALUES[name]
    if field.annotation is bool:
        return [False, True]
    if field.annotation is int:
        return [0, 1, 2, 3]
    assert literal, f"{model.__name__}.{name} is new: say in VALUES what to try"
    return list(literal)


def built(model, fields):
    try:
        return model.from_dict(fields) if issubclass(model, Document) else model.model_validate(fields)
    except (BitmillError, ValueError):
        return None


def all_of(model):
    """Every configuration of a small class that the values give."""
    names = list(model.model_fields)
    tried = (dict(zip(names, values, strict=True)) for values in product(*(values_of(model, name) for name in names)))
    return [one for fields in tried if (one := built(model, fields)) is not None]


def drawn(rng):
    """A random unit of all that is accepted."""
    while True:
        fields = {}
        for name in MacConfig.model_fields:
            value = rng.choice(values_of(MacConfig, name))
            fields[name] = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
        for name in rng.sample(sorted(fields.keys() - {"weight", "activation"}), rng.randrange(9)):
            del fields[name]
        one = built(MacConfig, fields)
        if one is not None:
            return one


@pytest.mark.parametrize("kind", ACCUMULATORS)
def test_every_field_of_an_accumulator_is_in_its_key_and_its_label(kind):
    every = all_of(kind)
    assert len(every) >= 4
    for name in kind.model_fields.keys() - {"kind"}:
        assert len({getattr(one, name) for one in every}) > 1, name


def test_no_two_accumulators_are_called_alike():
    every: list[Any] = [one for kind in ACCUMULATORS for one in all_of(kind)]
    assert len(set(every)) > 40
    for naming in (accumulator_key, label_of):
        assert len({naming(one) for one in every}) == len(set(every)), naming.__name__


@pytest.mark.parametrize("name", MacConfig.model_fields)
def test_every_field_of_a_unit_is_in_its_key(name):
    rng = random.Random(f"ids {name}")
    changed = 0
    for _ in range(100):
        one = drawn(rng)
        value = rng.choice(values_of(MacConfig, name))
        plain = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
        other = built(MacConfig, {**one.model_dump(exclude_none=True), name: plain})
        if other is not None and other != one:
            changed += 1
            assert unit_key(one) != unit_key(other), (one, other)
    if name == "unit":  # Hardly ever may it change alone.
        mac, dot = (MacConfig(weight="INT8", activation="INT8", unit=unit) for unit in ("mac", "dot"))
        array = MacConfig(weight="INT8", activation="INT8", unit="array")
        assert len({unit_key(one) for one in (mac, dot, array)}) == 3
    else:
        assert changed > 0


def test_random_units_are_called_alike_only_if_they_are():
    rng = random.Random("pairs of units")
    by_key = {}
    for _ in range(600):
        one = drawn(rng)
        assert by_key.setdefault(unit_key(one), one) == one
    assert len(by_key) > 300


def test_no_two_pairs_of_formats_are_called_alike():
    names = list(formats.CATALOG)
    pairs = [(weight.lower(), activation.lower()) for weight in names for activation in names]
    pairs += [("x", "xx"), ("xx", "x"), ("axb", "c"), ("a", "bxc")]
    assert len({ids._pair(*pair) for pair in pairs}) == len(pairs)


class Wider(MacConfig, frozen=True):
    """As a later version may be: with fields that nobody thought of here."""

    gated: bool = False
    depth: int = 2
    style: str = "plain"


def test_a_new_field_is_never_silently_missing():
    usual: dict[str, Any] = {"weight": "INT8", "activation": "INT8"}
    assert unit_key(Wider(**usual)) == "int8-k1-exact"
    assert unit_key(Wider(**usual, gated=True)) == "int8-k1-exact-gated"
    assert unit_key(Wider(**usual, depth=3, style="new")) == "int8-k1-exact-depth=3-style=new"

    class Placed(FixedAccumulator, frozen=True):
        place: int | None = None

    assert accumulator_key(Placed(width=18, overflow="wrap", place=-3)) == "wrap18-place=-3"
    assert label_of(Placed(width=18, overflow="wrap", place=-3)) == "wrapping 18 place=-3"


def test_nearest_and_truncating_accumulators_have_names_of_their_own():
    both = [FloatAccumulator(rounding=rounding) for rounding in ("nearest-even", "truncate")]
    assert [accumulator_key(one) for one in both] == ["fp32", "fp32-truncate"]
    assert [label_of(one) for one in both] == ["FP32", "FP32 truncate"]
    assert label_of(ExactAccumulator(width=32)) == "exact 32"
    assert label_of(WindowAccumulator(width=24)) == "window 24"
    assert label_of(FixedAccumulator(width=18, overflow="saturate")) == "saturating 18"


def test_errors_of_what_computes_otherwise_are_apart():
    fields = {
        "weight": "INT8",
        "activation": "INT8",
        "accumulator": {"kind": "fixed", "width": 18, "overflow": "saturate"},
    }
    one, eight = (MacConfig.from_dict({**fields, "unit": unit, "lanes": lanes})
                  for unit, lanes in (("mac", 1), ("dot", 8)))  # fmt: skip
    assert error_id(one) != error_id(eight), "clamped once a step"


def test_periods_have_all_their_digits():
    fields = {"weight": "INT8", "activation": "INT8"}
    keys = [
        Task(config=fields, target="cells", period_ns=period).key for period in (8, 8.0, 36.6, 36.600001, 36.6000012)
    ]
    assert keys[:3] == ["int8-k1-exact/osu018-8ns"] * 2 + ["int8-k1-exact/osu018-36.6ns"]
    assert len(set(keys)) == 4


def test_parts_of_one_name_are_one_circuit():
    parts = [part for candidate in candidates() for part in candidate.parts]
    by_key = {}
    for part in parts:
        by_key.setdefault(part.key, []).append(part)
    again = [parts for parts in by_key.values() if len({repr(part.config) for part in parts}) > 1]
    for same in again:
        assert len({emit_component(part.build(), top=PART_TOP) for part in same}) == 1, same[0].key
    keys = [part.key for unit in UNITS for part in unit.parts()]
    assert len(set(keys)) == len(keys)
