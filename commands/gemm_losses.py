"""What operands of ``bitmill run gemm`` lose on their way into their formats: refused, or counted and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..system.errors import BitmillError
from ..system.screen import say

if TYPE_CHECKING:
    from ..golden import Losses
    from ..golden.weights.losses import Losses as WeightLosses

OPTION = "--allow-saturation"


def check_losses(lost: Mapping[str, Losses | WeightLosses], *, allow: bool) -> None:
    """Refuse operands that saturate, overflow or are zeros altogether, unless that is allowed.

    Raises
    ------
    BitmillError
        Naming the operand and the counts.
    """
    for name, losses in lost.items():
        if losses.saturates and not allow:
            raise BitmillError(f"{name} must fit their format, or {OPTION} be given, not {_told(losses)}")


def say_losses(lost: Mapping[str, Losses | WeightLosses]) -> None:
    """A line for each operand that lost something."""
    for name, losses in lost.items():
        if told := _told(losses):
            say(f"{name}: {told}")


def record_losses(lost: Mapping[str, Losses | WeightLosses]) -> dict[str, dict[str, int]]:
    """The counts as plain data."""
    return {name: asdict(losses) for name, losses in lost.items()}


def _told(losses: Losses | WeightLosses) -> str:
    from ..golden import Losses

    if isinstance(losses, Losses):
        return losses.told()
    counts = {name: count for name, count in asdict(losses).items() if count and name != "zero_channels"}
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
