"""What every weight scheme does to a real encoder: error of weights, of layer outputs and of sentence embeddings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block, get_block
from ...golden.weights import dequantize, quantize_weights
from ...golden.weights.losses import decibels
from ...models.encoder.embeddings import agreement, embed
from ...models.encoder.model import EncoderModel, Matrix
from ...models.encoder.sentences import SENTENCES_PATH, SentencePair
from ...models.sample.forward import pad, record_inputs
from ...system.blas import one_blas_thread
from ..records import Metric, Record, metric

Job = Callable[[], list[Record]]

STUDIED = (
    "bitmod-fp4", "bitmod-fp3", "fp4", "fp3", "int3", "int4", "int5", "int6", "int8", "int3-asym", "int4-asym", "ant4", "olive4",
    "nf4", "mxfp4", "mxint4",
)  # fmt: skip
"""The schemes that are compared."""
SWEPT_GROUPS = (32, 64, 128, 384)
"""Groups in which the schemes of few bits are tried; 384 is a whole row of the model's narrow matrices."""
SWEPT_BITS = (3, 4)
LAYER_SENTENCES = 64
"""Sentences on which layer outputs are compared: first ones of evenly spaced pairs."""

_EMBEDDING_DIGITS, _DECIBEL_DIGITS = 6, 4
"""Decimals kept of what a float32 forward pass gives; those beyond depend on the order in which a machine's BLAS adds."""


@dataclass(frozen=True, eq=False)
class QuantizedMatrices:
    """The matrices of all linear layers after quantization, in float32, and what it cost.

    Attributes
    ----------
    matrices
        Dequantized weights by layer.
    weights
        Number of weights.
    stored_bits
        Bits of all that is stored.
    signal, noise
        Sums of squares of the weights and of their errors, in float64.
    """

    matrices: dict[str, Matrix]
    weights: int
    stored_bits: Fraction
    signal: float
    noise: float


@dataclass(frozen=True, eq=False)
class _ReferenceRun:
    embeddings: NDArray[np.float64]
    inputs: dict[str, Matrix]
    signals: dict[str, float]


