"""Every number format bitmill knows, one row each. Adding a format is adding a row here and an oracle in the tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..system.errors import BitmillError
from ..system.text import short
from . import dialect, dynamic
from .codebook import Codebook, PowerOfTwo
from .integer import Int
from .minifloat import Minifloat, TopExponent
from .scalar import Format
from .suggest import suggestion

IEEE, FN, FINITE, FNUZ = TopExponent.IEEE, TopExponent.FN, TopExponent.FINITE, TopExponent.FNUZ


def _mirrored(*magnitudes: int) -> tuple[int, ...]:
    return magnitudes + tuple(-m for m in magnitudes)


_OCP_ROWS: tuple[Format, ...] = (
    Minifloat(
        name="E4M3", exponent_bits=4, mantissa_bits=3, top=FN, aliases=("E4M3FN",), about="OCP FP8 and MXFP8 element"
    ),
    Minifloat(name="E5M2", exponent_bits=5, mantissa_bits=2, top=IEEE, about="OCP FP8 and MXFP8 element"),
    Minifloat(name="E3M2", exponent_bits=3, mantissa_bits=2, about="OCP MXFP6 element"),
    Minifloat(name="E2M3", exponent_bits=2, mantissa_bits=3, about="OCP MXFP6 element"),
    Minifloat(name="E2M1", exponent_bits=2, mantissa_bits=1, aliases=("FP4",), about="OCP MXFP4 and NVFP4 element"),
    PowerOfTwo(name="E8M0", exponent_bits=8, bias=127, about="OCP MX shared scale"),
)
_WIDE_ROWS: tuple[Format, ...] = (
    Minifloat(name="FP16", exponent_bits=5, mantissa_bits=10, top=IEEE, aliases=("E5M10",), about="IEEE 754 binary16"),
    Minifloat(name="BF16", exponent_bits=8, mantissa_bits=7, top=IEEE, aliases=("E8M7",), about="bfloat16"),
    Minifloat(name="FP32", exponent_bits=8, mantissa_bits=23, top=IEEE, aliases=("E8M23",), about="IEEE 754 binary32"),
)
_VARIANT_ROWS: tuple[Format, ...] = (
    Minifloat(name="E4M3_IEEE", exponent_bits=4, mantissa_bits=3, top=IEEE, about="E4M3 with IEEE specials"),
    Minifloat(name="E3M4_IEEE", exponent_bits=3, mantissa_bits=4, top=IEEE, about="E3M4 with IEEE specials"),
    Minifloat(name="E4M3FNUZ", exponent_bits=4, mantissa_bits=3, bias=8, top=FNUZ, about="E4M3 of arXiv 2206.02915"),
    Minifloat(name="E5M2FNUZ", exponent_bits=5, mantissa_bits=2, bias=16, top=FNUZ, about="E5M2 of arXiv 2206.02915"),
    Minifloat(name="E4M3_FINITE", exponent_bits=4, mantissa_bits=3, about="E4M3 without specials, arXiv 2311.12359"),
    Minifloat(name="E5M2_FINITE", exponent_bits=5, mantissa_bits=2, about="E5M2 without specials, arXiv 2311.12359"),
)
_FLUSHING_ROWS: tuple[Format, ...] = tuple(
    replace(row, name=f"{row.name}_FTZ", subnormals=False, aliases=(), about=f"{row.name} without subnormals")
    for row in _OCP_ROWS
    if isinstance(row, Minifloat)
)
_CODEBOOK_ROWS: tuple[Format, ...] = (
    Codebook(name="TERNARY", values=(0, 1, None, -1), about="BitNet b1.58 weights"),
    Codebook(name="FLINT4", values=_mirrored(0, 1, 2, 3, 4, 6, 8, 16), about="ANT flint, 4 bits"),
    Codebook(name="POT4", values=_mirrored(0, 1, 2, 4, 8, 16, 32, 64), about="ANT power of two, 4 bits"),
    Codebook(name="OLIVE_OUTLIER", values=_mirrored(0, 24, 32, 48, 64, 96, 128, 192), about="OliVe outlier beside FLINT4"),
    # QLoRA's sixteen quantiles, in units of 2**-15.
    Codebook(name="NF4", step_exponent=-15, values=(-32768, -22813, -17206, -12941, -9321, -6055, -2984, 0, 2608, 5273,
             8065, 11073, 14441, 18436, 23690, 32768), about="QLoRA normal float, rounded to 2^-15"),
)  # fmt: skip
BITMOD_FP3, BITMOD_FP4 = (0, 1, 2, 4), (0, 1, 2, 3, 4, 6, 8, 12)
"""Magnitudes of BitMoD's basic data types; FP4 is E2M1 in units of its step."""


