"""``bitmill quantize``: a model's weight matrices in a low-bit scheme, packed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import BitmillError
from .options import PATH, output_option
from .progress import progress
from .tables import print_table

if TYPE_CHECKING:
    from ..golden.weights.model import TensorReport


@click.command()
@click.argument("model", required=False, metavar="MODEL.safetensors", type=PATH)
@click.option("--scheme", "scheme_name", metavar="NAME", help="Such as bitmod-fp4; `--list` shows all.")
@click.option("--group", type=int, metavar="N", help="Weights that share a scale, instead of the scheme's own number.")
@click.option("--skip", multiple=True, metavar="REGEX", help="Leave tensors alone whose name matches; may be repeated.")
@click.option("--list", "list_schemes", is_flag=True, help="List the schemes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@output_option("OUT.safetensors", "The packed model.")
def quantize(
    *,
    model: Path | None,
    scheme_name: str | None,
    group: int | None,
    skip: tuple[str, ...],
    list_schemes: bool,
    as_json: bool,
    output: Path | None,
) -> None:
    """Quantize every weight matrix [out, K] of a model in groups along K and write packed codes, selectors and scales.

    Says what it costs in bits per weight and in accuracy, and which tensors stay as they are, and why.
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
    from ..files import output_file
    from ..formats.scheme import get_scheme

    scheme = get_scheme(scheme_name)
    patterns = [_pattern(text) for text in skip]
    if group is not None and (group < 1 or (scheme.outlier and group % 2)):
        raise BitmillError(f"group must be {'even and ' if scheme.outlier else ''}at least 1, not {group}")
    with output_file(output) as staged:
        from ..golden.weights.model import check_model, quantize_model
        from ..golden.weights.packed_file import read_tensors, to_bytes

        tensors, metadata = read_tensors(model)
        with _about(model):
            check_model(tensors, group=scheme.group if group is None else group, skip=patterns)
            with progress(f"quantizing {model} with {scheme.name}") as step:
                packed, reports = quantize_model(
                    scheme, tensors, group=group, skip=patterns, metadata=metadata,
                    progress=lambda name, done, total: step(f"{scheme.name}: {name}", done=done, total=total),
                )  # fmt: skip
                content = to_bytes(packed)
        staged.write_bytes(content)
    _print(reports, scheme.name, model, len(content), as_json=as_json)


@contextmanager
def _about(model: Path) -> Iterator[None]:
    try:
        yield
    except BitmillError as error:
        raise BitmillError(f"{model}: {error}") from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BitmillError(f"skip must be a regular expression, not {text!r}: {error}") from None


def _print_schemes(*, as_json: bool) -> None:
    from ..formats.scheme import SCHEMES

    rows: list[dict[str, Any]] = [
        {
            "scheme": row.name,
            "bits per weight": round(float(row.bits_per_weight(group=row.group, length=1 << 20)), 4),
            "group": row.group,
            "elements": " ".join(row.elements),
            "about": row.about,
        }
        for row in SCHEMES.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    print_table(
        list(rows[0]), [[str(value) for value in row.values()] for row in rows], right=["bits per weight", "group"]
    )


def _print(reports: list[TensorReport], scheme: str, model: Path, size: int, *, as_json: bool) -> None:
    done = [report for report in reports if not report.kept]
    kept = [report for report in reports if report.kept]
    weights = sum(report.weights for report in done)
    bits = sum(float(report.bits_per_weight or 0) * report.weights for report in done) / weights
    whole = sum(report.signal for report in done), sum(report.noise for report in done)
    from ..golden.weights.model import TensorReport

    total = TensorReport("all", (weights,), "", "", None, *whole)
    if as_json:
        summary = {
            "scheme": scheme, "weights": weights, "bits_per_weight": bits, "sqnr_db": total.sqnr, "bytes": size,
            "tensors": [
                {"name": row.name, "shape": list(row.shape), "bits_per_weight": float(row.bits_per_weight or 0),
                 "sqnr_db": row.sqnr} for row in done
            ],
            "kept": [{"name": row.name, "shape": list(row.shape), "why": row.kept} for row in kept],
        }  # fmt: skip
        click.echo(json.dumps(summary, indent=2))
        return
    rows = [
        [row.name, " x ".join(map(str, row.shape)), f"{float(row.bits_per_weight or 0):.4f}", f"{row.sqnr:.2f}", ""]
        for row in done
    ]
    rows += [[row.name, " x ".join(map(str, row.shape)), "", "", f"kept: {row.kept}"] for row in kept]
    print_table(["tensor", "shape", "bits per weight", "SQNR dB", ""], rows, right=["bits per weight", "SQNR dB"])
    click.echo(
        f"\n{model}: {weights} weights of {len(done)} tensors in {scheme}: {bits:.4f} bits per weight, "
        f"SQNR {total.sqnr:.2f} dB; {len(kept)} tensors kept as they are; {size} bytes."
    )
