"""Vectors of a unit: what goes in, payload by payload, and what must come out by golden, as verification has it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...config.document import UnitConfig
from ...config.sizes import check_verified
from ..families import TRAFFIC
from .vector_set import VectorSet, hex_file

CORNER_STEPS = 512
"""Most steps of one directed corner: all kinds of corners, in files of a size that one opens."""
RANDOM_ITEMS = 120


def unit_vectors(config: UnitConfig, *, seed: int, count: int = RANDOM_ITEMS) -> VectorSet:
    """The directed corners of the unit's family and ``count`` random items, in their order.

    Parameters
    ----------
    config
        A unit of any family that is verified.
    seed
        Of the random items, at least 0.
    count
        Random dot products, tiles or rows.

    Raises
    ------
    BitmillError
        If the unit is too large to be verified, or its family is not.
    """
    from ...hdl import build  # Amaranth takes time to import.
    from ...hdl.emit.contract import HANDSHAKE
    from ...hdl.emit.manifest import ports

    check_verified(config, "vectors")
    traffic = TRAFFIC.of(config)(config)
    work = traffic.stimuli(np.random.default_rng(seed), count=count, corner_steps=CORNER_STEPS)
    inputs, expected = list(traffic.inputs(work)), traffic.expected(work)
    outputs = [payload for item in expected for payload in item]
    unit, layout = build(config), traffic.layout
    items = [
        {"label": str(getattr(item, "label", "")), "inputs": traffic.steps(item), "outputs": len(payloads)}
        for item, payloads in zip(work, expected, strict=True)
    ]
    data: dict[str, Any] = {
        "configuration": config.to_dict(),
        "ports": ports(config, unit),
        "handshake": HANDSHAKE,
        "order": unit.ORDER,
        "controls": [dict(step) for step in traffic.controls],
        "items": items,
        "i_payload": [f"{payload:x}" for payload in inputs],
        "o_payload": [f"{payload:x}" for payload in outputs],
    }
    # A running number at the end tells items of a kind apart; what follows a sign or an operator is part of its name.
    kinds = sorted({re.sub(r"(?<=[a-z]) \d+$", "", item["label"]) for item in items} - {"", "random"})
    return VectorSet(
        title=config.title,
        data=data,
        hex={
            "i_payload": hex_file(inputs, layout.input_bits, "the payload of input transfer `i`"),
            "o_payload": hex_file(outputs, layout.output_bits, "the payload of output transfer `i`, by golden"),
        },
        covers=(
            f"{len(work)} items of work, one after the other: {len(inputs)} input transfers, {len(outputs)} results, each exact. "
            f"The last {count} or so are random; `items` in the JSON says which inputs and outputs belong together.",
            *([f"Directed corners: {'; '.join(kinds)}."] if kinds else []),
            "The bits of payloads, field by field, are in the JSON under `ports`.",
        ),
        seed=seed,
        rules=(
            HANDSHAKE,
            "Results do not depend on when transfers take place: stall either stream as you like.",
            *([_TOLD] if traffic.controls else []),
        ),
    )


_TOLD = "Before the first input the unit is told its constants: `controls`, one step after the other."
