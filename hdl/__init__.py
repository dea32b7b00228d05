# amaranth: UnusedElaboratable=no
# A unit may be built only to be asked for its latency and its ports.
"""What the hardware does: Amaranth components, built from the one configuration object."""

from ..config import AcceleratorConfig
from .dot_product import DotProduct
from .mac import Mac

__all__ = ["DotProduct", "Mac", "build"]


def build(config: AcceleratorConfig, *, lane_module: str | None = None) -> DotProduct:
    """The unit a configuration describes: ``Mac`` or ``DotProduct``."""
    unit = Mac if config.unit == "mac" else DotProduct
    return unit(config=config, lane_module=lane_module)
