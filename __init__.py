"""bitmill: generate, prove, synthesize and cost low-bit accelerator hardware from one configuration."""

import importlib

# Not from `typing`: whatever is imported here is imported before the command line can tell an interruption in one line.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from . import formats
    from .config import (
        AcceleratorConfig,
        ExactAccumulator,
        FixedAccumulator,
        FloatAccumulator,
        WindowAccumulator,
    )
    from .errors import BitmillError
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

_HOMES = {"BitmillError": "errors", "preset": "presets"}
"""Where a name is that is not in ``config``."""


def __getattr__(name: str):  # noqa: ANN202 - of any type
    # Imported when they are asked for: validation takes longer to import than `bitmill formats` takes to run, and a module
    # that needs none of them does not depend on them (see ``sources``).
    if name == "formats":
        return importlib.import_module(".formats", __name__)
    if name in __all__:
        return getattr(importlib.import_module(f".{_HOMES.get(name, 'config')}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
