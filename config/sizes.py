"""How large a unit may be to be worked on: what is beyond is refused before the work, in one line."""

from __future__ import annotations

from typing import Protocol

from ..system.errors import BitmillError

MOST_VERIFIED = 256
"""Products a cycle that a unit may have to be simulated, synthesized or built; a 16 x 16 array has as many."""
MOST_GENERATED = 1 << 16
"""Products a cycle that a unit may have to be generated: a 256 x 256 array, which takes minutes and 2.2 GB."""

_START_SECONDS, _PRODUCT_SECONDS = 1.0, 204 / MOST_GENERATED
"""Of generating: a 256 x 256 array of INT8 took ``bitmill generate`` 204 s and 2.2 GB."""


class Sized(Protocol):
    """What says how large a unit is."""

    @property
    def macs(self) -> int:
        """Products of the whole unit at a time."""
        ...


def check_verified(config: Sized, task: str) -> None:
    """Refuse what is too large for more than Verilog; ``task`` is what was asked for, such as ``verify``.

    Raises
    ------
    BitmillError
        If the unit has more than ``MOST_VERIFIED`` products a cycle.
    """
    if config.macs > MOST_VERIFIED:
        raise BitmillError(
            f"{task}: a unit must have at most {MOST_VERIFIED} products a cycle, beyond which it is only generated, "
            f"not {config.macs!r}"
        )


def check_generated(config: Sized) -> None:
    """Refuse what is too large to be generated.

    Raises
    ------
    BitmillError
        If the unit has more than ``MOST_GENERATED`` products a cycle.
    """
    if config.macs > MOST_GENERATED:
        raise BitmillError(f"generate: a unit must have at most {MOST_GENERATED} products a cycle, not {config.macs!r}")


def generation_seconds(config: Sized) -> float:
    """About how long Verilog takes to generate, in seconds."""
    return _START_SECONDS + _PRODUCT_SECONDS * config.macs
