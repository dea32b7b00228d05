"""The tables of formulations: every row has its component, its words, and its fields in errors and titles."""

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.config import FORMULATIONS, USUAL
from bitmill.hdl.mac import formulations

E4M3 = {"weight": "E4M3", "activation": "E4M3", "unit": "dot", "lanes": 4}


def test_every_row_has_its_component():
    """One without would be accepted and then fail."""
    assert {field: list(rows) for field, rows in formulations.TABLES.items()} == {
        field: list(rows) for field, rows in FORMULATIONS.items()
    }


@pytest.mark.parametrize(
    "row", [row for rows in FORMULATIONS.values() for row in rows.values()], ids=lambda row: row.name
)
def test_a_row_is_found_under_its_own_name_and_says_what_it_is(row):
    assert FORMULATIONS[row.field][row.name] is row
    assert row.words
    assert row.name.isalpha(), "names stand in ids and file names"
    assert bool(row.title) == (row.name != USUAL[row.field] and not row.dsp)


def test_the_usual_row_is_left_out_of_documents():
    config = MacConfig.from_dict({**E4M3, **USUAL})
    assert set(config.to_dict()) & set(FORMULATIONS) == {"multiplier"}
    assert config == MacConfig.from_dict(E4M3)
    assert MacConfig.from_dict({**E4M3, "aligner": "binned"}).to_dict()["aligner"] == "binned"


@pytest.mark.parametrize("field", FORMULATIONS)
def test_an_unknown_row_is_refused_with_the_known_ones(field):
    *rest, last = map(repr, FORMULATIONS[field])
    accepted = f"{', '.join(rest)} or {last}" if rest else last
    with pytest.raises(BitmillError) as error:
        MacConfig.from_dict({**E4M3, field: "sorted"})
    assert str(error.value) == f"configuration: {field}: must be {accepted}, not 'sorted'"
