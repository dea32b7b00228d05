"""Pages of docs that describe keys and files: all keys are there with their defaults, and what they say of files is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitmill import MacConfig, golden
from bitmill.config.accumulators import ExactAccumulator, FixedAccumulator, FloatAccumulator, WindowAccumulator
from bitmill.config.formulations import FIELDS
from bitmill.config.pipeline import PLACES
from bitmill.config.presets import PRESETS
from bitmill.formats import get
from bitmill.formats.block import get_block
from bitmill.formats.rules import PRODUCT_RULES
from bitmill.fpga.libraries import LIBRARIES
from bitmill.golden.weights import bits, dequantize, quantize_weights
from bitmill.models.packed import packed_parts
from bitmill.studies.sweep.grid import Grid
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import CellsTarget, PowerTarget, Targets

from .documented import field_rows, formulation_rows, tables

DOCS = Path(__file__).parents[1] / "docs"
FAMILIES = {config.unit: type(config) for config in PRESETS.values()}


def test_all_keys_of_units_are_there_with_their_defaults():
    sections = (DOCS / "units.md").read_text().split("\n## ")[1:]
    shown = {name: section for section in sections for name in re.findall(r"`([\w-]+)`", section.splitlines()[0])}
    assert set(shown) == set(FAMILIES) - {"mac", "dot", "array"}
    for name, section in shown.items():
        keys = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", section, re.MULTILINE))
        wanted = {}
        for key, field in FAMILIES[name].model_fields.items():
            value = list(field.default) if isinstance(field.default, tuple) else field.default
            wanted[key] = "left out" if value is None else f"`{json.dumps(value)}`"
        assert keys == {key: text for key, text in wanted.items() if key != "unit"}, name


ACCUMULATORS = (ExactAccumulator, FixedAccumulator, WindowAccumulator, FloatAccumulator)
TABLES = [
    (MacConfig, "MACs, dot products and arrays"), *((kind, "Accumulators") for kind in ACCUMULATORS), (StudyFile, "Study files"),
    (Grid, "`[[grid]]`"), (Targets, "`[targets]`"), (CellsTarget, "`[targets.cells.NAME]`"), (PowerTarget, "`power`"),
]  # fmt: skip


def tables_of(title: str) -> list[list[tuple[str, ...]]]:
    page = (DOCS / "configuration.md").read_text()
    (section,) = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    return tables(section.strip())


@pytest.mark.parametrize(("model", "title"), TABLES)
def test_all_keys_of_configurations_and_studies_are_there_as_the_code_has_them(model, title):
    wanted = list(field_rows(model))
    (found,) = [rows[1:] for rows in tables_of(title) if rows[1][:3] == wanted[0]]
    assert [row[:3] for row in found] == wanted
    assert all(row[3] for row in found)


def test_rows_of_formulations_places_and_accumulators_are_there_as_the_code_has_them():
    rows_of = {rows[0][0]: rows[1:] for rows in tables_of("Formulations")}
    for field in FIELDS:
        assert [row[:3] for row in rows_of[f"`{field}`"]] == list(formulation_rows(field))
        assert all(row[3] for row in rows_of[f"`{field}`"])
    (rules,) = tables_of("Rules of products")
    assert rules[1:] == [(f"`{row.name}`", row.words) for row in PRODUCT_RULES.values()]
    (places,) = tables_of("Places of `pipeline`")
    assert places[1:] == [(f"`{json.dumps(place)}`", words) for place, words in PLACES.items()]
    facts = {row[0]: row[1:] for row in tables_of("Accumulators")[-1]}
    said = {True: "yes", False: "no"}
    assert facts["`scale`, `block`"] == tuple(said[kind.takes_scales] for kind in ACCUMULATORS)
    assert facts["`saturated`"] == tuple(said[kind.can_saturate] for kind in ACCUMULATORS)


def test_files_of_libraries_are_there_as_they_are_looked_for():
    ((_, *rows), *_) = tables((DOCS / "synthesis.md").read_text())
    files = {
        row.name: "; ".join(" or ".join(f"`{name}`" for name in names) for names in row.files)
        for row in LIBRARIES.values()
    }
    assert rows == [(f"`{row.name}`", row.words, files[row.name], row.get) for row in LIBRARIES.values()]


def values_of(name: str) -> list[float]:
    count = 1 << get(name).bits
    return [float(value) for value in golden.decode(name, np.arange(count, dtype=np.uint8))]


@pytest.mark.parametrize(
    ("scheme", "group"),
    [("nvfp4", 16), ("mxfp6", 32), ("bitmod-fp3", 16), ("int4-asym", 16), ("int4", 48), ("mxint8", 32)],
)
def test_packed_files_are_as_the_page_says(scheme, group):
    page = (DOCS / "packed.md").read_text()
    code: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], code)
    block = get_block(scheme)
    length = 2 * group
    found = quantize_weights(scheme, np.random.default_rng(5).normal(size=(3, length)), group=group)
    types = {"channel_scales": "<f2", "tensor_scale": "<f4"}
    parts = {}
    for name, data in packed_parts(found).items():
        assert f"`NAME.{name}`" in page
        flat = np.frombuffer(data, types.get(name, np.uint8))
        parts[name] = flat if name in types else flat.reshape(3, -1)
    elements = [np.ldexp(values_of(name), block.step_exponent) for name in block.elements]
    scales = None if block.scale is None else np.nan_to_num(values_of(block.scale))
    read = code["weights"](parts, block.bits, length, group, elements, scales)
    np.testing.assert_array_equal(read, dequantize(found))
    assert parts["codes"].shape[1] == bits.packed_length(length, block.bits)
