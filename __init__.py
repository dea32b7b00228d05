"""bitmill: generate, prove, synthesize and cost low-bit accelerator hardware from one configuration."""

from . import formats
from .config import AcceleratorConfig, ExactAccumulator, FloatAccumulator, preset
from .errors import BitmillError

__version__ = "0.1.0"

__all__ = ["AcceleratorConfig", "BitmillError", "ExactAccumulator", "FloatAccumulator", "__version__", "formats", "preset"]
