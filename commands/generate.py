"""``bitmill generate``: Verilog, manifest, FuseSoC core and the configuration that regenerates them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..screen import say
from .options import output_option, takes_config
from .progress import progress

if TYPE_CHECKING:
    from ..bit_serial import BitSerialConfig
    from ..config import AcceleratorConfig

VERILOG = "bitmill_top.v"
CORE = "bitmill_top.core"
MANIFEST = "manifest.json"
CONFIG = "config.toml"


@click.command()
@takes_config
@output_option("DIR", "Directory to write to.", required=True)
def generate(*, config: AcceleratorConfig | BitSerialConfig, output: Path) -> None:
    """Write DIR/bitmill_top.v, DIR/bitmill_top.core (FuseSoC), DIR/manifest.json and DIR/config.toml.

    The same configuration and versions give the same bytes.
    """
    from ..files import output_directory, refuse_changed_input, to_json

    with output_directory(output, names=(VERILOG, CORE, MANIFEST, CONFIG)) as staged:
        (staged / CONFIG).write_text(config.to_toml(), encoding="utf-8", newline="\n")
        refuse_changed_input(staged / CONFIG, output / CONFIG)
        with progress(f"generating {config.title}"):
            from ..hdl.core_file import core_file
            from ..hdl.manifest import manifest
            from ..hdl.verilog import emit

            text = emit(config)
            described = manifest(config, text, file_name=VERILOG)
        (staged / VERILOG).write_text(text, encoding="utf-8", newline="\n")
        core = core_file(config, file_name=VERILOG)
        (staged / CORE).write_text(core, encoding="utf-8", newline="\n")
        (staged / MANIFEST).write_text(to_json(described), encoding="utf-8", newline="\n")
    say(f"{output / VERILOG}: {config.title}, latency {described['latency_cycles']} cycles")
