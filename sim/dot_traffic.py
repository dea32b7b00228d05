"""The traffic of a unit without rows and columns: dot products in, one result each out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..config import MacConfig
from ..system.errors import BitmillError
from .payload import Codes, Output, PayloadLayout
from .rows import PayloadRows
from .scaled_stimulus import blocks_of, codes_of_steps, scaled_stimuli
from .stimulus import DotProduct, idle_codes_of, stimuli
from .traffic import Traffic

OPERANDS = "weight", "activation"


class DotTraffic(Traffic[MacConfig, PayloadLayout, DotProduct]):
    """Work items are ``DotProduct``.

    Parameters
    ----------
    config
        The unit, a ``mac`` or a ``dot``.
    """

    def __init__(self, config: MacConfig) -> None:
        self.config = config
        self.layout = PayloadLayout.of(config)

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[DotProduct]:
        """Directed corners and ``count`` random dot products; see ``sim.stimulus.stimuli``."""
        work = stimuli(self.config, rng, count=count, corner_steps=corner_steps)
        return work if self.config.scale_format is None else scaled_stimuli(self.config, work, rng)

    def given(
        self, weight_codes: Codes, activation_codes: Codes, scales: tuple[Codes, Codes] | None = None
    ) -> list[DotProduct]:
        """One work item for each row of two arrays of codes [n, K], with their ``scales`` [n, blocks] where there are.

        Raises
        ------
        BitmillError
            If the shapes differ or are empty, or scales are missing or not wanted.
        """
        weights, activations = np.asarray(weight_codes), np.asarray(activation_codes)
        if weights.ndim != 2 or weights.shape != activations.shape or not weights.size:
            raise BitmillError(
                f"codes must be two arrays of one shape [n, K], not {list(weights.shape)} and {list(activations.shape)}"
            )
        if (scales is None) == (self.config.scale_format is not None):
            wanted = "left out" if scales is not None else "given"
            raise BitmillError(f"scales must be {wanted} for a unit of scale {self.config.scale!r}, not {scales!r}")
        if scales is None:
            return [DotProduct(w, a, "given") for w, a in zip(weights, activations, strict=True)]
        checked = [np.asarray(codes) for codes in scales]
        wanted = (len(weights), blocks_of(self.config, weights.shape[1]))
        if any(codes.shape != wanted for codes in checked):
            shapes = " and ".join(str(list(codes.shape)) for codes in checked)
            raise BitmillError(f"scales must be two arrays of shape [n, blocks] = {list(wanted)}, not {shapes}")
        return [DotProduct(w, a, "given", s, t) for w, a, s, t in zip(weights, activations, *checked, strict=True)]

    def steps(self, item: DotProduct) -> int:
        """Steps of ``lanes`` products, the last one filled up."""
        return -(-len(item) // self.config.lanes)

    def products(self, work: Sequence[DotProduct]) -> int:
        """Products that the results are made of, without padding."""
        return sum(len(item) for item in work)

    def results(self, work: Sequence[DotProduct]) -> int:
        """Results that are compared."""
        return len(work)

    def inputs(self, work: Sequence[DotProduct]) -> PayloadRows:
        """Input payloads of dot products one after the other."""
        config = self.config
        lengths = [-(-len(item) // config.lanes) for item in work]
        padded = [pad(config, item, steps) for item, steps in zip(work, lengths, strict=True)]
        weights = np.concatenate([weight for weight, _ in padded]).reshape(-1, config.lanes)
        activations = np.concatenate([activation for _, activation in padded]).reshape(-1, config.lanes)
        return self.layout.pack_rows(weights, activations, ends(lengths), self._scales(work, lengths))

    def _scales(self, work: Sequence[DotProduct], lengths: Sequence[int]) -> tuple[Codes, Codes] | None:
        """Codes of all steps [steps, 1], twice."""
        found = _scales_of(work)
        if found is None:
            return None
        weight, activation = (
            np.concatenate(
                [codes_of_steps(self.config, codes, steps) for codes, steps in zip(of, lengths, strict=True)]
            )
            for of in found
        )
        return weight[:, None], activation[:, None]

    def expected(self, work: Sequence[DotProduct]) -> list[list[int]]:
        """Output payloads of each dot product by golden: one each."""
        return [[self.layout.pack_output(output)] for output in golden_outputs(self.config, work)]


def _scales_of(work: Sequence[DotProduct]) -> tuple[list[Codes], list[Codes]] | None:
    """Codes of the scales of every item, where there are."""
    scales = [(item.weight_scales, item.activation_scales) for item in work]
    weight, activation = (
        [codes for codes in of_operand if codes is not None] for of_operand in zip(*scales, strict=True)
    )
    return (weight, activation) if weight and activation else None


def ends(steps: Sequence[int]) -> np.ndarray:
    """``last`` of every step of items of that many steps each, [sum(steps)]."""
    last = np.zeros(sum(steps), dtype=bool)
    last[np.cumsum(steps, dtype=int) - 1] = True
    return last


def golden_outputs(config: MacConfig, work: Sequence[DotProduct]) -> list[Output]:
    """The result of each dot product by golden, grouped by steps so that few calls suffice."""
    from ..golden.families import GOLDEN  # The bench imports this package in the simulator, where golden is not needed.

    groups: dict[int, list[int]] = {}
    for index, item in enumerate(work):
        groups.setdefault(-(-len(item) // config.lanes), []).append(index)
    outputs: list[Output | None] = [None] * len(work)
    for steps, members in groups.items():
        padded = [pad(config, work[index], steps) for index in members]
        scales = _scales_of([work[index] for index in members])
        named = {}
        if scales is not None:
            named = {f"{name}_scales": np.stack(codes) for name, codes in zip(OPERANDS, scales, strict=True)}
        weights, activations = (np.stack(codes) for codes in zip(*padded, strict=True))
        result = GOLDEN.of(config)(config, weights, activations, **named)
        for position, index in enumerate(members):
            outputs[index] = Output(
                int(result.value[position]),
                bool(result.invalid[position]),
                bool(result.too_long[position]),
                None if result.saturated is None else bool(result.saturated[position]),
            )
    return [output for output in outputs if output is not None]


def pad(config: MacConfig, item: DotProduct, steps: int) -> tuple[Codes, Codes]:
    """Codes of ``item`` filled up to whole steps with products of 0: weight codes and activation codes [steps * lanes]."""
    missing = steps * config.lanes - len(item)
    assert config.idle_codes or not missing, "dot products without products of 0 are of whole steps"
    weight, activation = idle_codes_of(config)
    return (
        np.pad(item.weight_codes, (0, missing), constant_values=weight),
        np.pad(item.activation_codes, (0, missing), constant_values=activation),
    )
