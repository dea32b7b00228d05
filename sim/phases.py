"""Work dealt to phases: back to back, with random stalls, in bursts, and with resets in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .job import Phase
from .pattern import BACK_TO_BACK, Pattern
from .traffic import Traffic

_RESET_SAMPLE = 6
_RESET_STEPS = 16


def phases_of(
    traffic: Traffic[Any, Any, Any], work: Sequence[Any], rng: np.random.Generator, *, corner_steps: int
) -> tuple[Phase, ...]:
    """The phases in which work is played, the first as the configuration has it, the others told of other constants.

    Parameters
    ----------
    traffic
        Of the unit.
    work
        Its items.
    rng
        The only source of randomness.
    corner_steps
        The most steps of what a family adds by itself (``Traffic.further_phases``).
    """
    seeds = [int(seed) for seed in rng.integers(0, 1 << 32, 5)]
    patterns = (
        ("back-to-back", BACK_TO_BACK, BACK_TO_BACK),
        ("random stalls", Pattern("random", 0.3, seed=seeds[0]), Pattern("random", 0.5, seed=seeds[1])),
        ("bursts", Pattern("bursty", 0.3, 6.0, seed=seeds[2]), Pattern("bursty", 0.4, 10.0, seed=seeds[3])),
    )
    expected = traffic.expected(work)
    order = rng.permutation(len(work))
    phases: list[Phase] = []

    def phase(
        name: str, told: Traffic[Any, Any, Any], chosen: Sequence[int], *patterns: Pattern, resets: tuple[int, ...] = ()
    ) -> Phase:
        items = [work[i] for i in chosen]
        outputs = [expected[i] for i in chosen] if told is traffic else told.expected(items)
        return Phase(
            name,
            told.inputs(items),
            [payload for item in outputs for payload in item],
            *patterns,
            resets=resets,
            controls=told.controls,
            levels=told.levels,
            counts=told.counts(items),
        )

    for index, (name, source, sink) in enumerate(patterns):
        # A phase without its own share, for very few dot products, runs them all.
        chosen = traffic.closed(work, [int(i) for i in order[index :: len(patterns)]] or list(range(len(work))))
        phases.append(phase(name, traffic.retold(rng) if index else traffic, chosen, source, sink))
    phases += traffic.further_phases(rng, corner_steps=corner_steps)
    short = [index for index, item in enumerate(work) if traffic.steps(item) <= _RESET_STEPS]
    shortest = min(range(len(work)), key=lambda i: len(work[i]))
    sample = [int(i) for i in rng.permutation(short)[:_RESET_SAMPLE]] or [shortest]
    # Shortest first, so that several complete results are on their way when the reset after a `last` comes.
    sample = traffic.closed(work, sorted(sample, key=lambda i: len(work[i])), fresh=True)
    inputs = traffic.inputs([work[i] for i in sample])
    ends = [index + 1 for index, payload in enumerate(inputs) if traffic.ends(payload)]
    resets = (int(rng.integers(1, len(inputs) + 1)), ends[: _RESET_SAMPLE // 2][-1])
    sink = Pattern("random", 0.6, seed=seeds[4])
    phases.append(phase("reset", traffic.retold(rng), sample, BACK_TO_BACK, sink, resets=resets))
    return tuple(phases)
