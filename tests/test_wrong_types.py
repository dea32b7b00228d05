"""Values of wrong types in every field of every family: one line in bitmill's own words, which names the field."""

from __future__ import annotations

import re

import pytest

from bitmill import BitmillError
from bitmill.config.family import config_of
from bitmill.config.presets import PRESETS

PICKED = {config.unit: config for config in PRESETS.values()}
VALUES = [
    "x",
    3,
    3.5,
    True,
    -1,
    10**30,
    float("inf"),
    float("nan"),
    [],
    [[1]],
    {},
    {"kind": "x"},
    {"kind": "fixed", "width": "x"},
]
FOREIGN = re.compile(r"input|valid |instance|discriminator|tag\b|unable|parse|than or equal", re.IGNORECASE)


@pytest.mark.parametrize("unit", PICKED)
def test_messages_are_our_own_and_name_the_field(unit: str) -> None:
    told = 0
    for field in type(PICKED[unit]).model_fields:
        for value in VALUES:
            try:
                config_of({**PICKED[unit].to_dict(), field: value}, source="u.toml")
            except BitmillError as error:
                told += 1
                message = str(error)
                assert "\n" not in message
                assert ", not " in message or " is unknown; accepted are " in message, (field, value, message)
                assert not FOREIGN.search(message.replace("input_bits", "")), (field, value, message)
                # A number may be one that another field does not go with.
                assert field in message or field == "unit" or value in (3, 3.5), (field, value, message)
    assert told > 20


@pytest.mark.parametrize(("fields", "message"), [
    ({"accumulator": {"kind": "big"}}, "accumulator.kind: must be one of 'exact', 'fixed', 'window', 'float', not 'big'"),
    ({"accumulator": {"width": 9}}, "accumulator.kind: must be one of 'exact', 'fixed', 'window', 'float', not left out"),
    ({"accumulator": "exact"}, "accumulator: must be a table, not 'exact'"),
    ({"saturated": "yes"}, "saturated: must be true or false, not 'yes'"),
])  # fmt: skip
def test_what_is_accepted_is_said(fields: dict[str, object], message: str) -> None:
    with pytest.raises(BitmillError) as error:
        config_of({"unit": "mac", "weight": "INT4", "activation": "INT4", **fields}, source="u.toml")
    assert str(error.value) == f"u.toml: {message}"
