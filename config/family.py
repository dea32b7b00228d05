"""The registry: one row per family of units, found by a configuration's ``unit``.

Every floor above keeps a ``Table`` under the same keys: what serves each family there, or the reason why nothing does. To add a
family is to write its configuration, a row here and a row in the floors' tables; nothing else asks what a configuration is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..system.errors import BitmillError
from ..system.text import short
from .bit_planes import BIT_PLANES, BitPlanesConfig
from .bit_serial import BitSerialConfig
from .block_quantizer import PRESETS as BLOCK_QUANTIZERS
from .block_quantizer import BlockQuantizerConfig
from .chained import CHAINED, ChainedConfig
from .codebook import CODEBOOK_UNITS, CodebookConfig
from .dialect import DIALECT_UNITS, DialectConfig
from .dialect_quantizer import DIALECT_QUANTIZERS, DialectQuantizerConfig
from .document import UnitConfig, read_toml
from .fixed_quantizer import FIXED_QUANTIZERS, FixedQuantizerConfig
from .mac import MacConfig
from .parallel import ParallelConfig
from .power_terms import POWER_TERMS, PowerTermsConfig
from .rows import (
    GeluConfig,
    NewtonNormConfig,
    RequantizeConfig,
    RootNormConfig,
    ShiftGeluConfig,
    ShiftmaxConfig,
    SoftmaxConfig,
)
from .side_path import SIDE_PATHS, SidePathConfig
from .trits import TRIT_UNITS, TritsConfig
from .two_level import TWO_LEVEL_UNITS, TwoLevelConfig

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of units.

    Attributes
    ----------
    unit
        The key: what configurations of the family have as ``unit``.
    config
        Class of its configurations; families that differ in little share one.
    title
        What errors and listings call one of its units, with its article.
    presets
        Configurations of its own that come with the program, by name; those of the first families stand in ``config.presets``.
    """

    unit: str
    config: type[UnitConfig]
    title: str
    presets: Mapping[str, UnitConfig] = field(default_factory=dict)


_ROWS = (
    Family(unit="mac", config=MacConfig, title="a MAC"),
    Family(unit="dot", config=MacConfig, title="a dot product"),
    Family(unit="array", config=MacConfig, title="an array"),
    Family(unit="bit-serial", config=BitSerialConfig, title="a bit-serial tile"),
    Family(unit="parallel", config=ParallelConfig, title="a parallel PE"),
    Family(unit="softmax", config=SoftmaxConfig, title="a softmax"),
    Family(unit="shiftmax", config=ShiftmaxConfig, title="a Shiftmax"),
    Family(unit="gelu", config=GeluConfig, title="a GELU"),
    Family(unit="shift-gelu", config=ShiftGeluConfig, title="a ShiftGELU"),
    Family(unit="layernorm", config=RootNormConfig, title="a LayerNorm"),
    Family(unit="rmsnorm", config=RootNormConfig, title="an RMSNorm"),
    Family(unit="newton-norm", config=NewtonNormConfig, title="a Newton LayerNorm"),
    Family(unit="requantize", config=RequantizeConfig, title="a requantizer"),
    Family(unit="bit-planes", config=BitPlanesConfig, title="a tile of bit planes", presets=BIT_PLANES),
    Family(unit="block-quantizer", config=BlockQuantizerConfig, title="a block quantizer", presets=BLOCK_QUANTIZERS),
    Family(unit="trits", config=TritsConfig, title="a unit of trits", presets=TRIT_UNITS),
    Family(unit="dialect", config=DialectConfig, title="a dot product of DialectFP4", presets=DIALECT_UNITS),
    Family(
        unit="codebook", config=CodebookConfig, title="a dot product of weights from a book", presets=CODEBOOK_UNITS
    ),
    Family(
        unit="two-level", config=TwoLevelConfig, title="a dot product of two-level weights", presets=TWO_LEVEL_UNITS
    ),
    Family(
        unit="dialect-quantizer",
        config=DialectQuantizerConfig,
        title="a quantizer to DialectFP4",
        presets=DIALECT_QUANTIZERS,
    ),
    Family(unit="side-path", config=SidePathConfig, title="a sparse side path", presets=SIDE_PATHS),
    Family(unit="power-terms", config=PowerTermsConfig, title="a dot product of powers of two", presets=POWER_TERMS),
    Family(unit="chained", config=ChainedConfig, title="a dot product in chains", presets=CHAINED),
    Family(
        unit="fixed-quantizer", config=FixedQuantizerConfig, title="a fixed-point quantizer", presets=FIXED_QUANTIZERS
    ),
)
FAMILIES: dict[str, Family] = {row.unit: row for row in _ROWS}
"""All families by ``unit``, in the order of listings."""

DEFAULT_UNIT = "mac"
"""What a configuration without ``unit`` is."""


def family_of(config: UnitConfig) -> Family:
    """The row of a configuration's family."""
    return FAMILIES[config.unit]


def config_of(fields: dict[str, Any], *, source: str = "configuration") -> UnitConfig:
    """The configuration of a parsed document, whose ``unit`` says of which family it is.

    Raises
    ------
    BitmillError
        If there is no such family, or a field is unknown, ill-typed or out of range.
    """
    unit = fields.get("unit", DEFAULT_UNIT)
    if not isinstance(unit, str) or unit not in FAMILIES:
        raise BitmillError(f"{source}: unit must be one of {', '.join(FAMILIES)}, not {short(unit)}")
    return FAMILIES[unit].config.from_dict(fields, source=source)


def read_config(path: Path | str) -> UnitConfig:
    """The configuration in a TOML file, whose ``unit`` says of which family it is.

    Raises
    ------
    BitmillError
        If the file cannot be read, is not TOML, or a field is unknown, ill-typed or out of range.
    """
    return config_of(read_toml(path), source=str(path))


@dataclass(frozen=True)
class Absent:
    """Why a floor has nothing for a family: the end of a sentence that begins with what is asked for."""

    reason: str


class Table(Mapping[str, T | Absent], Generic[T]):
    """What one floor has for every family: a row, or the reason why there is none.

    Parameters
    ----------
    done
        What is done to a unit with a row, as errors say it: ``simulated``, ``estimated``.
    rows
        By ``unit``: of every family, or of those that ``others`` does not serve.
    others
        What all other families have, or why they have nothing.

    Raises
    ------
    ValueError
        If a family is missing, or a row is of none.
    """

    def __init__(self, done: str, rows: Mapping[str, T | Absent], *, others: T | Absent | None = None) -> None:
        if not set(rows) <= set(FAMILIES) or (others is None and len(rows) < len(FAMILIES)):
            raise ValueError(f"rows must be of every family, {', '.join(FAMILIES)}, not {', '.join(rows)}")
        self.done = done
        self._rows: dict[str, T | Absent] = {}
        for unit in FAMILIES:
            row = rows.get(unit, others)
            assert row is not None
            self._rows[unit] = row

    def __getitem__(self, unit: str) -> T | Absent:
        return self._rows[unit]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, config: UnitConfig) -> T:
        """The row of a configuration's family.

        Raises
        ------
        BitmillError
            If there is none: it names the families that have one, and says why this one has not.
        """
        found = self._rows[config.unit]
        if isinstance(found, Absent):
            *most, last = (repr(unit) for unit, row in self._rows.items() if not isinstance(row, Absent))
            have = f"{', '.join(most)} or {last}" if most else last
            raise BitmillError(f"unit must be {have} to be {self.done}, not {config.unit!r}: {found.reason}")
        return found
