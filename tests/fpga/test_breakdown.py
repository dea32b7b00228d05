import json
import re

import pytest

from bitmill.fpga.breakdown import breakdown


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        # Four lanes: 4 XOR2 to decode, 3 AND2 to mask (bit 0 masks itself); 12 XOR2 to join four lanes; 4 registers.
        ("generic", {"decode": 4 * 4 * 2.5, "align": 4 * 3 * 1.5, "control": 12 * 2.5, "accumulate": 0}),
        ("ecp5", {"decode": 4 * 4, "align": 4 * 3, "control": 4, "accumulate": 0}),
        ("ice40", {"decode": 4 * 4, "align": 4 * 3, "control": 4, "accumulate": 0}),
    ],
)
def test_parts_by_hand(design, target, parts):
    result = breakdown(design("hierarchy"), "top", target)
    assert {name: result.parts[name].logic for name in parts} == parts
    assert {name: count.registers for name, count in result.parts.items() if count.registers} == {"accumulate": 4}
    assert result.parts["multiply"].logic == result.parts["reduce"].logic == 0


def test_plain_names_tell_the_same_parts(design):
    """Hierarchy in a module's name is written with dots or, as in what is emitted, with underscores."""
    dotted = design("hierarchy")
    plain = re.sub(r"\\(bitmill_top\S*)", lambda name: re.sub(r"\W", "_", name[1]), dotted)
    assert "\\" not in plain
    parts = [breakdown(text, "top", "generic").parts for text in (dotted, plain)]
    assert parts[0] == parts[1]
    assert parts[0]["decode"].logic > 0


@pytest.mark.parametrize("target", ["generic", "ecp5"])
def test_parts_sum_to_the_total_and_flat_is_beside(design, target):
    result = breakdown(design("hierarchy"), "top", target)
    assert result.total.logic == sum(part.logic for part in result.parts.values())
    assert result.total.registers == result.flat.counts.registers == 4
    assert 0 < result.flat.counts.logic <= result.total.logic
    assert result.recipe == result.flat.recipe
    record = result.to_dict()
    assert json.loads(json.dumps(record)) == record


def test_groups_are_the_callers(design):
    result = breakdown(design("hierarchy"), "top", "ecp5", {"lane": "lanes", "mask": "masks"})
    assert {name: count.logic for name, count in result.parts.items()} == {"lanes": 16, "masks": 12, "control": 4}