class Reference:
    """What the FP32 model gives on the sentences: computed when first asked for, once, by whichever job comes first."""

    def __init__(self, model: EncoderModel, pairs: Sequence[SentencePair]) -> None:
        self.model = model
        self.pairs = tuple(pairs)
        self.sequences = model.tokens([text for pair in pairs for text in (pair.first, pair.second)])
        self._lock = threading.Lock()
        self._run: _ReferenceRun | None = None

    @property
    def layer_sequences(self) -> list[list[int]]:
        """Token ids of the sentences on which layer outputs are compared."""
        count = min(LAYER_SENTENCES, len(self.pairs))
        return [self.sequences[2 * (index * len(self.pairs) // count)] for index in range(count)]

    @property
    def embeddings(self) -> NDArray[np.float64]:
        """``[2 * pairs, hidden]``, a pair in two rows."""
        return self._measured().embeddings

    @property
    def inputs(self) -> dict[str, Matrix]:
        """``[tokens, in]`` that every linear layer reads, by layer."""
        return self._measured().inputs

    @property
    def signals(self) -> dict[str, float]:
        """Sum of the squares of every linear layer's outputs without bias, by layer."""
        return self._measured().signals

    def _measured(self) -> _ReferenceRun:
        with self._lock:
            if self._run is None:
                model = self.model
                _, inputs = record_inputs(model.weights, model.config, *pad(self.layer_sequences))
                signals = {name: _energy(x @ model.matrix(name).T) for name, x in inputs.items()}
                self._run = _ReferenceRun(embed(model, self.sequences), inputs, signals)
            return self._run


def accuracy_jobs(reference: Reference, schemes: Sequence[str] = STUDIED) -> Iterator[tuple[str, Job]]:
    """Name and job of every scheme: its records of weights, layers and embeddings, and of other groups.

    The matrices of all linear layers are quantized; embedding tables, biases and normalisation stay in FP32, and so do
    activations.

    Parameters
    ----------
    reference
        The FP32 model on sentence pairs.
    schemes
        Names of schemes; ``STUDIED`` if left out.

    Raises
    ------
    BitmillError
        If a sentence has more tokens than the model has positions. From a job: if the scheme's own group does not divide
        the input dimension of every linear layer, or its scales overflow.
    """
    # The search for outliers takes longest, so it starts first.
    for scheme in sorted(map(get_block, schemes), key=lambda scheme: scheme.outlier is None):
        yield f"accuracy {scheme.name}", lambda scheme=scheme: scheme_records(scheme, reference)


def scheme_records(scheme: Block, reference: Reference) -> list[Record]:
    """All records of one scheme; as one of several jobs, so with one thread for its matrix products."""
    with one_blas_thread():
        return _scheme_records(scheme, reference)


def _scheme_records(scheme: Block, reference: Reference) -> list[Record]:
    model = reference.model
    own = quantize_matrices(scheme, model, scheme.group)
    records = [
        weights_record(f"weights/{scheme.name}", scheme, scheme.group, model, own),
        *layer_records(scheme, reference, own),
        embeddings_record(scheme, reference, own),
    ]
    for group in swept_groups(scheme, model):
        found = own if group == scheme.group else quantize_matrices(scheme, model, group)
        records.append(weights_record(f"weights/{scheme.name}/g{group}", scheme, group, model, found))
    return records


def swept_groups(scheme: Block, model: EncoderModel) -> list[int]:
    """The groups of ``SWEPT_GROUPS`` that divide the input dimension of every linear layer; none for wide codes."""
    lengths = [model.matrix(name).shape[1] for name in model.linear]
    swept = SWEPT_GROUPS if scheme.bits in SWEPT_BITS else ()
    return [group for group in swept if all(length % group == 0 for length in lengths)]


def quantize_matrices(scheme: Block, model: EncoderModel, group: int | None) -> QuantizedMatrices:
    """Quantize every linear layer's matrix and give it back in float32.

    Raises
    ------
    BitmillError
        As ``quantize_weights``.
    """
    matrices: dict[str, Matrix] = {}
    weights, bits, signal, noise = 0, Fraction(0), 0.0, 0.0
    for name in model.linear:
        matrix = model.matrix(name)
        quantized = quantize_weights(scheme, matrix, group=group, name=name)
        values = dequantize(quantized)
        weights += matrix.size
        bits += quantized.bits_per_weight * matrix.size
        signal += _energy(matrix)
        noise += _energy(values - matrix)
        matrices[name] = values.astype(np.float32)
    return QuantizedMatrices(matrices, weights, bits, signal, noise)


def weights_record(
    record_id: str, scheme: Block, group: int | None, model: EncoderModel, found: QuantizedMatrices
) -> Record:
    """Bits per weight and the error of the weights."""
    metrics = {
        "bits_per_weight": metric(float(found.stored_bits / found.weights), "bit"),
        "mse": metric(found.noise / found.weights, "1"),
        "sqnr": metric(decibels(found.signal, found.noise), "dB"),
    }
    flow = {"error": "of dequantized weights in float64, over all weights of all linear layers"}
    return _record(record_id, "weights", _config(scheme, group, model, weights=found.weights), flow, metrics)


def layer_records(scheme: Block, reference: Reference, found: QuantizedMatrices) -> Iterator[Record]:
    """SQNR of ``x @ quantized.T`` against ``x @ weight.T``, pooled over the layers, and layer by layer.

    Pooled is the ratio of the sums over all layers, in which those with large outputs weigh more.
    """
    model = reference.model
    noises = {name: _energy(x @ (found.matrices[name] - model.matrix(name)).T) for name, x in reference.inputs.items()}
    each = {name: _rounded_decibels(reference.signals[name], noise) for name, noise in noises.items()}
    tokens = sum(map(len, reference.layer_sequences))
    config = _config(scheme, scheme.group, model, sentences=len(reference.layer_sequences), tokens=tokens)
    flow = {
        "inputs": f"of every linear layer in the FP32 model, on sentences of {SENTENCES_PATH.name}",
        "pooled": "sums of squares over all layers",
    }
    yield _record(f"layers/{scheme.name}", "layers", config, flow, {
        "sqnr": metric(_rounded_decibels(sum(reference.signals.values()), sum(noises.values())), "dB"),
        "sqnr_min": metric(min(each.values()), "dB"),
        "sqnr_max": metric(max(each.values()), "dB"),
    })  # fmt: skip
    for name, sqnr in each.items():
        facts = {"scheme": scheme.name, "group": scheme.group, "layer": name}
        flow = {"as": f"layers/{scheme.name}"}
        yield _record(f"layer/{scheme.name}/{name}", "layer", facts, flow, {"sqnr": metric(sqnr, "dB")})


def embeddings_record(scheme: Block, reference: Reference, found: QuantizedMatrices) -> Record:
    """Agreement of the sentence embeddings of the quantized model with those in FP32."""
    embeddings = embed(reference.model.with_matrices(found.matrices), reference.sequences)
    agreed = agreement(reference.embeddings, embeddings)

    def rounded(value: float) -> float:
        return round(value, _EMBEDDING_DIGITS)

    flow = {
        "sentences": SENTENCES_PATH.name,
        "embedding": "mean of the last hidden states over the tokens of a sentence, normalised",
        "quantized": "weights of all linear layers",
        "kept": "embedding tables, biases and normalisation in FP32; activations in FP32",
        "reference": "cosine similarities of the pairs under the FP32 model",
    }
    config = _config(scheme, scheme.group, reference.model, weights=found.weights)
    return _record(f"embeddings/{scheme.name}", "embeddings", config, flow, {
        "pairs": metric(len(reference.pairs), "pairs"),
        "pearson": metric(rounded(agreed.pearson), "1"),
        "spearman": metric(rounded(agreed.spearman), "1"),
        "agreement_drop": metric(rounded(agreed.drop), "%"),
        "mean_cosine": metric(rounded(agreed.mean_cosine), "1"),
        "worst_change": metric(rounded(agreed.worst_change), "1"),
    })  # fmt: skip


def _config(scheme: Block, group: int | None, model: EncoderModel, **more: int) -> dict[str, Any]:
    about = {"scheme": scheme.name, "group": group, "model": model.name, "model_sha256": model.sha256}
    return {**about, "tensors": len(model.linear), **more}


def _record(
    record_id: str, kind: str, config: dict[str, Any], flow: dict[str, str], metrics: dict[str, Metric]
) -> Record:
    return Record(
        id=record_id,
        topic=kind,
        config=config,
        flow=flow,
        tool_versions={"numpy": np.__version__},
        metrics=metrics,
    )


def _energy(values: NDArray[Any]) -> float:
    return float(np.square(values, dtype=np.float64).sum())


def _rounded_decibels(signal: float, noise: float) -> float:
    return round(decibels(signal, noise), _DECIBEL_DIGITS)


__all__ = ["Reference", "accuracy_jobs", "quantize_matrices", "scheme_records", "swept_groups"]
