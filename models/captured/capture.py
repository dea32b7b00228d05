"""What a real encoder's softmax, GELU and LayerNorm are given, as int8: rows of all layers, masks of padded texts included."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, load_file, save

from ...system.cache import cached_file
from ...system.errors import BitmillError
from ...system.sources import source_digest
from ..encoder.model import EncoderModel
from ..encoder.sentences import SentencePair
from ..sample.forward import Array, encode, layer_norm, pad
from ..sample.make_sample import evenly_spaced
from ..sample.wordpiece import END, START
from ..sample.wordpiece import encode as token_ids
from .real import real_output
from .rows import Rows, Unit, scale_of, to_codes, unit_named

CAPTURED_PATH = Path(__file__).parent / "captured.safetensors"
"""A small capture of all-MiniLM-L6-v2, committed; ``make_captured.py`` makes it."""

TEXTS = 4
"""Texts of a batch: the first has the full length, each further one an eighth less."""
QUERIES = 8
"""Queries of every head and text whose rows are kept."""
TOKENS = 32
"""Tokens of a batch whose GELU and LayerNorm rows are kept."""


def capture(
    model: EncoderModel,
    pairs: Sequence[SentencePair],
    *,
    length: int,
    texts: int = TEXTS,
    queries: int = QUERIES,
    tokens: int = TOKENS,
) -> tuple[Rows, ...]:
    """Rows of every layer on texts of up to ``length`` tokens, from the cache when they were captured before.

    Scales come from the sentences of every other pair, and rows from those of the pairs between them. A scale is
    ``max|x| / 127`` over all real tokens of the calibrating texts, one per layer and unit; codes are rounded to the nearest
    and saturate. LayerNorm's output scale is the same of its outputs. Queries are real tokens, keys past a text's end are
    masked. The forward pass is in the dtype of the weights.

    Parameters
    ----------
    model, pairs
        The encoder, and sentences that are joined to texts.
    length
        Tokens of the longest text, start and end included.
    texts, queries, tokens
        How much is kept.

    Raises
    ------
    BitmillError
        If the model has fewer positions than ``length``, or the sentences too few tokens.
    """
    batches = [_texts(model, _split(pairs, part), length, texts) for part in (0, 1)]
    inputs = {
        "source": source_digest(__name__), "model": model.sha256, "texts": json.dumps(batches), "queries": queries,
        "tokens": tokens, "numpy": np.__version__,
    }  # fmt: skip
    build = partial(_captured, model, batches, queries=queries, tokens=tokens)
    found = cached_file("nonlinear rows", inputs, ".safetensors", lambda: to_bytes(build()))
    return _from_tensors(load(found.data))


@lru_cache
def committed_rows() -> tuple[Rows, ...]:
    """The committed capture: a few rows of every unit of every layer of all-MiniLM-L6-v2."""
    return _from_tensors(load_file(CAPTURED_PATH))


def _split(pairs: Sequence[SentencePair], part: int) -> list[str]:
    """Sentences of every other pair, evenly spaced over them so that neighbours in a text are of different kinds."""
    sentences = [text for pair in pairs[part::2] for text in (pair.first, pair.second)]
    stride = next((step for step in (37, 41, 43, 1) if np.gcd(step, len(sentences)) == 1), 1)
    return [sentences[index * stride % len(sentences)] for index in range(len(sentences))]


def _texts(model: EncoderModel, sentences: Sequence[str], length: int, texts: int) -> list[list[int]]:
    """Token ids of texts of falling length, each of sentences of its own."""
    positions = len(model.weights["embeddings.position_embeddings.weight"])
    if not 3 <= length <= positions:
        raise BitmillError(f"length must be from 3 to the model's {positions} positions, not {length!r}")
    start, end = model.vocabulary[START], model.vocabulary[END]
    remaining: Iterator[list[int]] = (token_ids(f"{text}.", model.vocabulary)[1:-1] for text in sentences)
    found = []
    for index in range(texts):
        wanted = max(length - index * length // 8, 3)
        inner: list[int] = []
        while len(inner) < wanted - 2:
            more = next(remaining, None)
            if more is None:
                raise BitmillError(f"sentences must have tokens for {texts} texts of up to {length}, not these few")
            inner += more
        found.append([start, *inner[: wanted - 2], end])
    return found


def _captured(
    model: EncoderModel, batches: Sequence[Sequence[Sequence[int]]], *, queries: int, tokens: int
) -> tuple[Rows, ...]:
    largest: dict[str, float] = {}

    def calibrate(mask: NDArray[np.bool_], name: str, x: Array) -> None:
        x = np.where(mask[:, None, :, None] & mask[:, None, None, :], x, 0) if x.ndim == 4 else x[mask]
        largest[name] = float(np.abs(x).max())
        if name.endswith("LayerNorm"):
            largest[f"{name} out"] = float(np.abs(_normalized(model, name, x)).max())

    found: list[Rows] = []

    def keep(mask: NDArray[np.bool_], name: str, x: Array) -> None:
        place, unit = _place(name)
        kept = None
        if unit == "softmax":
            x, kept = _query_rows(x, mask, queries)
        else:
            x = x[mask]
            x = x[evenly_spaced(len(x), min(tokens, len(x)))]
        real = x.astype(np.float64)
        scale = scale_of(largest[name])
        gamma, beta = _parameters(model, name) if unit == "layernorm" else (np.ones(1), np.zeros(1))
        rows = Rows(
            function=unit, place=place, scale=scale, codes=to_codes(real, scale), kept=kept, gamma=gamma, beta=beta,
            output_scale=scale_of(largest[f"{name} out"]) if unit == "layernorm" else 1.0,
        )  # fmt: skip
        changed = np.abs(real_output(rows, rows.codes.astype(np.float64) * scale) - real_output(rows, real))
        found.append(replace(rows, input_error=float(changed[rows.mask].mean())))

    for hook, batch in zip((calibrate, keep), batches, strict=True):
        ids, mask = pad(batch)
        encode(model.weights, model.config, ids, mask, nonlinear_hook=partial(hook, mask))
    return tuple(found)


def _query_rows(scores: Array, mask: NDArray[np.bool_], queries: int) -> tuple[Array, NDArray[np.int64]]:
    """Rows of evenly spaced real queries of every text and head, and how many keys of each are real."""
    chosen, kept = [], []
    for text, real in zip(scores, mask.sum(axis=1), strict=True):
        rows = text[:, evenly_spaced(int(real), min(queries, int(real)))].reshape(-1, text.shape[-1])
        chosen.append(rows)
        kept.append(np.full(len(rows), real, dtype=np.int64))
    return np.concatenate(chosen), np.concatenate(kept)


def _place(name: str) -> tuple[str, Unit]:
    """``layer 3`` and the unit, of the hook's name; a layer's two LayerNorms are told apart."""
    parts = name.split(".")
    if parts[0] == "embeddings":
        return "embeddings", "layernorm"
    layer = f"layer {parts[2]}"
    if parts[-1] == "LayerNorm":
        return f"{layer}, after {'attention' if 'attention' in parts else 'feed-forward'}", "layernorm"
    return layer, "softmax" if parts[-1] == "softmax" else "gelu"


def _parameters(model: EncoderModel, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    gamma, beta = (model.weights[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    return gamma, beta


def _normalized(model: EncoderModel, name: str, x: Array) -> Array:
    return layer_norm(x.astype(np.float64), *_parameters(model, name), model.config.epsilon)


_FACTS: tuple[tuple[str, Callable[[Rows], float]], ...] = (
    ("scale", lambda rows: rows.scale),
    ("output_scale", lambda rows: rows.output_scale),
    ("input_error", lambda rows: rows.input_error),
)


def to_bytes(captured: Sequence[Rows]) -> bytes:
    """A safetensors file of rows, the same bytes for the same rows."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for index, rows in enumerate(captured):
        key = f"{index:02d}/{rows.function}/{rows.place}"
        tensors[f"{key}/codes"] = rows.codes
        tensors[f"{key}/facts"] = np.array([fact(rows) for _, fact in _FACTS], dtype=np.float64)
        if rows.kept is not None:
            tensors[f"{key}/kept"] = rows.kept.astype(np.int16)
        if rows.function == "layernorm":
            tensors[f"{key}/affine"] = np.stack([np.asarray(rows.gamma), np.asarray(rows.beta)]).astype(np.float32)
    return save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})


def _from_tensors(tensors: dict[str, NDArray[np.generic]]) -> tuple[Rows, ...]:
    return tuple(
        _read(tensors, key)
        for key in sorted(name.removesuffix("/codes") for name in tensors if name.endswith("/codes"))
    )


def _read(tensors: dict[str, NDArray[np.generic]], key: str) -> Rows:
    _, name, place = key.split("/")
    facts = dict(zip((name for name, _ in _FACTS), tensors[f"{key}/facts"].tolist(), strict=True))
    kept, affine = tensors.get(f"{key}/kept"), tensors.get(f"{key}/affine")
    if affine is not None:
        facts |= dict(zip(("gamma", "beta"), affine.astype(np.float64), strict=True))
    return Rows(
        function=unit_named(name), place=place, codes=tensors[f"{key}/codes"].astype(np.int8), **facts,
        kept=None if kept is None else kept.astype(np.int64),
    )  # fmt: skip
