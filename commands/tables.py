"""Tables in the terminal, and the same rows whole where the output is not a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..system.screen import output_stream, say, say_lines
from ..system.text import visible


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows under their columns; the columns named in ``right`` are aligned to the right.

    Into a file or a pipe nothing is cut or wrapped, however narrow the terminal.
    """
    cells = [[visible(cell) for cell in row] for row in rows]
    stream = output_stream()
    if stream is None or not stream.isatty():
        say_lines(_plain([list(columns), *cells], [column in right for column in columns]))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))  # A plain string would be read as markup.
    Console(file=stream).print(table)


def say_written(*paths: Path) -> None:
    """Say which files were written, in their order; standard output is none."""
    named = [visible(str(path)) for path in paths if str(path) != "-"]
    if named:
        say(f"written: {', '.join(named)}")


def _plain(cells: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = zip(row, widths, right, strict=True)
        yield "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in parts
        ).rstrip()
