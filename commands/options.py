"""Arguments that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BitmillError

if TYPE_CHECKING:
    from ..bit_serial import BitSerialConfig
    from ..config import AcceleratorConfig

PATH = click.Path(path_type=Path)


def takes_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``CONFIG.toml`` and ``--preset NAME``, of which one must be used, and call it with ``config``."""
    return _takes(command, load_config)


def takes_any_config(command: Callable[..., None]) -> Callable[..., None]:
    """The same for commands that know bit-serial tiles too."""
    return _takes(command, load_any_config)


def _takes(command: Callable[..., None], load: Callable[[Path | None, str | None], Any]) -> Callable[..., None]:
    @click.argument("config_file", metavar="[CONFIG.toml]", required=False, type=PATH)
    @click.option("--preset", "preset_name", metavar="NAME", help="Use a built-in configuration (`bitmill presets`).")
    @functools.wraps(command)
    def with_config(*, config_file: Path | None, preset_name: str | None, **options: Any) -> None:
        command(config=load(config_file, preset_name), **options)

    return with_config


def load_any_config(config_file: Path | None, preset_name: str | None) -> AcceleratorConfig | BitSerialConfig:
    """The configuration that the command line names, of any kind.

    Raises
    ------
    BitmillError
        If it names none or two, or the named one is not valid.
    """
    from ..bit_serial import BitSerialConfig, read_config

    if config_file is not None and preset_name is None:
        found = read_config(config_file)
        if isinstance(found, BitSerialConfig):
            return found
    return load_config(config_file, preset_name)


def load_config(config_file: Path | None, preset_name: str | None) -> AcceleratorConfig:
    """The configuration that the command line names.

    Raises
    ------
    BitmillError
        If it names none or two, or the named one is not valid.
    """
    from ..bit_serial import read_config
    from ..config import AcceleratorConfig, preset

    if config_file is not None and preset_name is not None:
        raise BitmillError(f"give either CONFIG.toml or --preset, not both {str(config_file)!r} and {preset_name!r}")
    if config_file is not None:
        found = read_config(config_file)
        if not isinstance(found, AcceleratorConfig):
            raise BitmillError(f"{config_file}: unit must be mac, dot or array for this command, not {found.unit!r}")
        return found
    if preset_name is not None:
        return preset(preset_name)
    raise BitmillError("give either CONFIG.toml or --preset NAME (`bitmill presets` lists them), not neither")


def output_option(metavar: str, text: str, *, required: bool = False) -> Callable[..., Any]:
    """``-o``."""
    return click.option("-o", "--output", metavar=metavar, type=PATH, required=required, help=text)
