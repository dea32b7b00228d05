"""Real weights and activations of a small Transformer encoder, committed as a sample of at most 1 MB.

The sample holds three linear layers of ``sentence-transformers/all-MiniLM-L6-v2``, one of each weight shape in the
encoder (384x384, 1536x384 and 384x1536, as ``[out, in]``), each with the inputs the layer saw on two disjoint sets of
sentences. The input dimension is whole; output channels and tokens are evenly spaced slices. ``NOTICE.md`` gives the
source, the licences and the rules of slicing; ``make_sample.py`` recreates the data from the model.

Reading the sample needs NumPy and ``safetensors`` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

LAYERS: tuple[str, ...] = ("attention", "intermediate", "output")
SAMPLE_PATH = Path(__file__).parent / "minilm.safetensors"
SENTENCES_PATH = Path(__file__).parent / "sentences.json"


@dataclass(frozen=True, eq=False)
class LayerSample:
    """One sampled linear layer ``y = x @ weight.T``, stored as FP16 and held here as float32.

    Attributes:
        name: The entry of ``LAYERS`` this is.
        weight: ``[out, in]`` float32, a slice of the output channels.
        calibration: ``[tokens, in]`` float32, inputs of the layer on the calibration sentences.
        held_out: ``[tokens, in]`` float32, inputs of the layer on the held-out sentences.
    """

    name: str
    weight: NDArray[np.float32]
    calibration: NDArray[np.float32]
    held_out: NDArray[np.float32]


def load_layer(name: str) -> LayerSample:
    """Load one layer of the committed sample, with its arrays widened exactly from FP16 to float32.

    Raises:
        ValueError: If ``name`` is not in ``LAYERS``.
    """
    if name not in LAYERS:
        raise ValueError(f"name must be one of {', '.join(map(repr, LAYERS))}, not {name!r}")
    tensors = load_file(SAMPLE_PATH)
    weight, calibration, held_out = (
        tensors[f"{name}.{part}"].astype(np.float32) for part in ("weight", "calibration", "held_out")
    )
    return LayerSample(name, weight, calibration, held_out)


__all__ = ["LAYERS", "SAMPLE_PATH", "SENTENCES_PATH", "LayerSample", "load_layer"]
