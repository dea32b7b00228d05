"""Arguments that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..system.errors import BitmillError
from ..system.files import STANDARD_OUTPUT, name_input, recover
from ..system.screen import give_output_away

if TYPE_CHECKING:
    from ..config.document import UnitConfig


class _InputPath(click.Path):
    """A file or folder that the command reads, and therefore never writes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        recover(path.parent)
        name_input(path)
        return path


class _Tensor(click.ParamType):
    """``FILE[:TENSOR]``, of which the file is an input; text, because only its reader knows where the name begins."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        parts = str(value).split(":")
        for length in range(1, len(parts) + 1):
            name_input(":".join(parts[:length]))
        return value


class _OutputPath(click.Path):
    """A file or directory to write; ``-`` is standard output, which then has the file alone."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        if str(path) == STANDARD_OUTPUT and ctx is not None:
            ctx.find_root().with_resource(give_output_away())
        return path


PATH = _InputPath(path_type=Path)
TENSOR = _Tensor()
OUTPUT = _OutputPath(path_type=Path)


def takes_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``CONFIG.toml`` and ``--preset NAME``, of which one must be used, and call it with ``config``."""

    @click.argument("config_file", metavar="[CONFIG.toml]", required=False, type=PATH)
    @click.option("--preset", "preset_name", metavar="NAME", help="Use a built-in configuration (`bitmill presets`).")
    @functools.wraps(command)
    def with_config(*, config_file: Path | None, preset_name: str | None, **options: Any) -> None:
        command(config=load_config(config_file, preset_name), **options)

    return with_config


def load_config(config_file: Path | None, preset_name: str | None) -> UnitConfig:
    """The configuration that the command line names.

    Raises
    ------
    BitmillError
        If it names none or two, or the named one is not valid.
    """
    from ..config.family import read_config
    from ..config.presets import any_preset

    if config_file is not None and preset_name is not None:
        raise BitmillError(f"give either CONFIG.toml or --preset, not both {str(config_file)!r} and {preset_name!r}")
    if config_file is not None:
        return read_config(config_file)
    if preset_name is not None:
        return any_preset(preset_name)
    raise BitmillError("give either CONFIG.toml or --preset NAME (`bitmill presets` lists them), not neither")


def share_of(config: UnitConfig) -> str:
    """What tables call a unit's figures over ``config.macs``: ``per MAC``, ``per lane``."""
    return f"per {config.share}"


def output_option(metavar: str, text: str, *, required: bool = False) -> Callable[..., Any]:
    """``-o``."""
    return click.option("-o", "--output", metavar=metavar, type=OUTPUT, required=required, help=text)
