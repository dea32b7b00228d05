"""Fits the models that come with bitmill on the committed records of the full study: ``python -m bitmill.reports.cost``."""

from __future__ import annotations

import sys

from ...files import atomic_write
from ...screen import say
from ...screen.program import run_program
from ...screen.progress import progress
from ..committed import committed_records
from ..full.models import fitted_models
from ..records import FULL
from .model import MODELS


def main() -> int:
    """Write a file per model; 0 if that went well."""
    return run_program(_fit)


def _fit() -> None:
    MODELS.mkdir(exist_ok=True)
    with progress("fitting the cost models"):
        models = fitted_models(committed_records(FULL))
    for model in models:
        path = MODELS / f"{model.name}.json"
        atomic_write(path, model.to_json().encode())
        say(f"{path}: {model.held_out}")


if __name__ == "__main__":
    sys.exit(main())
