"""Large units in ``bitmill synth``: the clock of a slice, cells of parts that are mapped once, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..system.screen import say

if TYPE_CHECKING:
    from ..config.document import UnitConfig

SLICE, WHOLE = "slice", "whole"


def clock_option() -> Callable[..., Any]:
    """``--clock``."""
    return click.option(
        "--clock", type=click.Choice([SLICE, WHOLE]), default=SLICE, show_default=True,
        help="Of large arrays and tiles: measure a smaller one of the same PEs, and map a PE once for the count of all; or all.",
    )  # fmt: skip


def measured_unit(config: UnitConfig, clock: str) -> UnitConfig:
    """The unit whose clock is measured: a slice of a large one, unless the whole is asked for."""
    from ..hdl.emit.verilog import slice_of

    return config if clock == WHOLE else slice_of(config)


def measured_on(config: UnitConfig, measured: UnitConfig) -> dict[str, Any]:
    """What a record says of it: nothing where it was the unit itself."""
    if measured == config:
        return {}
    return {"clock_measured_on": {"title": measured.title, "configuration": measured.to_dict()}}


def say_measured_on(config: UnitConfig, measured: UnitConfig) -> None:
    """Say of what the clock is, and how the cells were counted, if not of and in the unit itself."""
    if measured != config:
        say(
            f"clock measured on a slice, {measured.title}; PEs mapped once and counted for all (--clock whole: the whole unit)"
        )


class Left:
    """How long jobs of several kinds still take, from those that are done.

    Parameters
    ----------
    kinds
        The kind of each job by its name.
    workers
        Jobs that run at the same time.
    """

    def __init__(self, kinds: Mapping[str, str], workers: int) -> None:
        self._left = dict(kinds)
        self._workers = workers
        self._seconds: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def done(self, name: str, seconds: float) -> float | None:
        """A job is done after ``seconds``: the seconds that the others take, None while no job of one of their kinds is done."""
        self._seconds.setdefault(self._left.pop(name), []).append(seconds)
        if not set(self._left.values()) <= set(self._seconds):
            return None
        means = {kind: sum(each) / len(each) for kind, each in self._seconds.items()}
        return sum(means[kind] for kind in self._left.values()) / max(1, min(self._workers, len(self._left)))


class RecipePace:
    """How long the recipes that are left take at the most, at the mean of those that are done."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def left(self, seconds: float, count: int) -> float:
        """One more took ``seconds``: the seconds that ``count`` more take, on all cores."""
        from ..fpga.jobs import default_workers

        self._seconds.append(seconds)
        mean = sum(self._seconds) / len(self._seconds)
        return mean * count / max(1, min(default_workers(), count))
