"""bitmill: generate, prove, synthesize and cost low-bit accelerator hardware from one configuration."""

# Not from `typing`: whatever is imported here is imported before the command line can tell an interruption in one line.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from . import formats
    from .config import (
        ExactAccumulator,
        FixedAccumulator,
        FloatAccumulator,
        MacConfig,
        WindowAccumulator,
    )
    from .config.presets import preset
    from .system.errors import BitmillError

__version__ = "0.1.0"

__all__ = [
    "BitmillError",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "MacConfig",
    "WindowAccumulator",
    "__version__",
    "formats",
    "preset",
]


def __getattr__(name: str):  # noqa: ANN202 - of any type
    # Imported when they are asked for: validation takes longer to import than `bitmill formats` takes to run, and a module
    # that needs none of them does not depend on them (see ``sources``).
    if name == "formats":
        from .formats import get  # noqa: F401 - `from . import formats` would ask this very function

        return globals()[name]
    if name == "BitmillError":
        from .system.errors import BitmillError

        return BitmillError
    if name in __all__:
        from . import config
        from .config import presets

        return getattr(presets if name == "preset" else config, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
