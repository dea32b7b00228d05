"""``bitmill quantize``: a model's weight matrices in a low-bit scheme, packed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..system.errors import BitmillError
from ..system.screen import say, say_json
from .formats import formats_of
from .options import PATH, output_option
from .progress import Step, progress
from .tables import print_table, say_written

if TYPE_CHECKING:
    from ..golden.weights.losses import Losses
    from ..models.quantize import ModelReport, TensorReport

_PACE = 2.0
"""Seconds."""


@click.command()
@click.argument("model", required=False, metavar="MODEL.safetensors", type=PATH)
@click.option("--scheme", "scheme_name", metavar="NAME", help="Such as bitmod-fp4; `--list` shows all.")
@click.option(
    "--file", "file", metavar="FILE.toml", type=PATH, help="Look for NAME in a file's [formats.NAME] tables, too."
)
@click.option("--group", type=int, metavar="N", help="Weights that share a scale, instead of the scheme's own number.")
@click.option("--skip", multiple=True, metavar="REGEX", help="Leave tensors alone whose name matches; may be repeated.")
@click.option(
    "--include", multiple=True, metavar="REGEX",
    help="Quantize also tensors that are left alone by default: embeddings, the output head, convolution kernels.",
)  # fmt: skip
@click.option("--transpose", multiple=True, metavar="REGEX", help="Tensors that are stored as [in, out].")
@click.option("--allow-saturation", is_flag=True, help="Clip and count what the scheme's scales cannot say.")
@click.option("--list", "list_schemes", is_flag=True, help="List the schemes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@output_option("OUT.safetensors", "The packed model.")
def quantize(
    *,
    model: Path | None,
    scheme_name: str | None,
    file: Path | None,
    group: int | None,
    skip: tuple[str, ...],
    include: tuple[str, ...],
    transpose: tuple[str, ...],
    allow_saturation: bool,
    list_schemes: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Quantize the linear layers [out, K] of a model in groups along K and write packed codes, selectors and scales.

    MODEL is a safetensors file, a folder of such files, an index of them (model.safetensors.index.json) or an npz file; GPTQ,
    AWQ, scaled FP8 and bitsandbytes weights are read, and matrices of GPT-2's Conv1D turned. Says what it costs in bits and in
    accuracy, and which tensors stay as they are, and why.
    """
    if list_schemes:
        _print_schemes(as_json=as_json)
        return
    for value, text in ((model, "MODEL.safetensors"), (scheme_name, "--scheme NAME"), (output, "-o OUT.safetensors")):
        if value is None:
            raise BitmillError(f"give {text} (see `bitmill quantize --help`)")
    assert model is not None
    assert scheme_name is not None
    assert output is not None
    from ..formats.block import get_block
    from ..system.files import output_file

    scheme = get_block(scheme_name, formats_of(file) if file is not None else ())
    patterns = {
        option: [_pattern(option, text) for text in texts]
        for option, texts in (("skip", skip), ("include", include), ("transpose", transpose))
    }
    if group is not None and (group < 1 or (scheme.outlier and group % 2)):
        raise BitmillError(f"group must be {'even and ' if scheme.outlier else ''}at least 1, not {group}")
    from ..models.model import open_model
    from ..models.plan import plan_model
    from ..models.quantize import check_model, quantize_model

    opened = open_model(model)
    with _about(model):
        plan = plan_model(opened, scheme, group=group, **patterns)
    with output_file(output) as staged, _about(model):
        with ExitStack() as late:
            tell = _paced(lambda: late.enter_context(progress(f"checking {model}")), at_once=False)
            check_model(plan, allow_saturation=allow_saturation, progress=tell)
        with progress(f"quantizing {model} with {scheme.name}") as step:
            tell = _paced(lambda: step, before=f"{scheme.name}: ")
            report = quantize_model(plan, staged, progress=tell)
    if as_json:
        say_json(_summary(report, scheme.name))
    else:
        _print(report, scheme.name, model)
        say_written(output)


