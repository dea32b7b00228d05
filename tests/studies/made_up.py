"""Made-up records of a whole study, so that renderers can be tried without tools."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bitmill.golden import choose_scale
from bitmill.models.layers import Layer
from bitmill.reports.int_vs_fp.claims import derived_records
from bitmill.studies.int_vs_fp.accumulators import error_records
from bitmill.studies.int_vs_fp.accuracy import accuracy_records, layer_record
from bitmill.studies.int_vs_fp.arrays import cycle_records
from bitmill.studies.int_vs_fp.parts import PARTS
from bitmill.studies.int_vs_fp.study import Case, Study
from bitmill.studies.records import Record, Records, metric


def made_up_layer(name: str = "tiny", *, outputs: int = 8, inputs: int = 64, tokens: int = 12, seed: int = 1) -> Layer:
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(0, 1, inputs))
    activations = rng.standard_t(3, (2 * tokens, inputs)) * spread
    return Layer(name, "made up", rng.normal(0, 0.1, (outputs, inputs)), activations[:tokens], activations[tokens:])


_IDS = {"parts": "parts/{1}", "verification": "{0}/{1}/{2}"}
"""Topic to ids, where those are not the unit and the target."""


def _record(kind: str, case: Case, flow: str, metrics: dict[str, float], **config: object) -> Record:
    return Record(
        id=_IDS.get(kind, "{1}/{2}").format(kind, case.key, flow),
        topic=kind,
        config={**case.config.to_dict(), **config},
        part=case.part,
        flow={"routed": "whole unit"},
        tool_versions={"yosys": "0.70"},
        seeds=(1,),
        metrics={name: metric(value, "1") for name, value in metrics.items()},
    )


def made_up_records(study: Study) -> Records:
    """Accuracy is computed; costs grow with the formats' bits and a seeded factor."""
    rng = np.random.default_rng(5)
    found = [layer_record(layer) for layer in study.layers]
    for layer in study.layers:
        found.extend(accuracy_records(study, layer))
    for case in study.cases:
        config = case.config
        gates = float(config.weight_format.bits * config.activation_format.bits * 12 * rng.uniform(0.8, 1.6))
        lanes = config.lanes
        found.append(_record("area", case, "generic", {
            "accumulator_bits": config.accumulator_bits, "logic": gates * lanes, "registers": 70 * lanes,
            "logic_per_mac": gates, "total_per_mac": gates + 420, "registers_per_mac": 70,
        }))  # fmt: skip
        for flow, factor in (("ecp5", 0.2), ("ecp5-dsp", 0.1)):
            found.append(_record("area", case, flow, {
                "logic": gates * factor * lanes, "logic_per_mac": gates * factor, "registers": 60 * lanes,
                "registers_per_mac": 60, "carry": 3 * lanes, "dsp": lanes, "dsp_per_mac": 1,
            }))  # fmt: skip
        shares = rng.dirichlet(np.ones(len(PARTS))) * gates
        parts = {part: float(share) for part, share in zip(PARTS, shares, strict=True)}
        found.append(_record("parts", case, "generic", {
            **parts, "registers": 420, "logic_per_mac": gates, "flat": gates * 0.95 + 420,
        }))  # fmt: skip
        clock = float(rng.uniform(60, 160))
        found.append(_record("timing", case, "clock", {
            "fmax": clock, "fmax_min": clock - 5, "fmax_max": clock + 4, "placements": 3,
        }))  # fmt: skip
        for group in study.verified_on(case):
            done = 16 * len(group)
            found.append(_record("verification", case, "+".join(layer.name for layer in group), {
                "dot_products": done, "products": done * 64, "products_matched": done * 64, "mismatches": 0,
                "dot_products_in_layers": 96, "products_in_layers": sum(layer.products for layer in group),
                "transactions": 20, "input_stalls": 30, "output_stalls": 40, "resets": 2, "cycles": 3000,
            }, layers=[layer.name for layer in group]))  # fmt: skip
    found.extend(_array_records(study, rng))
    found.extend(_accumulator_records(study, rng))
    return Records([*found, *derived_records(Records(found))])


def _array_records(study: Study, rng: np.random.Generator) -> list[Record]:
    found = list(cycle_records(study))
    for case in study.arrays:
        macs = case.config.macs
        for flow, luts in (("ecp5", float(rng.uniform(90, 250))), ("ecp5-dsp", float(rng.uniform(30, 90)))):
            found.append(_record("area", case, flow, {
                "logic": luts * macs, "logic_per_mac": luts, "registers": 130 * macs, "registers_per_mac": 130,
                "carry": 20 * macs, "dsp": macs, "dsp_per_mac": 1,
            }))  # fmt: skip
            clock = float(rng.uniform(90, 140))
            found.append(_record("timing", case, flow.replace("ecp5", "clock"), {
                "fmax": clock, "fmax_min": clock - 3, "fmax_max": clock + 6, "placements": 3,
            }))  # fmt: skip
        found.append(_verification(study, case))
    return found


def _accumulator_records(study: Study, rng: np.random.Generator) -> list[Record]:
    """Errors are computed; costs are drawn."""
    found = []
    for case in (*study.accumulated, *study.accumulated_macs):
        gates = float(rng.uniform(600, 1500))
        found.append(_record("area", case, "generic", {
            "accumulator_bits": case.config.accumulator_bits, "logic": gates * case.config.lanes,
            "registers": 70 * case.config.lanes, "logic_per_mac": gates, "total_per_mac": gates + 420, "registers_per_mac": 70,
        }))  # fmt: skip
        found.append(_verification(study, case))
    for pair in dict.fromkeys(case.pair for case in study.accumulated):
        cases = [Case(pair, "dot32"), *(case for case in study.accumulated if case.pair == pair)]
        for layer in study.layers:
            found.extend(error_records(cases, layer, 1, choose_scale))
    return found


def _verification(study: Study, case: Case) -> Record:
    (layers,) = study.verified_on(case)
    return _record("verification", case, layers[0].name, {
        "dot_products": 16, "products": 16 * 64, "products_matched": 16 * 64, "mismatches": 0, "dot_products_in_layers": 96,
        "products_in_layers": layers[0].products, "transactions": 20, "input_stalls": 30, "output_stalls": 40, "resets": 2,
        "cycles": 3000,
    }, layers=[layers[0].name])  # fmt: skip


@pytest.fixture(scope="session")
def layer() -> Layer:
    return made_up_layer()


@pytest.fixture(scope="session")
def study(layer: Layer) -> Study:
    return Study((layer, made_up_layer("other", seed=2)))


@pytest.fixture(scope="session")
def records(study: Study) -> Records:
    return made_up_records(study)


@pytest.fixture(scope="session")
def made_up() -> Callable[[Study], Records]:
    return made_up_records


@pytest.fixture(scope="session")
def make_layer() -> Callable[..., Layer]:
    return made_up_layer
