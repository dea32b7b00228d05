"""The study file: which axes are crossed, and on which targets every unit of the grid is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from ...config import MacConfig
from ...config.document import Document
from ...config.user_formats import UserFormats, rows_of
from ...system.errors import BitmillError
from ...system.text import short, visible
from ..ids import unit_key
from .axes import Axis
from .grid import Expanded, Grid, Skipped, combinations, described
from .targets import Targets

MOST_COMBINATIONS = 100_000
"""Of a study's grids. So many are made in seconds; measuring them takes weeks."""
MOST_MEASUREMENTS = 1_000_000
_TOLD_EVERY = 500


class StudyFile(Document, frozen=True):
    """A study: grids whose units are put together, each once, and targets.

    Attributes
    ----------
    title
        For the report.
    formats
        ``[formats.NAME]`` tables, as in a configuration; every unit has those that it uses.
    grid
        Crossed one by one.
    targets
        Of all units.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    title: Annotated[str, Field(min_length=1, max_length=200)]
    formats: UserFormats = ()
    grid: Axis[Grid]
    targets: Targets

    @model_validator(mode="before")
    @classmethod
    def _with_rows(cls, fields: Any) -> Any:
        return {**fields, "formats": rows_of(fields.get("formats", {}))} if isinstance(fields, dict) else fields

    @field_validator("title")
    @classmethod
    def _printable(cls, title: str) -> str:
        if visible(title) != title or not title.strip():
            raise BitmillError(f"must be one line of visible text, not {short(title)}")
        return title

    @model_validator(mode="after")
    def _bounded(self) -> StudyFile:
        """Sizes are told from the lists' lengths, before any combination is made."""
        libraries = self.targets.by_library
        for index, grid in enumerate(self.grid):
            try:
                grid.check_pairs(self.formats)
            except BitmillError as error:
                raise BitmillError(f"grid.{index}.pairs: {error}") from None
            if grid.combinations > MOST_COMBINATIONS:
                raise BitmillError(
                    f"grid.{index} must have at most {MOST_COMBINATIONS} combinations of its axes, not {grid.combinations}"
                )
            if grid.periods and not libraries:
                raise BitmillError(
                    f"grid.{index}.periods must be left out without cell libraries, not {list(grid.periods)!r}"
                )
        if self.combinations > MOST_COMBINATIONS:
            raise BitmillError(
                f"grid must have at most {MOST_COMBINATIONS} combinations in all grids, not {self.combinations}"
            )
        empty = next((name for name, asked in libraries.items() if not asked.per_unit), None)
        if empty is not None and not all(grid.periods for grid in self.grid):
            raise BitmillError(
                f"targets.cells: {empty} must have at least one of periods, fastest, curve, power, not none"
            )
        measurements = sum(
            grid.combinations * (self.targets.per_unit + len(libraries) * len(grid.periods)) for grid in self.grid
        )
        if measurements > MOST_MEASUREMENTS:
            raise BitmillError(
                f"targets must ask for at most {MOST_MEASUREMENTS} measurements of all combinations, not {measurements}"
            )
        if next(self._units(), None) is None:
            raise BitmillError(
                f"grid must have at least one unit that can be built, not none: {self.expand().skipped[0].reason}"
            )
        return self

    @property
    def combinations(self) -> int:
        """Combinations of all grids, of which some may be no unit and some the same one."""
        return sum(grid.combinations for grid in self.grid)

    def expand(self, tell: Callable[[int, int], None] = lambda _done, _of: None) -> Expanded:
        """Every combination of every grid as a unit, in order, each once; what cannot be built, with the reason.

        Parameters
        ----------
        tell
            Called now and then with how many combinations are done, of how many.
        """
        units: dict[str, MacConfig] = {}
        skipped: dict[str, Skipped] = {}
        periods: dict[str, tuple[float, ...]] = {}
        for done, (grid, one) in enumerate(self._tried()):
            if done % _TOLD_EVERY == 0:
                tell(done, self.combinations)
            if isinstance(one, Skipped):
                skipped.setdefault(repr(one.fields), one)
            else:
                key = unit_key(one)
                units.setdefault(key, one)
                periods[key] = (*periods.get(key, ()), *grid.periods)
        return Expanded(units, tuple(skipped.values()), periods)

    def _units(self) -> Iterator[MacConfig]:
        return (one for _, one in self._tried() if not isinstance(one, Skipped))

    def _tried(self) -> Iterator[tuple[Grid, MacConfig | Skipped]]:
        for grid in self.grid:
            for fields in combinations(grid):
                try:
                    yield grid, MacConfig.from_dict({**fields, "formats": self.formats}, source=described(fields))
                except BitmillError as error:
                    yield grid, Skipped(fields, str(error))
