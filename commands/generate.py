"""``bitmill generate``: Verilog, manifest, FuseSoC core and the configuration that regenerates them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..system.errors import BitmillError
from ..system.screen import say
from .expected import expected
from .options import output_option, takes_config
from .progress import progress

if TYPE_CHECKING:
    from ..config.document import UnitConfig

MANIFEST = "manifest.json"
CONFIG = "config.toml"
DEFAULT_TOP = "bitmill_top"
_LONGEST_CONFIG = 1 << 22


@click.command()
@takes_config
@click.option(
    "--top", metavar="NAME", default=DEFAULT_TOP, show_default=True,
    help="Name of the top module and beginning of all other modules' names, for several units in one design.",
)  # fmt: skip
@click.option(
    "--for", "purpose", metavar="TARGET|CELLS@NS",
    help="Of MACs and dot products: build them in the formulation that is best there, such as ecp5 or sky130@12.",
)  # fmt: skip
@output_option("DIR", "Directory to write to.", required=True)
def generate(*, config: UnitConfig, top: str, purpose: str | None, output: Path) -> None:
    """Write DIR/NAME.v, DIR/NAME.core (FuseSoC), DIR/manifest.json and DIR/config.toml.

    Of units of rows also DIR/constants.json, which they are told at run time, and their tables as DIR/TABLE.hex for $readmemh.

    The same configuration, name and versions give the same bytes.
    """
    from ..config.sizes import check_generated, generation_seconds
    from ..hdl.emit.names import check_top
    from ..system.files import output_directory, refuse_changed_input, to_json
    from .beside import BESIDE

    check_generated(config)
    beside = BESIDE.of(config)(config)
    verilog_file, core_file_name = f"{check_top(top)}.v", f"{top}.core"
    with output_directory(output, names=(verilog_file, core_file_name, MANIFEST, CONFIG, *beside.files)) as staged:
        if purpose is not None:
            from .formulation import best_for

            config = best_for(config, purpose)
        (staged / CONFIG).write_text(config.to_toml(), encoding="utf-8", newline="\n")
        refuse_changed_input(staged / CONFIG, output / CONFIG)
        _refuse_users_own(output / CONFIG)
        task = f"generating {config.title}"
        with progress(task) as step, expected(step, task, generation_seconds(config)):
            from ..hdl.emit.core_file import core_file
            from ..hdl.emit.manifest import manifest
            from ..hdl.emit.verilog import emit

            text = emit(config, top=top)
            described = manifest(config, text, file_name=verilog_file, top=top)
        (staged / verilog_file).write_text(text, encoding="utf-8", newline="\n")
        core = core_file(config, file_name=verilog_file, top=top)
        (staged / core_file_name).write_text(core, encoding="utf-8", newline="\n")
        for name, words in beside.files.items():
            (staged / name).write_text(words, encoding="utf-8", newline="\n")
        described |= beside.described
        (staged / MANIFEST).write_text(to_json(described), encoding="utf-8", newline="\n")
    say(f"{output / verilog_file}: {config.title}, latency {described['latency_cycles']} cycles")


def _refuse_users_own(path: Path) -> None:
    """Refuse to replace a ``config.toml`` that is not as bitmill writes it, whose comments and order are somebody's work.

    Raises
    ------
    BitmillError
        Naming the file.
    """
    import tomllib

    from ..config.family import config_of

    if not path.is_file():
        return
    try:
        # Not by the reader of inputs: a file that was read as one is never replaced.
        text = path.read_bytes()[:_LONGEST_CONFIG].decode()
        is_ours = config_of(tomllib.loads(text)).to_toml() == text
    except (BitmillError, OSError, ValueError, RecursionError):
        is_ours = False
    if not is_ours:
        raise BitmillError(f"output {path}: must not be a file that bitmill did not write; give another directory")
