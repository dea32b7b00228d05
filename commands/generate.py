"""``bitmill generate``: Verilog, manifest, FuseSoC core and the configuration that regenerates them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import output_option, takes_config
from .progress import progress

if TYPE_CHECKING:
    from ..bit_serial import BitSerialConfig
    from ..config import AcceleratorConfig

VERILOG = "bitmill_top.v"
CORE = "bitmill_top.core"


@click.command()
@takes_config
@output_option("DIR", "Directory to write to.", required=True)
def generate(*, config: AcceleratorConfig | BitSerialConfig, output: Path) -> None:
    """Write DIR/bitmill_top.v, DIR/bitmill_top.core (FuseSoC), DIR/manifest.json and DIR/config.toml.

    The same configuration and versions give the same bytes.
    """
    from ..files import output_directory

    with output_directory(output) as staged:
        with progress(f"generating {config.title}"):
            from ..hdl.core_file import core_file
            from ..hdl.manifest import manifest
            from ..hdl.verilog import emit

            text = emit(config)
            described = manifest(config, text, file_name=VERILOG)
        (staged / VERILOG).write_text(text, encoding="utf-8", newline="\n")
        core = core_file(config, file_name=VERILOG)
        (staged / CORE).write_text(core, encoding="utf-8", newline="\n")
        (staged / "manifest.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8", newline="\n")
        (staged / "config.toml").write_text(config.to_toml(), encoding="utf-8", newline="\n")
    click.echo(f"{output / VERILOG}: {config.title}, latency {described['latency_cycles']} cycles")
