"""Forward pass of a BERT-style encoder in NumPy, with hooks on the inputs of linear layers and of non-linear units.

The architecture is that of BERT (Devlin et al., 2019, https://arxiv.org/abs/1810.04805) with post-layer normalisation.
Weights carry the names of the model's own ``model.safetensors``. All arithmetic is in the floating-point type of the
weights; ``load_model`` widens them to float64, so that the FP16 values of the sample do not depend on the order in
which a BLAS library adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...system.files import read_json
from .erf import erf

Array = NDArray[Any]
Weights = Mapping[str, Array]
LinearHook = Callable[[str, Array], None]
NonlinearHook = Callable[[str, Array], None]
LinearProduct = Callable[[str, Array], Array]
"""By a linear layer's name and inputs ``[tokens, in]``, its outputs ``[tokens, out]`` without the bias."""


@dataclass(frozen=True)
class EncoderConfig:
    """The sizes of an encoder.

    Attributes:
        layers: Number of Transformer layers.
        heads: Number of attention heads; divides the hidden size.
        epsilon: Constant added to the variance in every layer normalisation.
    """

    layers: int
    heads: int
    epsilon: float

    @classmethod
    def from_file(cls, path: Path) -> EncoderConfig:
        """Read a model's ``config.json``.

        Raises:
            ValueError: If the activation is not the exact GELU or the positions are not absolute embeddings.
        """
        fields = read_json(path, "the configuration of an encoder")
        for key, accepted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
            if fields[key] != accepted:
                raise ValueError(f"{key} must be {accepted!r}, not {fields[key]!r}")
        return cls(fields["num_hidden_layers"], fields["num_attention_heads"], fields["layer_norm_eps"])


def load_model(folder: Path) -> tuple[dict[str, Array], EncoderConfig]:
    """Read ``model.safetensors`` (floating-point tensors, widened to float64) and ``config.json`` from ``folder``."""
    from safetensors.numpy import load_file

    tensors = load_file(folder / "model.safetensors")
    weights = {key: value.astype(np.float64) for key, value in tensors.items() if value.dtype.kind == "f"}
    return weights, EncoderConfig.from_file(folder / "config.json")


