"""Measures units, fits the models that come with bitmill, and judges them: ``python -m bitmill.studies.cost``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ...fpga.cost.cells_fitting import fit_cells
from ...fpga.cost.fitting import fit_all, judged
from ...fpga.cost.measured_units import FITTED, HELD_OUT, TARGETS, Measured, Units, samples
from ...fpga.cost.model import MODELS, UNITS_FILE, CostModel, library_models, shipped_models, units_json
from ...fpga.jobs import Outcome, default_workers
from ...system.errors import BitmillError
from ...system.files import atomic_write
from ...system.screen import say
from ...system.screen.program import run_program
from ...system.screen.progress import progress
from ...system.tools import tool_versions
from ..committed import RESULTS
from ..jobs import told
from .measure import measure, read_journal
from .study_units import study_units
from .table import table_lines

FOLDER = RESULTS / "cost"
"""Where the files of measured units lie in a checkout."""
TOOLS = ("yosys",)

NINE_OF_TEN = 171 / 200
"""Share in their bands that all but one of fifty draws of 200 units have, if nine of ten of all units are in theirs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 if that went well, 1 if a model misses its targets, 2 after an error."""
    parser = argparse.ArgumentParser(prog="python -m bitmill.studies.cost", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--measure", metavar="N", type=int, help="synthesize the first N units of a seed's draw")
    what.add_argument("--record", nargs="+", metavar="JOURNAL", type=Path, help="make a committed file of journals")
    what.add_argument("--fit", action="store_true", help="fit the models on the committed units and judge them")
    what.add_argument("--check", nargs="?", const=FOLDER / HELD_OUT, metavar="FILE", type=Path,
                      help="judge the models by units they never saw, a committed file or a journal")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the draw (1)")
    parser.add_argument("--most-lanes", type=int, default=64, help="leave out units with more lanes (64)")
    parser.add_argument("--most-gates", type=float, default=float("inf"), help="leave out units with more by reckoning")
    parser.add_argument("--cells", metavar="NAME", default="", help="measure, record, fit and check for a cell library")
    parser.add_argument("--quick", action="store_true", help="fewer recipes, lanes mapped once: for units to fit on")
    parser.add_argument("--seconds", type=float, default=600, help="after which a run of a tool is given up (600)")
    parser.add_argument("--workers", type=int, default=default_workers(), help="units at a time (one per core)")
    parser.add_argument("--study", action="store_true", help="with --record: the full study's committed units as well")
    parser.add_argument("--about", default="", help="how the units of a record were drawn and measured")
    parser.add_argument("-o", "--output", type=Path, help="journal to go on with, or file to write")
    asked = parser.parse_args(arguments)
    return run_program(lambda: _do(asked))


def _do(asked: argparse.Namespace) -> int:
    if asked.measure is not None:
        return _measure(asked)
    if asked.record:
        return _record(asked)
    if asked.fit:
        with progress("fitting the cost models"):
            of_library = library_fitted(asked.cells) if asked.cells else fitted_models(
                Units.load(FOLDER / FITTED), Units.load(FOLDER / HELD_OUT)
            )  # fmt: skip
        _write(of_library, MODELS / asked.cells)
    models = library_models(asked.cells) if asked.cells else shipped_models()
    return _check(asked.check or FOLDER / asked.cells / HELD_OUT, models)


def fitted_models(fitted: Units, held_out: Units) -> list[CostModel]:
    """Models fitted on units, with their errors on others.

    Raises
    ------
    BitmillError
        As ``fit_all``.
    """
    seeds = sorted({found.seed for found in fitted.measured if found.seed > 0})
    provenance = {
        "fitted_on": f"reports/results/cost/{FITTED}",
        "held_out": f"reports/results/cost/{HELD_OUT}",
        "seeds": {"fitted": seeds, "held_out": sorted({found.seed for found in held_out.measured})},
        "made_by": "python -m bitmill.studies.cost --fit",
        "method": "non-negative least squares of relative errors from reckoned prices; Gaussian process of what is left",
        "tools": dict(fitted.tools),
    }
    models = fit_all(fitted, provenance=provenance, draws=seeds)
    return [
        replace(model, held_out=judged(model, samples(held_out.synthesized, model.target, model.metric)))
        for model in models
    ]


def library_fitted(library: str) -> list[CostModel]:
    """Models of a cell library, fitted on its committed units.

    Raises
    ------
    BitmillError
        As ``fit_cells``, or if there are no such units.
    """
    fitted, held_out = (Units.load(FOLDER / library / name) for name in (FITTED, HELD_OUT))
    provenance = {
        "fitted_on": f"reports/results/cost/{library}/{FITTED}",
        "held_out": f"reports/results/cost/{library}/{HELD_OUT}",
        "seeds": {
            name: sorted({found.seed for found in units.measured})
            for name, units in (("fitted", fitted), ("held_out", held_out))
        },
        "made_by": f"python -m bitmill.studies.cost --cells {library} --fit",
        "method": "the generic target's estimate times a scale; Gaussian process of what is left",
        "measured": fitted.about,
        "tools": dict(fitted.tools),
    }
    return fit_cells(library, fitted, held_out, provenance=provenance)


def _measure(asked: argparse.Namespace) -> int:
    if asked.output is None:
        raise BitmillError("-o must be given with --measure: the journal to write and to go on with")
    indices = range(asked.measure)
    with told(asked.measure, progress=True) as done:

        def show(outcome: Outcome[Measured]) -> None:
            done(f"unit {outcome.name}", outcome.seconds)

        measure(
            asked.seed, indices, journal=asked.output, seconds=asked.seconds, workers=asked.workers,
            most_lanes=asked.most_lanes, most_gates=asked.most_gates, quick=asked.quick, library=asked.cells, show=show,
        )  # fmt: skip
    return 0


def _record(asked: argparse.Namespace) -> int:
    if asked.output is None:
        raise BitmillError("-o must be given with --record: the file to write")
    found: dict[tuple[int, int], Measured] = {}
    for path in asked.record:
        found |= {(unit.seed, unit.index): unit for unit in read_journal(path)}
    if asked.study:
        found |= {(unit.seed, unit.index): unit for unit in study_units()}
    used = (*TOOLS, "opensta") if asked.cells else TOOLS
    tools = {name: version for name, version in tool_versions().items() if name in used}
    targets = (asked.cells,) if asked.cells else TARGETS
    units = Units(asked.about, tools, tuple(found[key] for key in sorted(found)), targets)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(asked.output, units.to_json().encode())
    return 0


def _write(models: Iterable[CostModel], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for model in models:
        atomic_write(folder / f"{model.name}.json", model.to_json().encode())
        atomic_write(folder / UNITS_FILE, units_json(model.traits, model.correction.units).encode())


def _check(path: Path, models: Iterable[CostModel]) -> int:
    """Print errors of the shipped models; 1 if they miss what is asked of them."""
    held_out = Units.load(path) if path.suffix == ".json" else Units("", {}, tuple(read_journal(path)))
    rows = [(model, judged(model, samples(held_out.synthesized, model.target, model.metric))) for model in models]
    for line in table_lines([(model.target, model.metric, errors) for model, errors in rows]):
        say(line)
    good = all(
        errors.within >= NINE_OF_TEN
        and errors.median <= 0.04
        and errors.refused <= 0.05 * (errors.units + errors.refused)
        for _, errors in rows
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
