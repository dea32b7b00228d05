"""bitmill: generate, prove, synthesize and cost low-bit accelerator hardware from one configuration."""

from typing import TYPE_CHECKING, Any

from . import formats
from .errors import BitmillError

if TYPE_CHECKING:
    from .config import (
        AcceleratorConfig,
        ExactAccumulator,
        FixedAccumulator,
        FloatAccumulator,
        WindowAccumulator,
    )
    from .presets import preset

__version__ = "0.1.0"

__all__ = [
    "AcceleratorConfig",
    "BitmillError",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "WindowAccumulator",
    "__version__",
    "formats",
    "preset",
]


def __getattr__(name: str) -> Any:
    # Validation takes longer to import than `bitmill formats` takes to run, so it is imported when it is asked for.
    if name in __all__:
        from . import config, presets

        return getattr(presets if name == "preset" else config, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