def _paced(start: Callable[[], Step], *, before: str = "", at_once: bool = True) -> Callable[[str, int, int], None]:
    """Tells of every tensor, and of one that takes long every two seconds; unless ``at_once`` nothing in the first two."""
    told: list[Any] = [None, time.monotonic()]
    steps: list[Step] = []

    def tell(name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - told[1] < _PACE and (told[0] == name or not (at_once or steps)):
            return
        told[:] = [name, now]
        if not steps:
            steps.append(start())
        steps[0](f"{before}{name}", done=done, total=total)

    return tell


@contextmanager
def _about(model: Path) -> Iterator[None]:
    try:
        yield
    except BitmillError as error:
        text = str(error)
        raise BitmillError(text if text.startswith(f"{model}: ") else f"{model}: {text}") from None


def _pattern(option: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise BitmillError(f"{option} must be a regular expression, not {text!r}: {error}") from None


def _print_schemes(*, as_json: bool) -> None:
    from ..formats.block import BLOCKS
    from ..formats.block_named import NAMED

    rows: list[dict[str, Any]] = [
        {
            "scheme": row.name,
            "bits per weight": round(float(row.bits_per_weight(group=row.group, length=1 << 20)), 4),
            "group": row.group,
            "scale": " ".join(name for name in (row.scale, row.channel, row.tensor) if name),
            "rule": row.rule,
            "elements": " ".join(row.elements),
            "about": row.about,
        }
        for row in BLOCKS.values()
    ]
    if as_json:
        say_json(rows)
        return
    print_table(
        list(rows[0]), [[str(value) for value in row.values()] for row in rows], right=["bits per weight", "group"]
    )
    for named in NAMED:
        say(f"{named.shape}: {named.about}")


def _summary(report: ModelReport, scheme: str) -> dict[str, Any]:
    total = report.total
    return {
        "scheme": scheme,
        "parameters": report.parameters,
        "bytes": report.file_bytes,
        "bits_per_parameter": float(report.bits_per_parameter),
        "weights": total.weights if total else 0,
        "bits_per_weight": float(total.bits_per_weight or 0) if total else None,
        **_quality(total),
        "tensors": [
            {"name": row.name, "shape": list(row.shape), "dtype": row.dtype, "layout": row.layout,
             "bits_per_weight": float(row.bits_per_weight or 0), **_quality(row)}
            for row in report.quantized
        ],
        "kept": [{"name": row.name, "shape": list(row.shape), "why": row.kept} for row in report.kept],
    }  # fmt: skip


def _quality(row: TensorReport | None) -> dict[str, Any]:
    """A ratio in dB, or null and why; and what was lost besides rounding."""
    from dataclasses import asdict

    if row is None:
        return {"sqnr_db": None, "sqnr": "not computable", "losses": {}}
    decibels, why = row.sqnr
    return {"sqnr_db": decibels, "sqnr": why or "computed", "losses": asdict(row.losses)}


def _tensors(count: int) -> str:
    return f"{count} tensor{'s' * (count != 1)}"


def _told(row: TensorReport) -> str:
    decibels, why = row.sqnr
    return why if decibels is None else f"{decibels:.2f}"


def _print(report: ModelReport, scheme: str, model: Path) -> None:
    rows = [
        [row.name, " x ".join(map(str, row.shape)), f"{float(row.bits_per_weight or 0):.4f}", _told(row), _notes(row)]
        for row in report.quantized
    ]
    rows += [[row.name, " x ".join(map(str, row.shape)), "", "", f"kept: {row.kept}"] for row in report.kept]
    print_table(["tensor", "shape", "bits per weight", "SQNR dB", ""], rows, right=["bits per weight", "SQNR dB"])
    total, kept = report.total, _tensors(len(report.kept))
    if total is None:
        say()
        say(f"{model}: nothing new to quantize in {scheme}; {kept} kept as they are.")
    else:
        decibels, why = total.sqnr
        ratio = f"SQNR {why}" if decibels is None else f"SQNR {decibels:.2f} dB"
        say()
        say(
            f"{model}: {total.weights} weights of {_tensors(len(report.quantized))} in {scheme}: "
            f"{float(total.bits_per_weight or 0):.4f} bits per weight of these, {ratio}; {kept} kept as they are."
        )
        for line in _losses(total.losses):
            say(line)
    say(
        f"The whole file: {report.file_bytes} bytes for {report.parameters} parameters, "
        f"{float(report.bits_per_parameter):.4f} bits per parameter, everything stored counted."
    )


def _notes(row: TensorReport) -> str:
    return "; ".join([row.layout] * bool(row.layout) + _losses(row.losses))


def _losses(found: Losses) -> list[str]:
    lines = []
    if found.overflowed_channels:
        lines.append(
            f"{found.overflowed_channels} channels with scales beyond FP16, {found.clipped_weights} weights clipped"
        )
    if found.flushed_channels:
        lines.append(f"{found.flushed_channels} channels lost, too small for FP16 scales")
    if found.flushed_groups:
        lines.append(f"{found.flushed_groups} groups became zero, {found.flushed_weights} weights of them were not")
    if found.negative_weights:
        lines.append(f"{found.negative_weights} negative weights became zero, as the scheme has no such numbers")
    if found.zero_channels:
        lines.append(f"{found.zero_channels} channels of zeros")
    return lines
