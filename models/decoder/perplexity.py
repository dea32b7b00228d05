"""Perplexity of a text under a decoder."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .forward import Attention, Linear
from .model import DecoderModel


def perplexity(
    model: DecoderModel, ids: NDArray[np.int64], *, linear: Linear | None = None, attention: Attention | None = None
) -> float:
    """``exp`` of the mean of ``-ln p(token | those before it)`` over all tokens of a text but the first.

    Parameters
    ----------
    model
        The decoder.
    ids
        Token ids int64 ``[tokens]``, at least two.
    linear, attention
        What computes the linear layers and the heads: see ``forward.hidden_states``. The output embedding is always FP32.

    Returns
    -------
    Infinity where a probability vanishes or the model's outputs are not finite.
    """
    if len(ids) < 2:
        raise ValueError(f"ids must be of at least 2 tokens, not {len(ids)!r}")
    with np.errstate(all="ignore"):
        logits = model.logits(ids[:-1], linear=linear, attention=attention).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), ids[1:]]
    mean = float(surprise.mean())
    # exp overflows beyond 709.
    return math.exp(mean) if mean < 700 else math.inf
