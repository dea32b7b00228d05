# amaranth: UnusedElaboratable=no
# A unit may be built only to be asked for its latency and its ports.
"""What the hardware does: Amaranth components, built from the one configuration object."""

from ..config.document import UnitConfig
from .array.array import Array
from .array.pe import PE
from .bit_serial.serial_tile import SerialTile
from .families import HARDWARE
from .mac.dot_product import DotProduct
from .mac.mac import Mac
from .unit import Unit

__all__ = ["PE", "Array", "DotProduct", "Mac", "SerialTile", "Unit", "build"]


def build(config: UnitConfig, *, module_prefix: str | None = None) -> Unit:
    """The unit a configuration describes: ``Mac``, ``Array``, whatever its family's component is.

    With ``module_prefix`` its repeated parts are instances of modules whose names begin so (see ``Unit.repeated``).
    """
    return HARDWARE.of(config).component(config=config, module_prefix=module_prefix)
