"""``bitmill cache``: what is kept, where, and how to keep less of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from ..system.errors import BitmillError
from ..system.screen import say, say_json
from .tables import print_table

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass
class _Sum:
    """Entries of one kind and their bytes."""

    entries: int = 0
    size: int = 0

    def add(self, size: int) -> None:
        self.entries += 1
        self.size += size


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def cache(context: click.Context, *, as_json: bool) -> None:
    """Show what is kept: where, how much of each kind, and the bound. `bitmill cache prune` removes some.

    BITMILL_CACHE names another place, BITMILL_CACHE_LIMIT another bound (2GiB): what was not used for longest goes first.
    """
    if context.invoked_subcommand is not None:
        return
    from ..system.places import cache_directory
    from ..system.store import cache_limit, entries

    root, limit = cache_directory(), cache_limit()
    results: dict[str, _Sum] = {}
    for entry in entries(root):
        results.setdefault(_kind(entry.files), _Sum()).add(entry.size)
    others: dict[str, _Sum] = {}
    for name, size in _other_files(root):
        others.setdefault(name, _Sum()).add(size)
    kept = sum(found.size for found in results.values())
    if as_json:
        kinds = {name: vars(found) for name, found in sorted((results | others).items())}
        say_json({"place": str(root), "bytes": kept, "limit": limit, "kinds": kinds})
        return
    rows = [
        [name, str(found.entries), _size(found.size)]
        for part in (results, others)
        for name, found in sorted(part.items())
    ]
    print_table(["kind", "entries", "size"], rows, right=["entries", "size"])
    say()
    say(f"{root}: results {_size(kept)} of at most {_size(limit)}")


@cache.command()
@click.option("--older-than", metavar="AGE", help="What was not used for AGE, such as 30d, 12h or 2w.")
@click.option("--to", "left", metavar="SIZE", help="What was not used for longest, until SIZE is left, such as 500M.")
@click.option("--all", "everything", is_flag=True, help="Everything, also fetched models and compiled tools.")
def prune(*, older_than: str | None, left: str | None, everything: bool) -> None:
    """Remove results; whatever is needed again is computed again."""
    from ..system.places import cache_directory
    from ..system.store import entries, parse_size, remove, trim

    if (older_than is None) + (left is None) + (not everything) != 2:
        raise BitmillError("give one of --older-than AGE, --to SIZE and --all, not none and not several")
    root = cache_directory()
    before = _total(root)
    if older_than is not None:
        oldest = time.time() - _age(older_than)
        remove(entry for entry in list(entries(root)) if entry.used < oldest)
    elif left is not None:
        trim(root, parse_size(left, "--to"))
    else:
        trim(root, 0)
        _remove_others(root)
    say(f"{root}: {_size(before - _total(root))} removed, {_size(_total(root))} left")


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhdw])", text.strip())
    if match is None:
        raise BitmillError(f"--older-than must be an age such as 30d, 12h or 2w, not {text!r}")
    return float(match[1]) * _SECONDS[match[2]]


def _kind(files: tuple[Path, ...]) -> str:
    """What a result is: in the head of a compressed one, after the digest of another one."""
    try:
        for path in files:
            if path.name.endswith(".json.gz"):
                with path.open("rb") as file:
                    head = file.read(128)
                if not head.startswith(b"\x1f\x8b"):
                    return "damaged"
                # RFC 1952: ten bytes, then the name if the flag 8 says so.
                name = head[10:].split(b"\0", 1)[0] if head[3] & 8 else b""
                return name.decode("ascii", errors="replace") or "result"
            if path.suffix == ".sha256":
                return path.read_text(encoding="ascii", errors="replace")[:128].partition(" ")[2].strip() or "result"
    except (OSError, IndexError):
        pass
    return "damaged"


def _other_files(root: Path) -> Iterator[tuple[str, int]]:
    """Everything below the cache's own folders that holds no results, by the name of the folder."""
    from ..system.store import other_folders

    for folder in other_folders(root):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield folder.name, path.lstat().st_size


def _remove_others(root: Path) -> None:
    import shutil

    from ..system.store import other_folders

    for folder in other_folders(root):
        shutil.rmtree(folder, ignore_errors=True)


def _total(root: Path) -> int:
    from ..system.store import entries

    return sum(entry.size for entry in entries(root)) + sum(size for _, size in _other_files(root))


def _size(size: float) -> str:
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.3g} {_UNITS[unit]}"