def pad(sequences: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Right-pad token ids with zeros; return ids ``[batch, length]`` and a mask that is true on real tokens."""
    length = max(map(len, sequences))
    ids = np.zeros((len(sequences), length), dtype=np.int64)
    mask = np.zeros((len(sequences), length), dtype=np.bool_)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return ids, mask


def encode(
    weights: Weights,
    config: EncoderConfig,
    ids: NDArray[np.int64],
    mask: NDArray[np.bool_],
    hook: LinearHook | None = None,
    nonlinear_hook: NonlinearHook | None = None,
    linear_product: LinearProduct | None = None,
) -> Array:
    """Return the last hidden states ``[batch, length, hidden]`` of the encoder, in the dtype of ``weights``.

    Embeddings are the sum of word, position and first-segment embeddings, normalised. Each layer then computes
    ``h = norm(x + A(x))`` and ``norm(h + F(h))`` with ``A`` multi-head attention and ``F`` two linear layers around a
    GELU.

    Args:
        weights: Tensors by name, as in the model's file.
        config: The sizes of the encoder.
        ids: Token ids ``[batch, length]``.
        mask: ``[batch, length]``, true on tokens that may be attended to; at least one in each row.
        hook: Called as ``hook(name, x)`` before each linear layer with its input ``x`` of shape
            ``[batch, length, in]``, where ``f"{name}.weight"`` is the key of the layer's weight.
        nonlinear_hook: Called in the same way before each softmax, on scores ``[batch, heads, length, length]`` before
            the mask is applied, named ``...attention.self.softmax``; before each GELU, named ``...intermediate.gelu``; and
            before each layer normalisation, by the name of its parameters.
        linear_product: Computes the products of the linear layers, of tokens and padding alike; in the weights' dtype if left
            out.

    Raises:
        ValueError: If ``mask`` has another shape than ``ids`` or a row without a true entry.
    """
    if mask.shape != ids.shape or not mask.any(axis=1).all():
        raise ValueError(f"mask must have the shape {ids.shape} and a true entry in each row, not {mask!r}")

    def linear(name: str, x: Array) -> Array:
        if hook is not None:
            hook(name, x)
        # One product of all tokens: NumPy would multiply a batch sentence by sentence, three times slower.
        tokens = x.reshape(-1, x.shape[-1])
        product = tokens @ weights[f"{name}.weight"].T if linear_product is None else linear_product(name, tokens)
        flat = product + weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def watched(name: str, x: Array) -> Array:
        if nonlinear_hook is not None:
            nonlinear_hook(name, x)
        return x

    def norm(name: str, x: Array) -> Array:
        watched(name, x)
        return layer_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"], config.epsilon)

    table = "embeddings.{}_embeddings.weight".format
    embedded = weights[table("word")][ids] + weights[table("token_type")][0]
    hidden = norm("embeddings.LayerNorm", embedded + weights[table("position")][: ids.shape[1]])
    for index in range(config.layers):
        layer = f"encoder.layer.{index}"
        query, key, value = (linear(f"{layer}.attention.self.{part}", hidden) for part in ("query", "key", "value"))
        scores = watched(f"{layer}.attention.self.softmax", attention_scores(query, key, config.heads))
        attended = attend(scores, value, mask)
        attended = linear(f"{layer}.attention.output.dense", attended)
        hidden = norm(f"{layer}.attention.output.LayerNorm", hidden + attended)
        inner = gelu(watched(f"{layer}.intermediate.gelu", linear(f"{layer}.intermediate.dense", hidden)))
        hidden = norm(f"{layer}.output.LayerNorm", hidden + linear(f"{layer}.output.dense", inner))
    return hidden


def record_inputs(
    weights: Weights, config: EncoderConfig, ids: NDArray[np.int64], mask: NDArray[np.bool_]
) -> tuple[Array, dict[str, Array]]:
    """Run ``encode`` and keep what each linear layer read.

    Returns:
        The last hidden states ``[batch, length, hidden]``, and for each linear layer its inputs ``[tokens, in]`` on
        the tokens where ``mask`` is true, sentence by sentence.
    """
    inputs: dict[str, Array] = {}

    def keep(name: str, x: Array) -> None:
        inputs[name] = x[mask]

    return encode(weights, config, ids, mask, keep), inputs


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """Return ``(x - mean) / sqrt(variance + epsilon) * weight + bias`` over the last axis, with biased variance."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * weight + bias


def gelu(x: Array) -> Array:
    """Return the exact GELU ``x * (1 + erf(x / sqrt(2))) / 2`` (Hendrycks and Gimpel, arXiv:1606.08415)."""
    return x * (1.0 + erf(x / math.sqrt(2.0))) / 2.0


def attention_scores(query: Array, key: Array, heads: int) -> Array:
    """Return ``Q K^T / sqrt(d)`` ``[batch, heads, length, length]`` of ``[batch, length, heads * d]``."""
    return _by_head(query, heads) @ _by_head(key, heads).transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1] // heads)


def attend(scores: Array, value: Array, mask: NDArray[np.bool_]) -> Array:
    """Return ``softmax(scores) V`` for each head, heads side by side, keys outside ``mask`` left out.

    Args:
        scores: ``[batch, heads, length, length]``.
        value: ``[batch, length, heads * d]``.
        mask: ``[batch, length]``, true on keys to attend to.
    """
    weights = softmax(np.where(mask[:, None, None, :], scores, -np.inf))
    return (weights @ _by_head(value, scores.shape[1])).transpose(0, 2, 1, 3).reshape(value.shape)


def softmax(x: Array) -> Array:
    """Return ``exp(x) / sum(exp(x))`` over the last axis; ``-inf`` takes no part."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def _by_head(x: Array, heads: int) -> Array:
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)
