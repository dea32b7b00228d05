"""What all units of rows share: lanes, the longest row, and what stands at their ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from ..document import UnitConfig

Lanes = Annotated[int, Field(ge=1, le=256)]
"""Elements of a beat."""
RowLength = Annotated[int, Field(ge=1, le=1 << 16)]
"""Elements of the longest row."""
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""What one step is worth."""
Bits = Annotated[int, Field(ge=2, le=16)]
"""Of a signed input."""


class RowConfig(UnitConfig, frozen=True):
    """A unit that takes rows, ``lanes`` elements a beat, and gives as many beats as it took.

    Attributes
    ----------
    lanes
        Elements of a beat.
    PASSES
        How many times each row goes by inside.
    LOOKS_AROUND
        Whether an element's output depends on the rest of its row.
    TOLD
        Fields that decide only about what the unit is told at run time.
    """

    PASSES: ClassVar[int] = 1
    LOOKS_AROUND: ClassVar[bool] = True
    TOLD: ClassVar[tuple[str, ...]] = ()
    counted: ClassVar[tuple[str, str]] = ("rows", "elements")

    # Each class says itself how many it has, behind its unit: a document begins with what matters most.
    if TYPE_CHECKING:
        lanes: int

    @property
    def longest_row(self) -> int | None:
        """Elements of the longest row; None where rows are nothing to the unit."""
        return None

    @property
    def depth(self) -> int | None:
        """Beats of the longest row, after which rows are cut."""
        return None if self.longest_row is None else -(-self.longest_row // self.lanes)

    @property
    def element_fields(self) -> dict[str, int]:
        """Widths of what stands in a beat for an element, lowest first; the first field is the element itself, signed."""
        return {"element": 8}

    @property
    def element_bits(self) -> int:
        """Width of what stands in a beat for an element."""
        return sum(self.element_fields.values())

    @property
    def result_bits(self) -> int:
        """Width of an output element."""
        return 8

    @property
    def result_signed(self) -> bool:
        """Whether output elements are signed."""
        return True

    @property
    def constant_fields(self) -> dict[str, int]:
        """Widths of the fields of port ``constants``, lowest first; empty where there is no such port."""
        return {}

    @property
    def channel_fields(self) -> dict[str, int]:
        """Widths of a channel's constants, which port ``channels`` writes, lowest first; empty where there is no such port."""
        return {}

    @property
    def line_fields(self) -> dict[str, int]:
        """Widths of a segment's line, which port ``line`` writes, lowest first; empty where there is no such port."""
        return {}

    @property
    def tables(self) -> dict[str, tuple[int, tuple[int, ...]]]:
        """Width and words of the tables that are built in, by name."""
        return {}

    @property
    def line_count(self) -> int:
        """Lines that port ``line`` writes."""
        return 0

    @property
    def told_fields(self) -> tuple[str, ...]:
        """``TOLD``, unless it is built in."""
        return self.TOLD

    @property
    def keeps_memories(self) -> bool:
        """Rows are kept in one, and so are channels."""
        return self.longest_row is not None

    @property
    def has_error(self) -> bool:
        """Whether there is an output ``error``, which says that a row was cut."""
        return self.longest_row is not None

    @property
    def macs(self) -> int:
        """Elements of a beat."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``16 element(s) a cycle``, and how many times a row goes by."""
        return f"{self.lanes} element(s) a cycle" + f" in each of {self.PASSES} passes over a row" * (self.PASSES > 1)

    @property
    def sizes(self) -> str:
        """``16 lanes, rows to 384``: the end of titles."""
        lanes = f"{self.lanes} lane{'s' * (self.lanes > 1)}"
        return lanes if self.longest_row is None else f"{lanes}, rows to {self.longest_row}"
