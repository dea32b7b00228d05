"""``bitmill formats`` and ``bitmill presets``: what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from .. import formats as catalog
from ..formats import Format, Minifloat, Product
from ..formats.block import BLOCKS, Block, find_block
from ..formats.catalog import is_taken
from ..system.errors import BitmillError
from ..system.screen import say, say_json
from .options import PATH
from .tables import print_table

LISTED_BITS = 8
"""Widest format whose codes are listed without being asked for all."""
MOST_BITS = 16
"""Widest format whose codes are listed at all."""


@click.command()
@click.argument("name", required=False)
@click.option(
    "--all", "all_codes", is_flag=True, help=f"List every code of a format of {LISTED_BITS + 1} bits or more."
)
@click.option(
    "--file", "file", metavar="FILE.toml", type=PATH, help="Formats of a file's [formats.NAME] tables instead."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def formats(*, name: str | None, all_codes: bool, file: Path | None, as_json: bool) -> None:
    """Print the tables of all number and block formats, or every code of the format NAME, or what the block NAME is."""
    own = formats_of(file) if file is not None else ()
    if name is None:
        _print_table(own if file is not None else tuple(catalog.CATALOG.values()), as_json=as_json, blocks=file is None)
        return
    block = find_block(name)
    # INT4 and FP4 are formats, and int4 and fp4 blocks of them: case tells nothing, and the format comes first.
    if block is not None and not is_taken(name.strip()) and name.strip().upper() not in {row.name for row in own}:
        _print_block(block, as_json=as_json)
        return
    fmt = catalog.get(name, own)
    if all_codes and fmt.bits > MOST_BITS:
        raise BitmillError(
            f"--all must be used with a format of at most {MOST_BITS} bits, not {fmt.name!r} of {fmt.bits}"
        )
    listed = fmt.bits <= LISTED_BITS or all_codes
    codes = list(_codes(fmt)) if listed else []
    if as_json:
        say_json(_facts(fmt) | ({"codes": codes} if listed else {}))
        return
    print_table(["fact", "value"], [[key.replace("_", " "), _text(value)] for key, value in _facts(fmt).items()])
    if not listed:
        more = "; `--all` lists them" if fmt.bits <= MOST_BITS else ""
        say()
        say(f"{1 << fmt.bits} codes{more}.")
        return
    say()
    rows = [[code["hex"], code["binary"], code["value"], code["exact"]] for code in codes]
    print_table(["code", "binary", "value", "exact"], rows, right=["value", "exact"])


def formats_of(file: Path) -> tuple[Format, ...]:
    """The formats that a configuration or a study brings along, or a file of nothing else.

    Raises
    ------
    BitmillError
        If the file cannot be read, has none, or one is wrong.
    """
    from ..config.document import read_toml

    tables = read_toml(file).get("formats", {})
    try:
        rows = catalog.read_formats(tables)
    except BitmillError as error:
        raise BitmillError(f"{file}: {error}") from None
    if not rows:
        raise BitmillError(f"{file}: formats must be [formats.NAME] tables, not none")
    return rows


def _print_table(listed: tuple[Format, ...], *, as_json: bool, blocks: bool = False) -> None:
    facts = [_facts(fmt) for fmt in listed]
    if as_json:
        say_json(facts + [_block_facts(row) for row in BLOCKS.values() if blocks])
        return
    columns = [
        "name",
        "kind",
        "bits",
        "exponent",
        "mantissa",
        "max",
        "min positive",
        "specials",
        "product bits",
        "about",
    ]
    rows = [[_text(row[column.replace(" ", "_")]) for column in columns] for row in facts]
    print_table(columns, rows, right=["bits", "exponent", "mantissa", "max", "min positive", "product bits"])
    if blocks:
        say()
        of_blocks = [_block_facts(row) for row in BLOCKS.values()]
        columns = ["name", "bits", "group", "scale", "outer_scale", "rule", "elements", "about"]
        print_table(
            [column.replace("_", " ") for column in columns],
            [[_text(row[column]) for column in columns] for row in of_blocks],
            right=["bits", "group"],
        )


def _print_block(block: Block, *, as_json: bool) -> None:
    facts = _block_facts(block)
    if as_json:
        say_json(facts)
        return
    print_table(["fact", "value"], [[key.replace("_", " "), _text(value)] for key, value in facts.items()])


def _block_facts(block: Block) -> dict[str, Any]:
    """One row of the table of blocks; ``bits`` are those of a number with its share of the group's."""
    return {
        "name": block.name,
        "kind": "block",
        "bits": round(float(block.bits_per_weight(group=block.group, length=1 << 40)), 6),
        "group": block.group,
        "scale": block.scale,
        "outer_scale": block.channel or block.tensor,
        "rule": block.rule,
        "elements": list(block.elements),
        "step_exponent": block.step_exponent,
        "zero_point": block.zero_point,
        "outlier": block.outlier,
        "about": block.about,
    }


