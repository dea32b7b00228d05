"""What hdl has for every family of units."""

from __future__ import annotations

from ..config.family import Table
from .array.family import ARRAY
from .bit_serial.family import BIT_SERIAL
from .family import HardwareFamily
from .mac.family import DOT, MAC

HARDWARE: Table[HardwareFamily] = Table("generated", {"mac": MAC, "dot": DOT, "array": ARRAY, "bit-serial": BIT_SERIAL})
