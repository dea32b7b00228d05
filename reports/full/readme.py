"""The full study's block of the README: which assumption makes FP8 look dear."""

from __future__ import annotations

from ...studies.records import FULL, Records
from ..report import RESULTS, short_table
from ..shown import number
from .peers import PEERS
from .walks import WALKS, steps_of


def figures(records: Records) -> list[str]:
    """Main picture and key figures of the committed report."""
    walks = []
    for walk in WALKS:
        steps = steps_of(records, walk)
        by_size = sorted(steps, key=lambda step: step.number("ours"))
        three = (steps[0], by_size[0], by_size[-1])
        ours = (f"{number(records, step.id, 'ours', 1, signed=True).text} %" for step in three)
        walks.append((f"{walk.source.split(',')[0]}: {walk.claim}", walk.published_text, *ours, str(len(steps) - 1)))
    peers = [
        (
            peer.what,
            number(records, f"{peer.ours}/osu018-{peer.period_ns:g}ns", "logic_per_mac", 1),
            f"{peer.ge_per_mac:g}",
        )
        for peer in PEERS
    ]
    return [
        f"![Why FP8 looked 183 % dearer than INT8]({(RESULTS / FULL).as_posix()}/walks-van-baalen.svg)",
        "",
        *short_table(("claim", "published", "ours in that setting", "least", "most", "assumptions moved"), walks),
        "",
        *short_table(("32-lane unit with accumulator, osu018", "GE of logic per MAC", "best public unit"), peers),
        "",
    ]
