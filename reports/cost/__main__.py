"""Fits the models that come with bitmill on the committed records of the full study: ``python -m bitmill.reports.cost``."""

from __future__ import annotations

import sys

from ...errors import BitmillError
from ...files import atomic_write
from ..committed import committed_records
from ..full.models import fitted_models
from ..records import FULL
from .model import MODELS


def main() -> int:
    """Write a file per model; 0 if that went well."""
    try:
        MODELS.mkdir(exist_ok=True)
        for model in fitted_models(committed_records(FULL)):
            path = MODELS / f"{model.name}.json"
            atomic_write(path, model.to_json().encode())
            print(f"{path}: {model.held_out}")
    except BitmillError as error:
        print(f"bitmill: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
