"""The traffic of units of rows: rows in, rows of as many beats out, by golden; with other constants in every phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..config.rows import RowConfig
from ..system.errors import BitmillError
from .job import Phase
from .row_payload import RowPayload, control_widths, controls
from .row_stimulus import Row, RowStimulus
from .rows import PayloadRows
from .traffic import Traffic

_TRIES = 200


class RowTraffic(Traffic[RowConfig, RowPayload, Row]):
    """Work items are ``Row``.

    Parameters
    ----------
    config
        The unit, with the scales and channels of which it is told.
    """

    def __init__(self, config: RowConfig) -> None:
        from ..golden.rows.families import (
            ROWS,  # The bench imports this package in the simulator, where golden is not needed.
        )

        self.config: RowConfig = config
        self.layout: RowPayload = RowPayload(config)
        self.cycles_per_input = config.PASSES
        self.patience = 1000 + 8 * (config.depth or 1)
        self._golden = ROWS.of(config)
        self._told = self._golden.told(config)
        self.controls = controls(config, self._told)
        self.control_widths = control_widths(config)
        self.level_widths = {"error": 1} if config.has_error else {}

    @property
    def levels(self) -> Mapping[str, int]:
        """No row was cut."""
        return dict.fromkeys(self.level_widths, 0)

    def retold(self, rng: np.random.Generator) -> Self:
        """The same unit, told of other scales and channels, drawn from all that its configuration accepts."""
        fields = self.config.told_fields
        for _ in range(_TRIES if fields else 0):
            drawn = {name: _DRAWS[name](self.config, rng) for name in fields}
            try:
                return self.__class__(self.config.from_dict({**self.config.to_dict(), **drawn}))
            except BitmillError:
                continue
        return self

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[Row]:
        """Directed rows and ``count`` random ones; see ``RowStimulus``."""
        if count < 0:
            raise BitmillError(f"dot_products must be at least 0, not {count!r}")
        if corner_steps < 1:
            raise BitmillError(f"corner_steps must be at least 1, not {corner_steps!r}")
        return list(RowStimulus(self.config, rng, corner_steps=corner_steps).rows(count))

    def further_phases(self, rng: np.random.Generator, *, corner_steps: int) -> list[Phase]:
        """A row that is too long, cut, between two that are not, which raises ``error``."""
        depth = self.config.depth
        if depth is None or depth + 2 > corner_steps:
            return []
        stimulus = RowStimulus(self.config, rng, corner_steps=4)
        first, second = list(stimulus.rows(2))[-2:]
        long = stimulus.too_long()
        cut = Row(long.elements[: depth * self.config.lanes], long.mask[: depth * self.config.lanes], "cut")
        expected = [payload for row in self.expected([first, cut, second]) for payload in row]
        counts = self.counts([first, cut, second])
        inputs = self.inputs([first, long, second])
        told = self.controls
        return [Phase("too long a row", inputs, expected, controls=told, levels={"error": 1}, counts=counts)]

    def steps(self, item: Row) -> int:
        """Beats."""
        return -(-len(item) // self.config.lanes)

    def products(self, work: Sequence[Row]) -> int:
        """Elements of the rows."""
        return sum(len(item) for item in work)

    def results(self, work: Sequence[Row]) -> int:
        """Rows."""
        return len(work)

    def counts(self, work: Sequence[Row]) -> tuple[int, ...]:
        """Beats of each row."""
        return tuple(self.steps(item) for item in work)

    def inputs(self, work: Sequence[Row]) -> Sequence[int]:
        """Beats of rows one after the other; what is masked or past the end is noise that golden never sees."""
        payloads: list[int] = []
        for item in work:
            elements, keep = self._filled(item)
            noise = np.random.default_rng(len(payloads)).permutation(elements.reshape(-1)).reshape(elements.shape)
            payloads += self.layout.pack_row(np.where(keep[:, None], elements, ~noise), keep)
        return PayloadRows.of(payloads, self.layout.input_bits)

    def expected(self, work: Sequence[Row]) -> list[list[int]]:
        """Beats of results of each row by golden."""
        found: list[list[int]] = []
        for item in work:
            elements, keep = self._filled(item)
            row = elements[:, 0] if elements.shape[1] == 1 else elements
            outputs = self._golden.outputs(self.config, self._told, row[: len(item)], item.mask)
            results = np.zeros(len(keep), dtype=np.int64)
            results[: len(item)] = outputs
            found.append(self.layout.pack_results(results, keep))
        return found

    def _filled(self, item: Row) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.bool_]]]:
        """Elements and mask of whole beats."""
        missing = -len(item) % self.config.lanes
        return np.pad(item.elements, ((0, missing), (0, 0))), np.pad(item.mask, (0, missing))


def _scale(_config: RowConfig, rng: np.random.Generator) -> float:
    return float(2.0 ** rng.uniform(-10, 1))


def _channels(config: RowConfig, rng: np.random.Generator, *, spread: float) -> list[float]:
    """One for all channels, or for each its own, of either sign."""
    count = int(rng.choice([1, config.longest_row or 1]))
    return [float(value) for value in rng.standard_normal(count) * spread * 2.0 ** rng.uniform(-3, 0)]


_DRAWS: dict[str, Callable[[RowConfig, np.random.Generator], Any]] = {
    "scale": _scale,
    "output_scale": _scale,
    "epsilon": lambda _config, rng: float(10.0 ** rng.uniform(-9, -3)),
    "gamma": lambda config, rng: _channels(config, rng, spread=1.0),
    "beta": lambda config, rng: _channels(config, rng, spread=0.5),
}
"""How a field is drawn that a unit is told of at run time."""
