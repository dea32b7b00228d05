"""The study file: which axes are crossed, and on which targets every unit of the grid is measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ...config import AcceleratorConfig
from ...document import Document
from ...errors import BitmillError
from ..ids import unit_key
from .axes import Axis
from .grid import Expanded, Grid, Skipped, combinations, described
from .targets import Targets


class StudyFile(Document, frozen=True):
    """A study: grids whose units are put together, each once, and targets.

    Attributes
    ----------
    title
        For the report.
    grid
        Crossed one by one.
    targets
        Of all units.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    title: Annotated[str, Field(min_length=1)]
    grid: Axis[Grid]
    targets: Targets

    @model_validator(mode="after")
    def _not_empty(self) -> StudyFile:
        if not self.expand().units:
            first = self.expand().skipped[0]
            raise BitmillError(f"grid must have at least one unit that can be built, not none: {first.reason}")
        return self

    def expand(self) -> Expanded:
        """Every combination of every grid as a unit, in order, each once; what cannot be built, with the reason."""
        units: dict[str, AcceleratorConfig] = {}
        skipped: dict[str, Skipped] = {}
        for grid in self.grid:
            for fields in combinations(grid):
                try:
                    config = AcceleratorConfig.from_dict(fields, source=described(fields))
                except BitmillError as error:
                    skipped.setdefault(repr(fields), Skipped(fields, str(error)))
                else:
                    units.setdefault(unit_key(config), config)
        return Expanded(units, tuple(skipped.values()))
