"""Accuracy of a layer whose weights and activations are rounded to a pair of formats; no tool is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...formats import Format
from ...golden import Granularity, Rule, Scales, choose_scale, dequantize, quantize
from ...golden.noise import relative_error, sqnr_db
from ...models.layers import Layer
from ..records import Metric, Record, metric
from .scales import ChooseScale
from .study import POLICIES, RULES, Pair, Policy, Study

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A tensor's codes in a format, with the scales that give it back."""

    format: Format | str
    codes: NDArray[np.unsignedinteger]
    scales: Scales

    def values(self) -> Array:
        """``scale * decode(codes)``, the shape of the tensor."""
        return dequantize(self.format, self.codes, self.scales)


def quantize_weight(layer: Layer, fmt: Format | str, rule: Rule, choose: ChooseScale = choose_scale) -> Quantized:
    """The weights ``[out, in]`` with one scale per output channel."""
    scales = choose(fmt, layer.weight, granularity="channel", rule=rule, name=f"{layer.name} weights")
    return Quantized(fmt, quantize(fmt, layer.weight, scales), scales)


def quantize_activation(
    layer: Layer, fmt: Format | str, policy: Policy, choose: ChooseScale = choose_scale
) -> Quantized:
    """The held-out activations ``[tokens, in]``.

    Per token, each held-out token has the scale that its own values ask for; per tensor, one scale comes from the
    calibration set alone and held-out values beyond it saturate.
    """
    seen = layer.held_out if policy.granularity == "token" else layer.calibration
    granularity: Granularity = policy.granularity
    scales = choose(fmt, seen, granularity=granularity, rule=policy.rule, name=f"{layer.name} activations")
    return Quantized(fmt, quantize(fmt, layer.held_out, scales), scales)


def search_scales(study: Study, layer: Layer, name: str, choose: ChooseScale) -> None:
    """Ask for every scale of one format on one layer that ``accuracy_records`` will need: the slow part, as a job."""
    if any(pair.weight == name for pair in study.pairs):
        for rule in RULES:
            quantize_weight(layer, name, rule, choose)
    if any(pair.activation == name for pair in study.pairs):
        for policy in POLICIES:
            quantize_activation(layer, name, policy, choose)


def layer_record(layer: Layer) -> Record:
    """What a layer is: shapes and the number of products of its held-out inputs."""
    outputs, inputs = layer.weight.shape
    return Record(
        id=f"layer/{layer.name}",
        topic="layer",
        config={"layer": layer.name, "source": layer.source},
        metrics={
            "outputs": metric(outputs, "channels"),
            "inputs": metric(inputs, "values"),
            "calibration_tokens": metric(len(layer.calibration), "tokens"),
            "held_out_tokens": metric(len(layer.held_out), "tokens"),
            "products": metric(layer.products, "products"),
            "peak_to_rms": metric(_peak_to_rms(layer.held_out), "1"),
        },
    )


def accuracy_records(study: Study, layer: Layer, choose: ChooseScale = choose_scale) -> Iterator[Record]:
    """Output SQNR of every pair under every policy on one layer, and the error of the weights alone.

    The reference is ``y = x @ weight.T`` in float64 of the tensors as stored. Every format is quantized once per
    policy, however many pairs use it. ``choose`` takes the place of ``golden.choose_scale``, to remember scales.
    """
    reference = layer.held_out @ layer.weight.T
    weights: dict[tuple[str, Rule], Array] = {}
    activations: dict[tuple[str, Policy], Array] = {}
    for name in study.formats:
        if any(pair.weight == name for pair in study.pairs):
            weights.update({(name, rule): quantize_weight(layer, name, rule, choose).values() for rule in RULES})
        if any(pair.activation == name for pair in study.pairs):
            activations.update(
                {(name, policy): quantize_activation(layer, name, policy, choose).values() for policy in POLICIES}
            )
    for pair in study.pairs:
        for policy in POLICIES:
            weight, activation = weights[pair.weight, policy.rule], activations[pair.activation, policy]
            yield _record(layer, pair, policy, {
                "sqnr": metric(sqnr_db(reference, activation @ weight.T), "dB"),
                "weight_error": metric(relative_error(layer.weight, weight), "1"),
                "activation_error": metric(relative_error(layer.held_out, activation), "1"),
            })  # fmt: skip


def accuracy_id(layer: str, pair: Pair, policy: Policy) -> str:
    """Id of the record of a pair on a layer under a policy."""
    return f"accuracy/{layer}/{pair.key}/{policy.key}"


def _record(layer: Layer, pair: Pair, policy: Policy, metrics: dict[str, Metric]) -> Record:
    return Record(
        id=accuracy_id(layer.name, pair, policy),
        topic="accuracy",
        config={
            "layer": layer.name,
            "weight": pair.weight,
            "activation": pair.activation,
            "weight_scale": "channel",
            "activation_scale": policy.granularity,
            "rule": policy.rule,
        },
        flow={
            "reference": "float64 x @ weight.T of the stored tensors",
            "evaluated_on": "held-out tokens",
            "static_scales_from": "calibration tokens",
        },
        tool_versions={"numpy": np.__version__},
        metrics=metrics,
    )


def _peak_to_rms(x: Array) -> float:
    rms = float(np.sqrt(np.square(x).mean()))
    return float(np.abs(x).max()) / rms if rms else 0.0
