"""``bitmill``: the group of all subcommands."""

from __future__ import annotations

import sys

import click

from .. import __version__
from ..system.screen import say
from .build import build
from .cache import cache
from .estimate import estimate
from .formats import formats, presets
from .generate import generate
from .quantize import quantize
from .report import report
from .run import run
from .synth import synth
from .vectors import vectors
from .verify import verify


def _print_versions(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from ..system.tools import tool_versions, yosys_engine

    versions = tool_versions()
    say(f"bitmill {__version__}")
    say(f"python {sys.version.split()[0]}")
    for name, version in versions.items():
        say(f"{name} {version} ({yosys_engine()})" if name == "yosys" else f"{name} {version}")
    context.exit()


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Print the versions of bitmill and of its tools.",
)
@click.pass_context
def bitmill(context: click.Context) -> None:
    """Generate, verify, synthesize and compare low-bit multiply-accumulate hardware.

    INT or FP, how many bits, which accumulator? `bitmill report int-vs-fp -o DIR` answers for a real layer.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (formats, presets, vectors, quantize, generate, verify, run, synth, estimate, build, report, cache):
    bitmill.add_command(_command)