def _bitmod(bits: int, magnitudes: tuple[int, ...], resolution: int, asymmetry: int) -> tuple[Codebook, ...]:
    """The basic type, and the four whose code of minus zero is a special value: extra resolution or asymmetry, + or -."""
    name = f"BITMOD_FP{bits}"
    rows = [Codebook(name=name, values=_mirrored(*magnitudes), about=f"BitMoD basic FP{bits}")]
    for kind, about, magnitude in (("ER", "resolution", resolution), ("EA", "asymmetry", asymmetry)):
        for sign, suffix in ((1, "POS"), (-1, "NEG")):
            special = sign * magnitude
            values = (*magnitudes, special, *(-value for value in magnitudes[1:]))
            rows.append(Codebook(name=f"{name}_{kind}_{suffix}", values=values,
                                 about=f"BitMoD FP{bits}, extra {about} {special:+d}"))  # fmt: skip
    return tuple(rows)


_BITMOD_ROWS: tuple[Format, ...] = (*_bitmod(3, BITMOD_FP3, 3, 6), *_bitmod(4, BITMOD_FP4, 10, 16))
_INT_ROWS: tuple[Format, ...] = tuple(
    row
    for width in range(2, 17)
    for row in (
        Int(name=f"INT{width}", width=width, about="two's complement"),
        Int(name=f"UINT{width}", width=width, signed=False, about="unsigned"),
        Int(name=f"INT{width}_SYM", width=width, symmetric=True, about="two's complement, most negative code reserved"),
    )
)
# Below 2 bits there is no symmetric one. Bit k of a bipolar code is worth 2**k where it is 1 and -2**k where it is 0.
_BIT_ROWS: tuple[Format, ...] = (
    Int(name="INT1", width=1, about="two's complement: 0 and -1"),
    Int(name="UINT1", width=1, signed=False, about="unsigned: 0 and 1"),
    *(
        Codebook(name=f"BIPOLAR{bits}", values=tuple(range(1 - (1 << bits), 1 << bits, 2)),
                 about="-1 and 1, for XNOR and popcount" if bits == 1 else f"odd integers of {bits} bits of -1 or 1, no zero")
        for bits in (1, 2, 3, 4)
    ),
)  # fmt: skip
_MINIFLOAT_ROWS: tuple[Format, ...] = tuple(
    Minifloat(name=f"E{exponent}M{bits - 1 - exponent}", exponent_bits=exponent, mantissa_bits=bits - 1 - exponent,
              about="finite minifloat, arXiv 2311.12359")
    for bits in range(3, 9)
    for exponent in range(1, bits)
    if f"E{exponent}M{bits - 1 - exponent}" not in {row.name for row in _OCP_ROWS}
)  # fmt: skip

CATALOG: dict[str, Format] = {
    row.name: row
    for row in (
        *_OCP_ROWS,
        *_WIDE_ROWS,
        *_VARIANT_ROWS,
        *_FLUSHING_ROWS,
        *_CODEBOOK_ROWS,
        *_BITMOD_ROWS,
        *_INT_ROWS,
        *_MINIFLOAT_ROWS,
        *_BIT_ROWS,
    )
}
REGISTERED: dict[str, Format] = {}
"""Formats that a program registered, by name, see ``register``; a configuration that names one carries it along."""
OF_BLOCKS: tuple[Format, ...] = (*dialect.ROWS, dynamic.ROW)
"""Formats that blocks name: found by name, not among those that are listed, drawn from and measured."""
_NAMES: dict[str, Format] = {
    name.upper(): row for row in (*CATALOG.values(), *OF_BLOCKS) for name in (row.name, *row.aliases)
}


def get(name: str, among: Iterable[Format] = ()) -> Format:
    """The format of that name or alias, case-insensitive.

    Parameters
    ----------
    name
        Of a row of the catalog, of a format that was registered, or of one of ``among``.
    among
        Formats that a configuration or a study brings along; they come before those registered.

    Raises
    ------
    BitmillError
        If no format has that name; the message suggests the closest ones.
    """
    wanted = str(name).strip().upper()
    found = _NAMES.get(wanted) or next((row for row in among if row.name == wanted), None) or REGISTERED.get(wanted)
    if found is None:
        known = {**_NAMES, **REGISTERED, **{row.name: row for row in among}}
        raise BitmillError(f"format must be a known name ({suggestion(name, known)}), not {short(name)}")
    return found


def is_taken(name: str) -> bool:
    """Whether a row of the catalog has that name or alias, in any case."""
    return name.upper() in _NAMES


def names() -> tuple[str, ...]:
    """The names of all formats, in catalog order, aliases left out."""
    return tuple(CATALOG)
