"""Errors of the non-linear units: those recorded before this study reproduced, and the arithmetic of errors by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill.config.nonlinear import PROFILES
from bitmill.models.captured.capture import committed_rows
from bitmill.models.captured.rows import UNITS, Rows
from bitmill.reports.nonlinear.claims import claim_records
from bitmill.studies.nonlinear import accuracy, synthetic
from bitmill.studies.nonlinear.contenders import contenders, output_step
from bitmill.studies.nonlinear.errors import Errors
from bitmill.studies.records import NONLINEAR, Records


@pytest.fixture(scope="module")
def swept():
    """Errors on all made-up rows, and the claims about them."""
    found = [record for _, job in accuracy.accuracy_jobs(accuracy.synthetic_sources()) for record in job()]
    measured = Records(found, study=NONLINEAR)
    return Records([*measured, *claim_records(measured)], study=NONLINEAR)


def near(value, recorded, digits=0):
    return abs(value - recorded) <= max(0.05 * recorded, 0.5 * 10.0**-digits)


def test_figures_recorded_before_are_reproduced(swept):
    claims = [
        record for record in swept.of_kind("claim") if record.config["why"] == "The same algorithm on the same rows."
    ]
    assert {record.config["source"].partition(" ")[0] for record in claims} == {"I-ViT", "I-BERT"}
    assert len(claims) == 13 + 6 + 6 + 3
    claims += [
        record
        for record in swept.of_kind("claim")
        if record.id.startswith("claim/softmax-ita") and record.id.endswith("max")
    ]
    assert len(claims) == 31
    for record in claims:
        assert near(record.number("ours"), record.number("published"), record.config["digits"]), record.id
    assert near(swept["claim/layernorm-ivit-3"].number("ours"), 1.65)
    assert swept["claim/layernorm-ivit-32"].number("ours") < 0.042


@pytest.mark.parametrize(
    ("scale", "greatest", "mean"), [("0.0625", 0.002, 6.9e-4), ("0.03125", 0.002, 1.0e-3), ("0.015625", 0.002, 8.9e-4)]
)
def test_the_ideal_is_that_of_before(swept, scale, greatest, mean):
    found = swept[f"accuracy/softmax/ideal/t3/{scale}/L197"]
    assert near(found.number("max"), greatest)
    assert near(found.number("mean_8bit"), mean)
    assert found.number("over_ideal") == 1
    assert found.number("steps") == pytest.approx(0.5, abs=0.001)


def test_every_profile_and_scale_and_length_is_judged(swept):
    for unit in UNITS:
        keys = {contender.key for contender in contenders(unit)}
        assert keys >= {"ideal", *PROFILES, *(() if unit == "layernorm" else ("ita",))}
        kinds = {"softmax": 12, "gelu": 12 + 4, "layernorm": 8}
        here = [record for record in swept.of_kind("accuracy") if record.config["unit"] == unit]
        assert {record.config["contender"] for record in here} == keys
        assert len({record.config["source"] for record in here}) == kinds[unit]
    for scale in synthetic.SCALES:
        for length in (64, 197, 384):
            assert accuracy.accuracy_id("softmax", "ivit", f"t3/{scale:g}/L{length}") in swept


def test_profiles_can_be_chosen():
    assert [contender.key for contender in contenders("gelu", ())] == ["ideal"]
    assert [contender.key for contender in contenders("gelu", ("ivit",))] == ["ideal", "ivit", "ivit-element"]


def test_errors_by_hand():
    found, wanted = np.array([[1.0, 2.0, 9.0]]), np.array([[0.5, 2.25, 0.0]])
    first = Errors.between(found, wanted, np.array([[True, True, False]]))
    assert (first.greatest, first.mean) == (0.5, 0.375)
    assert first.cosine == pytest.approx((0.5 + 4.5) / np.sqrt(5 * (0.25 + 2.25**2)))
    both = first + Errors.between(found, wanted, np.array([[False, False, True]]))
    assert (both.count, both.greatest, both.mean) == (3, 9.0, 9.75 / 3)
    assert Errors.between(wanted, 0 * wanted, np.ones((1, 3), bool)).cosine == 0


def test_steps_of_eight_bits():
    codes = np.zeros((1, 4), dtype=np.int8)
    assert output_step(Rows(function="softmax", place="", scale=0.3, codes=codes)) == 1 / 256
    # GELU of 127/16 is itself to twelve digits. Where it is as good as x / 2, -128 gives the greatest magnitude.
    assert output_step(Rows(function="gelu", place="", scale=1 / 16, codes=codes)) == pytest.approx(1 / 16, rel=1e-9)
    assert output_step(Rows(function="gelu", place="", scale=1e-5, codes=codes)) == pytest.approx(
        1.28e-3 * 0.499489 / 127, rel=1e-5
    )
    assert output_step(Rows(function="gelu", place="", scale=1e-3, codes=codes)) == pytest.approx(
        0.127 * 0.55053 / 127, rel=1e-3
    )


def test_gelu_and_layernorm_are_judged_on_the_longest_texts():
    rows = committed_rows()
    keys = [(source.function, source.key) for source in accuracy.captured_sources({64: rows, 197: rows})]
    assert keys == [
        ("softmax", "captured/L64"),
        *((unit, "captured/L197") for unit in ("softmax", "gelu", "layernorm")),
    ]