def _facts(fmt: Format) -> dict[str, Any]:
    """One row of the table; ``product_bits`` is the width of the exact fixed-point product with itself."""
    is_float = isinstance(fmt, Minifloat)
    return {
        "name": fmt.name,
        "aliases": list(fmt.aliases),
        "kind": fmt.kind,
        "bits": fmt.bits,
        "exponent": fmt.exponent_bits if is_float else None,
        "mantissa": fmt.mantissa_bits if is_float else None,
        "bias": fmt.exponent_bias if is_float else None,
        "max": short(fmt.max_value),
        "min": short(fmt.min_value),
        "min_positive": short(fmt.min_positive),
        "specials": fmt.specials,
        "product_bits": Product(fmt, fmt).bits,
        "about": fmt.about,
    }


def _codes(fmt: Format) -> Iterator[dict[str, str]]:
    """Every code of a format: hexadecimal, binary with its fields apart, decimal value, exact value or special."""
    digits = (fmt.bits + 3) // 4
    for code in range(1 << fmt.bits):
        decoded = fmt.decode(code)
        if decoded.special is not None:
            signed = decoded.special is catalog.Special.INF
            value = exact = ("-" if decoded.sign else "+") * signed + decoded.special.value
        else:
            value = f"{float(decoded):.9g}"
            significand = -decoded.significand if decoded.sign else decoded.significand
            exact = f"{significand} * 2^{decoded.exponent}" if decoded.exponent else str(significand)
            if decoded.sign and not decoded.significand:
                exact = f"-{exact}"
        yield {"hex": f"0x{code:0{digits}x}", "binary": _binary(fmt, code), "value": value, "exact": exact}


def _binary(fmt: Format, code: int) -> str:
    bits = f"{code:0{fmt.bits}b}"
    if not isinstance(fmt, Minifloat):
        return bits
    fields = (bits[:1], bits[1 : 1 + fmt.exponent_bits], bits[1 + fmt.exponent_bits :])
    return " ".join(field for field in fields if field)


def short(value: Fraction) -> str:
    """A dyadic number as a reader wants it: decimal where that is exact and short, else ``m * 2^e``, rounded last."""
    decimal = f"{float(value):.6g}" if abs(value) < 10**300 else ""
    if decimal and "e" not in decimal and Fraction(decimal) == value:
        return decimal
    significand, exponent = value.numerator, -(value.denominator.bit_length() - 1)
    while significand and significand % 2 == 0:
        significand, exponent = significand // 2, exponent + 1
    if abs(significand) == 1:
        return f"{'-' if significand < 0 else ''}2^{exponent}"
    return f"{significand} * 2^{exponent}" if abs(significand) < 10**6 and exponent else decimal


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def presets(*, as_json: bool) -> None:
    """List the built-in configurations that --preset accepts."""
    from ..config.presets import PRESETS

    if as_json:
        say_json({name: config.to_dict() for name, config in PRESETS.items()})
        return
    print_table(["preset", "unit"], [[name, config.title] for name, config in PRESETS.items()])
