# amaranth: UnusedElaboratable=no
# A unit may be built only to be asked for its latency and its ports.
"""What the hardware does: Amaranth components, built from the one configuration object."""

from ..config import AcceleratorConfig
from .array import Array
from .dot_product import DotProduct
from .mac import Mac
from .pe import PE

__all__ = ["PE", "Array", "DotProduct", "Mac", "build"]


def build(config: AcceleratorConfig, *, module_prefix: str | None = None) -> Array | DotProduct:
    """The unit a configuration describes: ``Mac``, ``DotProduct`` or ``Array``.

    With ``module_prefix`` its repeated parts are instances of modules whose names begin so (see ``repeated``).
    """
    if config.unit == "array":
        return Array(config=config, module_prefix=module_prefix)
    unit = Mac if config.unit == "mac" else DotProduct
    return unit(config=config, lane_module=None if module_prefix is None else f"{module_prefix}.lane")
