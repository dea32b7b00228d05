"""Which changes count as mutants: by hand for small sources, and for every file of the floors that are mutated."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bitmill.tests.mutation.mutants import mutants_of
from bitmill.tests.mutation.reach import Reach
from bitmill.tests.mutation.survivors import FILE, explained

ROOT = Path(__file__).parents[2]
FILES = sorted(path for floor in ("hdl", "golden") for path in (ROOT / floor).rglob("*.py"))


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.operator, mutant.after) for mutant in mutants_of("toy.py", source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a + b\n", {("arithmetic", "x = (a - b)")}),
        ("x = a if b else c\n", {("condition", "x = a if (not (b)) else c")}),
        ("x = a <= b\n", {("comparison", "x = (a < b)")}),
        ("x = a and b\n", {("boolean", "x = (a or b)")}),
        ("x = ~a\n", {("unary", "x = (a)")}),
        ("x = a[b:c]\n", {("slice", "x = a[(b) + 1:c]"), ("slice", "x = a[b:(c) - 1]")}),
        ("x = a[2:]\n", {("constant", "x = a[3:]"), ("constant", "x = a[1:]")}),
        ("x = Mux(a, b, c)\n", {("swap", "x = (Mux(a, c, b))")}),
        ("x = Cat(a, b)\n", {("swap", "x = (Cat(b, a))")}),
        ("x = Signal(a)\n", {("reset", "x = (Signal(a, reset_less=True))")}),
        ("x = Signal(a, reset_less=True)\n", set()),
        ("m.d.comb += [f, g]\n",
         {("delete", "pass"), ("delete", "m.d.comb += [*(), g]"), ("delete", "m.d.comb += [f, *()]")}),
        ("with m.If(a):\n    pass\n", {("condition", "with m.If((a) == 0):")}),
    ],
)  # fmt: skip
def test_operators(source, expected):
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 + 1."""\n',
        "def f(a: int | None) -> list[int]: ...\n".replace("...", "return a"),
        "x: int | None = y\n",
        "x = Signal(name='a', reset_less=True, attrs={'keep': 1})\n",
        "__all__ = ['a', 'b']\n",
        "@lru_cache(maxsize=8)\ndef f(): return a\n",
        "if TYPE_CHECKING:\n    x = 1\n",
        "assert x > 0, 'message'\n",
        "Kind = Literal[1, 2]\n",
    ],
)
def test_what_has_no_behaviour_is_left_alone(source):
    assert changes(source) == set()


def test_messages_are_left_alone_but_not_what_raises_them():
    source = "if x:\n    raise ValueError(f'x must be {1 + 1}, not {x!r}')\n"
    assert changes(source) == {("condition", "if (not (x)):"), ("delete", "pass")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_mutant_of_the_floors_parses_and_differs(path):
    source = path.read_text(encoding="utf-8")
    found = mutants_of(str(path.relative_to(ROOT)), source)
    assert len({mutant.id for mutant in found}) == len(found)
    original = ast.dump(ast.parse(source))
    # Parsing is slow; one in seven of every file will do.
    for mutant in found[::7]:
        assert ast.dump(ast.parse(mutant.apply(source))) != original, mutant.id


def test_ids_survive_edits_elsewhere():
    source = "def f(a):\n    return a + 1\n"
    moved = "def g(a):\n    return a * 2\n\n\n" + source
    there = {mutant.id for mutant in mutants_of("toy.py", moved)}
    assert {mutant.id for mutant in mutants_of("toy.py", source)} <= there


def test_survivors_are_explained():
    survivors = explained(FILE)
    assert all(len(survivor.reason) > 20 and survivor.change for survivor in survivors.values())


def test_reach_follows_names_to_the_files_that_define_them():
    reach = Reach(package=ROOT, name="bitmill")
    decoder = reach.files("tests/hdl/test_decoder.py")
    assert {"hdl/mac/decoder.py", "hdl/mac/layouts.py", "formats/catalog.py"} <= decoder
    assert not {"hdl/accumulators/float_accumulator.py", "hdl/mac/dot_product.py", "hdl/__init__.py"} & decoder
    assert {"hdl/mac/dot_product.py", "hdl/accumulators/float_accumulator.py", "hdl/mac/decoder.py"} <= reach.files(
        "tests/hdl/test_units.py"
    )
    codec = reach.files("tests/golden/test_codec_rules.py")
    assert {"golden/codec.py", "golden/grid.py"} <= codec
    assert not {"golden/scale.py", "golden/mac/accumulate.py"} & codec
    for path in FILES:
        name = str(path.relative_to(ROOT))
        tests = (ROOT / "tests" / path.relative_to(ROOT).parts[0]).glob("test_*.py")
        assert any(name in reach.files(str(test.relative_to(ROOT))) for test in tests) or path.name == "__init__.py", (
            name
        )
