"""``bitmill vectors``: golden test vectors of a format, a block or a unit, for people who verify other hardware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..system.errors import BitmillError
from ..system.screen import say
from .formats import formats_of
from .options import PATH, load_config, output_option
from .progress import progress

if TYPE_CHECKING:
    from ..sim.vectors import VectorSet

DEFAULT_SEED = 1


@click.command()
@click.argument("target", metavar="[FORMAT|BLOCK|PRESET|CONFIG.toml]", required=False)
@click.option("--preset", "preset_name", metavar="NAME", help="Use a built-in configuration (`bitmill presets`).")
@click.option(
    "--file", "file", metavar="FILE.toml", type=PATH, help="Look for FORMAT in a file's [formats.NAME] tables, too."
)
@click.option(
    "--seed", type=click.IntRange(0, (1 << 64) - 1), default=DEFAULT_SEED, show_default=True, metavar="S",
    help="Of random codes and numbers.",
)  # fmt: skip
@output_option("DIR", "Directory to write to.", required=True)
def vectors(*, target: str | None, preset_name: str | None, file: Path | None, seed: int, output: Path) -> None:
    """Write golden test vectors: DIR/*.hex for $readmemh, DIR/vectors.json, and DIR/README.md that says what they cover.

    Of a number format (E4M3, or one of your own): all codes, ties, saturation, NaN and all pairs of products. Of a block
    (mxfp4, nvfp4): scales and their corners too. Of a unit: its payloads in and out. The same seed gives the same bytes.
    """
    from ..system.files import output_directory

    if (target is None) == (preset_name is None):
        told = "neither" if target is None else f"both {target!r} and {preset_name!r}"
        raise BitmillError(f"give either a FORMAT, BLOCK, PRESET or CONFIG.toml, or --preset NAME, not {told}")
    _refuse_users_own(output)
    with output_directory(output) as staged, progress(f"writing vectors of {target or preset_name}"):
        found = _found(target, preset_name, file, seed)
        _refuse_other_vectors(output, found.title)
        files = found.files()
        for name, text in files.items():
            (staged / name).write_text(text, encoding="utf-8", newline="\n")
    say(f"{output}: {found.title}, {len(files)} files, seed {seed}")


def _refuse_users_own(output: Path) -> None:
    """Refuse to replace a page or data that are not of vectors: somebody's work.

    Raises
    ------
    BitmillError
        Naming the file.
    """
    from ..sim.vectors.vector_set import JSON_FILE, PAGE, PAGE_BEGINS

    for name, begins in ((PAGE, PAGE_BEGINS.encode()), (JSON_FILE, b"{")):
        path = output / name
        # Not by the reader of inputs: a file that was read as one is never replaced.
        if path.is_file() and not path.read_bytes()[:100].startswith(begins):
            raise BitmillError(f"output {path}: must not be a file that bitmill did not write; give another directory")


def _refuse_other_vectors(output: Path, title: str) -> None:
    """Refuse to mix the files of two targets in a directory: some of the other's would stay.

    Raises
    ------
    BitmillError
        Naming what the directory has.
    """
    import json

    from ..sim.vectors.vector_set import JSON_FILE, PAGE, PAGE_BEGINS

    there: list[object] = []
    page, data = output / PAGE, output / JSON_FILE
    if page.is_file():
        lines = page.read_text(encoding="utf-8", errors="replace").splitlines()
        there.append(lines[0].removeprefix(PAGE_BEGINS) if lines else "")
    if data.is_file():
        try:
            there.append(json.loads(data.read_bytes()).get("title"))
        except (ValueError, RecursionError):
            there.append(None)
    for other in there:
        if other != title:
            raise BitmillError(
                f"output {output}: must hold no vectors but those of {title!r}; give another directory, not one of {other!r}"
            )


def _found(target: str | None, preset_name: str | None, file: Path | None, seed: int) -> VectorSet:
    from .. import formats
    from ..config.presets import PRESETS
    from ..formats.block import find_block
    from ..sim.vectors import block_vectors, format_vectors, unit_vectors

    if target is None:
        return unit_vectors(load_config(None, preset_name), seed=seed)
    name = target.strip().lower()
    if name.endswith(".toml"):
        return unit_vectors(load_config(PATH.convert(target, None, None), None), seed=seed)
    own = formats_of(file) if file is not None else ()
    block = find_block(name)
    if block is not None and block.scale is not None and block.channel is None:
        return block_vectors(block, seed=seed)
    if name in PRESETS:
        return unit_vectors(PRESETS[name], seed=seed)
    try:
        fmt = formats.get(target, own)
    except BitmillError as error:
        if block is not None:
            return block_vectors(block, seed=seed)  # Which says why it has none.
        raise BitmillError(f"no block, preset or CONFIG.toml either: {error}") from None
    # `int4` is a scheme of weights with scales of channels too; what it has in other hardware is the integer.
    return format_vectors(fmt, seed=seed)
