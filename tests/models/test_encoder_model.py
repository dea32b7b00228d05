"""Encoders from folders: what is read of good ones, and one line about bad ones."""

import hashlib

import numpy as np
import pytest

from bitmill.models.encoder.model import load_encoder
from bitmill.system.errors import BitmillError

from . import tiny_encoder

PARTS = (
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense",
    "output.dense",
)  # fmt: skip


def test_a_folder_is_read_as_it_is(tmp_path):
    folder = tiny_encoder.write(tmp_path / "tiny")
    model = load_encoder(folder)
    assert model.name == "tiny"
    assert model.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert model.linear == tuple(f"encoder.layer.{index}.{part}" for index in range(2) for part in PARTS)
    for name, value in tiny_encoder.tensors().items():
        assert np.array_equal(model.weights[name], value)
    assert model.matrix("encoder.layer.1.output.dense").shape == (128, 256)
    assert model.tokens(["a b", "", "ax z"]) == [[2, 4, 5, 3], [2, 3], [2, 4, 12, 1, 3]]


def test_other_floating_types_become_float32_and_integers_are_left_out(tmp_path):
    weights: dict[str, np.ndarray] = {name: value.astype(np.float64) for name, value in tiny_encoder.tensors().items()}
    weights["embeddings.position_ids"] = np.arange(24)
    model = load_encoder(tiny_encoder.write(tmp_path / "wide", weights=weights))
    assert {value.dtype for value in model.weights.values()} == {np.dtype(np.float32)}
    assert "embeddings.position_ids" not in model.weights


def test_other_matrices_leave_the_rest_alone(tmp_path):
    model = load_encoder(tiny_encoder.write(tmp_path))
    (first, *others) = model.linear
    changed = model.with_matrices({first: np.zeros((128, 128), np.float32)})
    assert not changed.matrix(first).any()
    assert model.matrix(first).any()
    assert all(changed.matrix(name) is model.matrix(name) for name in others)
    assert changed.weights[f"{first}.bias"] is model.weights[f"{first}.bias"]


def test_sentence_longer_than_the_positions_is_refused(tmp_path):
    model = load_encoder(tiny_encoder.write(tmp_path))
    assert len(model.tokens(["a " * 22])[0]) == 24
    with pytest.raises(BitmillError, match="a position for each of 25 tokens of a sentence, not 24"):
        model.tokens(["a", "a " * 23])


def _changed(**changes):
    return {**tiny_encoder.tensors(), **changes}


def _without(name):
    return {key: value for key, value in tiny_encoder.tensors().items() if key != name}


QUERY = "encoder.layer.1.attention.self.query"
BAD = {
    "no layer 2": (
        {"facts": tiny_encoder.config(num_hidden_layers=3)},
        "3 layers must have a tensor encoder.layer.2.att",
    ),
    "no words": ({"weights": _without("embeddings.word_embeddings.weight")}, "must have a tensor embeddings.word_emb"),
    "NaN": (
        {"weights": _changed(**{f"{QUERY}.bias": np.full(128, np.nan, np.float32)})},
        f"{QUERY}.bias must be finite",
    ),
    "beyond": (
        {"weights": _changed(**{f"{QUERY}.bias": np.full(128, 1e300)})},
        f"{QUERY}.bias must be finite in float32",
    ),
    "overflow": (
        {"weights": _changed(**{"encoder.layer.1.output.dense.bias": np.linspace(-3e38, 3e38, 128, dtype=np.float32)})},
        "the encoder's output must be finite in float32",
    ),
    "shape": ({"weights": _changed(**{f"{QUERY}.weight": np.ones((128, 64), np.float32)})}, "do not fit together at"),
    "heads": ({"facts": tiny_encoder.config(num_attention_heads=5)}, "tensors do not fit together at"),
    "no heads": (
        {"facts": tiny_encoder.config(num_attention_heads=0)},
        "num_attention_heads must be a positive int, not 0",
    ),
    "text": (
        {"facts": tiny_encoder.config(num_hidden_layers="6")},
        "num_hidden_layers must be a positive int, not '6'",
    ),
    "activation": ({"facts": tiny_encoder.config(hidden_act="relu")}, "hidden_act must be 'gelu', not 'relu'"),
    "other JSON": ({"facts": {"hello": 1}}, "not the configuration of an encoder: no hidden_act"),
    "list": ({"facts": [1]}, "not the configuration of an encoder: "),
    "no start": ({"words": ("[UNK]", "[SEP]")}, r"a vocabulary must have the token \[CLS\]"),
    "too many words": ({"words": (*tiny_encoder.WORDS, "h")}, "must have at most 14 tokens, as the model has, not 15"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_one_line(tmp_path, case):
    given, message = BAD[case]
    tiny_encoder.write(tmp_path, **given)
    with pytest.raises(BitmillError, match=message) as info:
        load_encoder(tmp_path)
    assert "\n" not in str(info.value)
    assert str(info.value).startswith(str(tmp_path))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.txt"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe{", b"{}"])
def test_missing_and_foreign_files_are_one_line(tmp_path, name, content):
    tiny_encoder.write(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BitmillError, match=name) as info:
        load_encoder(tmp_path)
    assert "\n" not in str(info.value)


def test_truncated_weights_are_one_line(tmp_path):
    path = tiny_encoder.write(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BitmillError, match=r"model\.safetensors: not a whole safetensors file"):
        load_encoder(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"")
    with pytest.raises(
        BitmillError, match=r"model must be a folder with config\.json, model\.safetensors, vocab\.txt, not "
    ):
        load_encoder(path)
