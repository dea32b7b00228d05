"""A sentence encoder whose linear layers a number system computes: errors of layers' outputs, agreement of embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...golden.weights.losses import decibels
from ..encoder.embeddings import Agreement, agreement, embed
from ..encoder.model import EncoderModel
from ..encoder.sentences import SentencePair
from ..sample.forward import pad, record_inputs
from .linear_rule import Floats, Layers, LinearRule

LAYER_SENTENCES = 64
"""Sentences on which layers' outputs are compared: first ones of evenly spaced pairs."""


@dataclass(frozen=True, eq=False)
class JudgedEncoder:
    """An encoder, sentences, and what FP32 gives on them.

    Attributes
    ----------
    model
        The encoder.
    pairs
        Sentence pairs.
    """

    model: EncoderModel
    pairs: tuple[SentencePair, ...]

    @cached_property
    def sequences(self) -> list[list[int]]:
        """Token ids of all sentences, a pair one after the other."""
        return self.model.tokens([text for pair in self.pairs for text in (pair.first, pair.second)])

    @cached_property
    def inputs(self) -> Mapping[str, Floats]:
        """``[tokens, K]`` that every linear layer reads in FP32, on ``LAYER_SENTENCES``."""
        count = min(LAYER_SENTENCES, len(self.pairs))
        chosen: Sequence[Sequence[int]] = [self.sequences[2 * (i * len(self.pairs) // count)] for i in range(count)]
        return record_inputs(self.model.weights, self.model.config, *pad(chosen))[1]

    @cached_property
    def embeddings(self) -> NDArray[np.float64]:
        """``[2 * pairs, hidden]`` in FP32, a pair in two rows."""
        return embed(self.model, self.sequences)

    def layer_errors(self, rule: LinearRule) -> dict[str, float]:
        """By layer, ``10 log10(sum y**2 / sum (y' - y)**2)`` of its outputs without bias, on FP32's inputs, in dB."""
        layers = Layers(rule, self.model.matrix)
        found: dict[str, float] = {}
        for name, x in self.inputs.items():
            exact = x @ self.model.matrix(name).T
            found[name] = decibels(_energy(exact), _energy(layers(name, x) - exact))
        return found

    def agreement(self, rule: LinearRule) -> Agreement:
        """Of the embeddings with all linear layers by the rule with those in FP32; biases, norms and attention stay FP32."""
        found = embed(self.model, self.sequences, linear=Layers(rule, self.model.matrix))
        return agreement(self.embeddings, found)


def _energy(values: NDArray[np.floating]) -> float:
    return float(np.square(values, dtype=np.float64).sum())
