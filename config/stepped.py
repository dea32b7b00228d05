"""Units of steps: a stream of steps goes in, results come out, and the fields of both are stated here once.

A family of such units states its fields in its configuration. Layouts of ports, their words in headers and manifests, packing and
unpacking of payloads, and the corners and random items of its verification follow from them (``hdl.stepped``,
``sim.stepped_payload``, ``sim.stepped_traffic``). What it adds is its golden function and its component: golden takes the
configuration and the steps, by field int64 ``[K]``, or ``[K, count]`` of fields of several elements, and gives the result so.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from .document import UnitConfig


@dataclass(frozen=True, kw_only=True)
class StepField:
    """A field of a payload.

    Attributes
    ----------
    name
        A Python name.
    bits
        Width, of each element where there are several.
    words
        What it is, for the header of the Verilog and the manifest.
    count
        Elements, the first one lowest; None for a field that is one number.
    signed
        Whether it is in two's complement.
    least, greatest
        The range of what a step may say, where it is not all that the width has.
    """

    name: str
    bits: int
    words: str
    count: int | None = None
    signed: bool = False
    least: int | None = None
    greatest: int | None = None

    @property
    def elements(self) -> int:
        """Numbers in it."""
        return 1 if self.count is None else self.count

    @property
    def low(self) -> int:
        """The least number that a step may have there."""
        return self.least if self.least is not None else -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest number that a step may have there."""
        return self.greatest if self.greatest is not None else (1 << self.bits - int(self.signed)) - 1


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    """A memory of a unit that is written beside the stream of steps, through port ``write``, a word a cycle.

    Attributes
    ----------
    depth
        Words.
    word
        What a word holds.
    """

    depth: int
    word: StepField


LAST = StepField(name="last", bits=1, words="the step is its result's last one")


class SteppedConfig(UnitConfig, frozen=True):
    """The base of configurations of units of steps."""

    @property
    @abstractmethod
    def step_fields(self) -> tuple[StepField, ...]:
        """Of a step, the lowest first, without ``last``."""

    @property
    @abstractmethod
    def own_result_fields(self) -> tuple[StepField, ...]:
        """Of a result, the lowest first, without ``too_long``."""

    @property
    @abstractmethod
    def max_steps(self) -> int | None:
        """Most steps of a result; one of more is ``too_long``, and 0 elsewhere. None: every step gives a result of its own."""

    @property
    def memory(self) -> StepMemory | None:
        """What is written beside the stream, and stays through resets; None where nothing is."""
        return None

    @property
    def cycles_per_step(self) -> int:
        """Cycles that a step takes, at the most."""
        return 1

    @property
    def keeps_memories(self) -> bool:
        """Whether it has one."""
        return self.memory is not None

    @property
    def input_fields(self) -> tuple[StepField, ...]:
        """Of the payload of stream ``i``: a step, and ``last`` above it where results are of several."""
        return self.step_fields if self.max_steps is None else (*self.step_fields, LAST)

    @property
    def result_fields(self) -> tuple[StepField, ...]:
        """Of the payload of stream ``o``: a result, and ``too_long`` above it where results are of several steps."""
        if self.max_steps is None:
            return self.own_result_fields
        words = f"there were more than {self.max_steps} steps; all else is 0"
        return (*self.own_result_fields, StepField(name="too_long", bits=1, words=words))
