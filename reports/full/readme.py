"""The full study's block of the README: which assumption makes FP8 look dear."""

from __future__ import annotations

from pathlib import Path

from ...studies.full.peers import PEERS
from ...studies.full.plan import COMMAND
from ...studies.records import FULL, Records
from .. import shown
from .walks import WALKS, steps_of

RESULTS = Path("reports/results") / FULL


def figures_block(records: Records) -> str:
    """Markdown of the committed report's figures, with the command that regenerates them."""
    lines = [
        f"![Why FP8 looked 183 % dearer than INT8]({RESULTS.as_posix()}/walks-van-baalen.svg)",
        "",
        "| claim | published | ours in that setting | least | most | assumptions moved |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for walk in WALKS:
        steps = steps_of(records, walk)
        by_size = sorted(steps, key=lambda step: step.number("ours"))
        ours = (
            shown.number(records, step.id, "ours", 1, signed=True).text for step in (steps[0], by_size[0], by_size[-1])
        )
        cells = " | ".join(f"{text} %" for text in ours)
        lines.append(
            f"| {walk.source.split(',')[0]}: {walk.claim} | {walk.published_text} | {cells} | {len(steps) - 1} |"
        )
    lines += [
        "",
        "| 32-lane unit with accumulator, osu018 | GE of logic per MAC | best public unit |",
        "|---|---:|---:|",
    ]
    for peer in PEERS:
        ours = shown.number(records, f"{peer.ours}/osu018-{peer.period_ns:g}ns", "logic_per_mac", 1).text
        lines.append(f"| {peer.what} | {ours} | {peer.ge_per_mac:g} |")
    lines += [
        "",
        f"Regenerate with `{COMMAND}`; every number is in [records.json]({RESULTS.as_posix()}/records.json).",
    ]
    return "\n".join(lines)
