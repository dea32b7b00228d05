# amaranth: UnusedElaboratable=no
# A unit may be built only to be asked for its latency and its ports.
"""What the hardware does: Amaranth components, built from the one configuration object."""

from ..config import MacConfig
from ..config.bit_serial import BitSerialConfig
from .array.array import Array
from .array.pe import PE
from .bit_serial.serial_tile import SerialTile
from .mac.dot_product import DotProduct
from .mac.mac import Mac

__all__ = ["PE", "Array", "DotProduct", "Mac", "SerialTile", "build"]


def build(config: MacConfig | BitSerialConfig, *, module_prefix: str | None = None) -> Array | DotProduct | SerialTile:
    """The unit a configuration describes: ``Mac``, ``DotProduct``, ``Array`` or ``SerialTile``.

    With ``module_prefix`` its repeated parts are instances of modules whose names begin so (see ``repeated``).
    """
    if isinstance(config, BitSerialConfig):
        return SerialTile(config=config, module_prefix=module_prefix)
    if config.unit == "array":
        return Array(config=config, module_prefix=module_prefix)
    unit = Mac if config.unit == "mac" else DotProduct
    return unit(config=config, lane_module=None if module_prefix is None else f"{module_prefix}.lane")
