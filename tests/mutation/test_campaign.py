"""The mutation check on toys: it kills what a test sees, reports what none sees, and does not count what does not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.tests.mutation import configurations
from bitmill.tests.mutation.__main__ import campaign
from bitmill.tests.mutation.campaign import Campaign, Floor, Trial, _quota
from bitmill.tests.mutation.mutants import Mutant
from bitmill.tests.mutation.record import records, render
from bitmill.tests.mutation.sandbox import Verdict
from bitmill.tests.mutation.survivors import Survivor, explained, unexplained

SOURCE = """\
WORD = "a" + "b"


def seen(a, b):
    return a + b


def unseen(a, b):
    return a - b
"""
TEST = """\
from toy.unit.code import WORD, seen


def test_tested():
    assert (WORD, seen(3, 4)) == ("ab", 7)
"""


@pytest.fixture
def toy(tmp_path):
    package = tmp_path / "toy"
    for folder in ("unit", "tests"):
        (package / folder).mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "unit" / "code.py").write_text(SOURCE)
    (package / "tests" / "test_code.py").write_text(TEST)
    return package


def make(toy: Path, **chosen) -> Campaign:
    settings = {"count": 9, "seed": 3, "floors": [Floor("unit", "", ("tests/test_code.py",))], **chosen}
    return Campaign(package=toy, name="toy", **settings)


def test_kills_reports_and_rejects(toy, tmp_path):
    before = (toy / "unit" / "code.py").read_bytes()
    journal = tmp_path / "journal" / "seed3.jsonl"
    told = []
    trials = make(toy, journal=journal).run(workers=2, tell=told.append)
    by_change = {trial.mutant.after: trial.verdict for trial in trials}
    assert by_change["return (a - b)"].verdict == "killed"
    assert by_change["return (a - b)"].by.endswith("test_code.py::test_tested")
    assert by_change["return (a + b)"].verdict == "survived"
    # Texts cannot be subtracted: the module does not import.
    rejected = by_change["WORD = ('a' - 'b')"]
    assert (rejected.verdict, rejected.by.split(":")[0]) == ("rejected", "TypeError")
    assert (toy / "unit" / "code.py").read_bytes() == before
    assert [path.name for path in toy.iterdir()].count("__pycache__") == 0

    # A second run knows every verdict, even if the first was killed while it wrote a line.
    lines = journal.read_text().splitlines()
    assert len(lines) == len(trials) == len({json.loads(line)["id"] for line in lines})
    journal.write_text("\n".join(lines) + '\n{"id": "uni')
    again = []
    assert make(toy, journal=journal).run(workers=1, tell=again.append) == trials
    assert not [line for line in again if "killed" in line]
    # Verdicts on other sources are not believed, unless that is asked for, and then not of survivors that may yet be killed.
    (toy / "unit" / "code.py").write_text(SOURCE + "\n# changed\n")
    assert make(toy, journal=journal)._remembered() == {}
    survivors = {trial.mutant.id for trial in trials if trial.verdict.verdict == "survived"}
    settled = make(toy, journal=journal, trust_killed=True)._remembered()
    assert settled.keys() == {trial.mutant.id for trial in trials} - survivors
    same = min(survivors)
    settled = make(toy, journal=journal, trust_killed=True, equivalent={same})._remembered()
    assert survivors & settled.keys() == {same}


def test_tests_that_fail_without_a_mutant_are_an_error(toy):
    (toy / "unit" / "code.py").write_text(SOURCE.replace("a + b", "a * b"))
    with pytest.raises(BitmillError, match=r"unit: tests must pass without a mutant, not killed .*test_tested"):
        make(toy).run(workers=1, tell=lambda line: None)


def test_a_test_that_never_ends_is_a_kill(toy):
    source = "def count(n):\n    while n:\n        n = n - ONE\n    return n\n\nONE = len('1')\n"
    (toy / "unit" / "code.py").write_text(source)
    (toy / "tests" / "test_code.py").write_text(
        "from toy.unit.code import count\n\ndef test_count():\n    assert count(2) == 0\n"
    )
    trials = make(toy, test_seconds=0.5).run(workers=2, tell=lambda line: None)
    (endless,) = (trial for trial in trials if trial.mutant.after == "n = (n + ONE)")
    assert endless.verdict.verdict == "killed"


def test_choice_is_seeded_and_spread():
    first, second, other = (campaign(count=560, seed=seed, journal=None) for seed in (1, 1, 2))
    order = [
        {path: [mutant.id for mutant in found] for path, found in c.mutants.items()} for c in (first, second, other)
    ]
    assert order[0] == order[1] != order[2]
    assert sum(first.quota.values()) == 560
    assert all(first.quota[path] >= min(2, len(found)) for path, found in first.mutants.items())
    assert {path.split("/")[0] for path in first.quota} == {folder.split("/")[0] for folder in configurations.TESTS}
    assert _quota({"a": 1, "b": 100, "c": 0}, 10, 2) == {"a": 1, "b": 9, "c": 0}


def test_record_says_who_survived(monkeypatch):
    mutant = Mutant("toy.py:f:swap:1", "toy.py", "f", "swap", 3, "a", "b", 0, 1, "b")
    trials = [
        Trial(mutant, Verdict("survived", "")),
        *(Trial(mutant, Verdict("killed", "t")) for _ in range(3)),
        Trial(mutant, Verdict("rejected", "x")),
    ]
    found = records(trials, seed=7)
    total = found["total"]
    assert [total.number(name) for name in ("killed", "survived", "rejected", "kill_rate", "kill_rate_of_all")] == [
        3,
        1,
        1,
        0.75,
        0.75,
    ]
    assert found["survivor/toy.py:f:swap:1"].config["kind"] == "unexplained"
    assert unexplained(trials, {}) == trials[:1]
    monkeypatch.setattr(
        "bitmill.tests.mutation.record.explained", lambda: {mutant.id: Survivor(mutant.id, "", "equivalent", "")}
    )
    explained_total = records(trials, seed=7)["total"]
    assert [explained_total.number(name) for name in ("equivalent", "kill_rate", "kill_rate_of_all")] == [1, 1, 0.75]
    text = render(found)
    assert "| toy.py | 3 | 1 | 0 | 1 |" in text
    assert "3 killed (75.0 %)" in text
    assert "Regenerate with `make mutation`." in text
    part = render(records(trials, seed=7, chosen={"only": "a|b", "count": 9}))
    assert "Regenerate with `python -m bitmill.tests.mutation --only 'a|b' --count 9`." in part


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('id = "a"\nchange = "b"\nkind = "lazy"\nreason = "c"', "kind must be one of equivalent, accepted, not 'lazy'"),
        ('id = "a"', "survivor must have id, change, kind and reason"),
    ],
)
def test_wrong_survivors(tmp_path, entry, message):
    path = tmp_path / "survivors.toml"
    path.write_text(f"[[survivor]]\n{entry}\n")
    with pytest.raises(BitmillError, match=message):
        explained(path)


@pytest.mark.long
def test_nine_of_ten_mutants_are_killed():
    journal = Path(__file__).parents[2] / "build" / "mutation" / f"seed{configurations.SEED}.jsonl"
    trials = campaign(count=configurations.COUNT, seed=configurations.SEED, journal=journal).run()
    found = records(trials, seed=configurations.SEED)["total"]
    assert found.number("killed") + found.number("survived") >= 100
    assert found.number("kill_rate") >= configurations.REQUIRED_RATE, render(records(trials, seed=configurations.SEED))
    assert [trial.mutant for trial in unexplained(trials, explained())] == []
