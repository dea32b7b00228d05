"""Linear layers to measure: those of the committed sample, or the user's own weights and activations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..system.errors import BitmillError
from ..system.text import visible
from . import load_matrix, load_packed
from .sample import LAYERS, load_layer

__all__ = ["Layer", "load_matrix", "load_packed", "sample_layers", "user_layer"]


@dataclass(frozen=True, eq=False)
class Layer:
    """One linear layer ``y = x @ weight.T`` with inputs to calibrate on and others to be judged by.

    Attributes
    ----------
    name
        Short name for tables and record ids.
    source
        Where it comes from, for captions.
    weight
        ``[out, in]`` float64.
    calibration, held_out
        ``[tokens, in]`` float64; static scales see the first only, accuracy is measured on the second only.
    """

    name: str
    source: str
    weight: NDArray[np.float64]
    calibration: NDArray[np.float64]
    held_out: NDArray[np.float64]

    @property
    def products(self) -> int:
        """Products of the layer on its held-out inputs: ``out * tokens * in``."""
        return self.weight.shape[0] * self.held_out.shape[0] * self.weight.shape[1]


def sample_layers() -> tuple[Layer, ...]:
    """The layers of the committed sample of all-MiniLM-L6-v2, in order."""
    loaded = (load_layer(name) for name in LAYERS)
    return tuple(
        Layer(
            layer.name,
            "all-MiniLM-L6-v2, encoder layer 2",
            *(array.astype(np.float64) for array in (layer.weight, layer.calibration, layer.held_out)),
        )
        for layer in loaded
    )


def user_layer(weights: str | Path, activations: str | Path, calibration: str | Path | None = None) -> Layer:
    """A layer from the user's files, each named ``FILE[:TENSOR]``.

    Without a calibration file the first half of the activations calibrates and the second half is held out.

    Raises
    ------
    BitmillError
        As ``load_matrix``; if the input dimensions differ; or if there are too few tokens to split.
    """
    weight = load_matrix(weights, "weights")
    inputs = load_matrix(activations, "activations")
    _check_multiplies(weight, inputs, "activations", activations)
    if calibration is None:
        if len(inputs) < 2:
            raise BitmillError(
                f"activations: {activations}: must have at least 2 tokens to split into calibration and held-out "
                "halves, "
                f"not {len(inputs)}; or give a calibration file"
            )
        half = len(inputs) // 2
        calibrating, held_out = inputs[:half], inputs[half:]
    else:
        calibrating, held_out = load_matrix(calibration, "calibration"), inputs
        _check_multiplies(weight, calibrating, "calibration", calibration)
    return Layer("user", visible(f"{weights} on {activations}"), weight, calibrating, held_out)


def _check_multiplies(weight: NDArray[Any], inputs: NDArray[Any], role: str, spec: str | Path) -> None:
    if inputs.shape[1] != weight.shape[1]:
        raise BitmillError(
            f"{role}: {spec}: rows must have {weight.shape[1]} values as the weights [out, in] = "
            f"{list(weight.shape)} have, "
            f"not {inputs.shape[1]}"
        )
