"""Forward pass of a Llama-type decoder in NumPy, every linear layer through a function that may compute it in any way.

The architecture is that of Llama (Touvron et al., 2023, arXiv 2302.13971, section 2.2): RMSNorm before each half of a block,
rotary positions, SwiGLU, keys and values shared by groups of query heads (Ainslie et al., 2023, arXiv 2305.13245).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Linear = Callable[[str, Floats], Floats]
"""By a layer's name and inputs ``[tokens, in]``, its outputs ``[tokens, out]``."""
Attention = Callable[[Floats, Floats, Floats], Floats]
"""By queries ``[heads, tokens, d]``, keys and values ``[kv_heads, tokens, d]``: what heads attend to, ``[heads, tokens, d]``."""

BLOCK_LAYERS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""Linear layers of a block in the order in which they compute, by the names that GGUF gives them."""


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """The sizes of a decoder.

    Attributes
    ----------
    blocks, width, heads, kv_heads
        Blocks, channels between them, heads of queries, and of keys and values, which divide the former.
    epsilon
        Added to the mean square in every RMSNorm.
    rotary_base
        Of the rotary positions' wavelengths; pair ``i`` of a head of ``d`` turns by ``position * base**(-2 i / d)``.
    """

    blocks: int
    width: int
    heads: int
    kv_heads: int
    epsilon: float
    rotary_base: float

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the linear layers in the order in which they compute: ``blk.0.attn_q``."""
        return tuple(f"blk.{index}.{name}" for index in range(self.blocks) for name in BLOCK_LAYERS)


def hidden_states(
    weights: Mapping[str, Floats],
    config: DecoderConfig,
    ids: NDArray[np.int64],
    *,
    linear: Linear | None = None,
    attention: Attention | None = None,
) -> Floats:
    """Hidden states float32 ``[tokens, width]`` of one text behind the last norm, before the output embedding.

    Parameters
    ----------
    weights
        float32 tensors by name: ``token_embd.weight``, ``output_norm.weight``, and of every block its linear layers
        (``{layer}.weight``, ``[out, in]``) and norms. Queries and keys have their rotary pairs side by side, as GGUF has them.
    config
        The sizes.
    ids
        Token ids int64 ``[tokens]``.
    linear
        Computes the linear layers; a float32 product if left out.
    attention
        Computes the heads; ``causal_attention`` if left out.
    """
    product = linear or (lambda name, x: x @ weights[f"{name}.weight"].T)
    attend = attention or causal_attention
    turn = _rotation(len(ids), config)
    x = weights["token_embd.weight"][ids]
    for index in range(config.blocks):
        block = f"blk.{index}."
        normed = rms_norm(x, weights[f"{block}attn_norm.weight"], config.epsilon)
        query, key, value = (product(f"{block}attn_{part}", normed) for part in "qkv")
        heads = attend(
            _rotated(_by_head(query, config.heads), turn),
            _rotated(_by_head(key, config.kv_heads), turn),
            _by_head(value, config.kv_heads),
        )
        x = x + product(f"{block}attn_output", heads.transpose(1, 0, 2).reshape(len(ids), -1))
        normed = rms_norm(x, weights[f"{block}ffn_norm.weight"], config.epsilon)
        gate, up = product(f"{block}ffn_gate", normed), product(f"{block}ffn_up", normed)
        x = x + product(f"{block}ffn_down", silu(gate) * up)
    return rms_norm(x, weights["output_norm.weight"], config.epsilon)


def causal_attention(query: Floats, key: Floats, value: Floats) -> Floats:
    """``softmax(Q K^T / sqrt(d)) V`` of every head, each token attending to itself and those before it.

    Queries ``[heads, tokens, d]``, keys and values ``[kv_heads, tokens, d]``, head ``h`` with ``h // (heads / kv_heads)``.
    """
    heads, tokens, width = query.shape
    shared = heads // len(key)
    scores = query @ key.repeat(shared, axis=0).transpose(0, 2, 1) / np.float32(math.sqrt(width))
    scores = np.where(np.tri(tokens, dtype=np.bool_), scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    return weights @ value.repeat(shared, axis=0)


def rms_norm(x: Floats, weight: Floats, epsilon: float) -> Floats:
    """``x / sqrt(mean(x**2) + epsilon) * weight`` over the last axis (Zhang and Sennrich, 2019, arXiv 1910.07467)."""
    mean_square = np.square(x).mean(axis=-1, keepdims=True)
    return (x / np.sqrt(mean_square + epsilon) * weight).astype(np.float32, copy=False)


def silu(x: Floats) -> Floats:
    """``x / (1 + exp(-x))``."""
    # exp overflows to infinity below -88, where the quotient is 0 as it should be.
    with np.errstate(over="ignore"):
        return (x / (1 + np.exp(-x))).astype(np.float32, copy=False)


def _by_head(x: Floats, heads: int) -> Floats:
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def _rotation(tokens: int, config: DecoderConfig) -> NDArray[np.complex64]:
    """``exp(i * position * base**(-2 k / d))`` ``[tokens, d / 2]``."""
    width = config.width // config.heads
    frequencies = config.rotary_base ** (-np.arange(0, width, 2) / width)
    return np.exp(1j * np.outer(np.arange(tokens), frequencies)).astype(np.complex64)


def _rotated(x: Floats, turn: NDArray[np.complex64]) -> Floats:
    """Pairs ``(2 k, 2 k + 1)`` of ``[heads, tokens, d]`` turned as complex numbers."""
    return (np.ascontiguousarray(x).view(np.complex64) * turn).view(np.float32)
