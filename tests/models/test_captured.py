"""What is captured of an encoder: the right inputs, scales of other texts, masks, and nothing computed twice."""

import math

import numpy as np
import pytest

from bitmill.models.captured import capture as captured
from bitmill.models.captured import make_captured
from bitmill.models.captured.real import real_output, real_values
from bitmill.models.captured.rows import Rows, of_unit, scale_of, to_codes, unit_named
from bitmill.models.encoder.model import load_encoder
from bitmill.models.encoder.sentences import SentencePair
from bitmill.models.sample.forward import encode, pad, record_inputs
from bitmill.system.errors import BitmillError
from bitmill.tests.models import tiny_encoder


def pair(index):
    """Of words that pairs of the other parity have none of."""
    words = "abc" if index % 2 == 0 else "defg"
    return SentencePair(
        "sense",
        " ".join(words[(index + k) % len(words)] for k in range(3 + index % 4)),
        " ".join(words[(3 * index + k * k) % len(words)] for k in range(4)),
    )


PAIRS = [pair(index) for index in range(40)]
LENGTH = 16


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / "cache"))
    return load_encoder(tiny_encoder.write(tmp_path / "tiny"))


def seen_by(model, batch):
    """Inputs of the units and of the linear layers after them, and the mask."""
    ids, mask = pad(batch)
    units = {}
    encode(model.weights, model.config, ids, mask, nonlinear_hook=lambda name, x: units.update({name: x.copy()}))
    return units, record_inputs(model.weights, model.config, ids, mask)[1], mask


def test_the_hook_sees_what_the_units_are_given(model):
    units, linear, mask = seen_by(model, [[2, 4, 5, 6, 3], [2, 7, 3]])
    assert list(units) == [
        "embeddings.LayerNorm",
        *(
            f"encoder.layer.{layer}.{part}"
            for layer in range(2)
            for part in (
                "attention.self.softmax",
                "attention.output.LayerNorm",
                "intermediate.gelu",
                "output.LayerNorm",
            )
        ),
    ]
    layer = "encoder.layer.1"
    x = units[f"{layer}.intermediate.gelu"][mask].astype(float)
    wanted = x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    np.testing.assert_allclose(linear[f"{layer}.output.dense"], wanted, atol=1e-5)
    x = units["encoder.layer.0.output.LayerNorm"][mask].astype(float)
    normalized = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    gamma, beta = (model.weights[f"encoder.layer.0.output.LayerNorm.{part}"] for part in ("weight", "bias"))
    np.testing.assert_allclose(linear[f"{layer}.attention.self.query"], normalized * gamma + beta, atol=1e-4)
    states = linear[f"{layer}.attention.self.query"]
    query, key = (
        states @ model.matrix(f"{layer}.attention.self.{part}").T + model.weights[f"{layer}.attention.self.{part}.bias"]
        for part in ("query", "key")
    )
    # Head 1 of four has channels 32 to 63; the first text's tokens come first.
    wanted = query[:5, 32:64] @ key[:5, 32:64].T / math.sqrt(32)
    np.testing.assert_allclose(units[f"{layer}.attention.self.softmax"][0, 1], wanted, atol=1e-4)


@pytest.fixture
def batches(model, monkeypatch):
    """The two batches of token ids that a capture ran, calibration first."""
    ran = []

    def noted(weights, config, ids, mask, **hooks):
        ran.append([row[real].tolist() for row, real in zip(ids, mask, strict=True)])
        return encode(weights, config, ids, mask, **hooks)

    monkeypatch.setattr(captured, "encode", noted)
    return ran


def test_scales_are_of_texts_that_are_not_judged(model, batches):
    rows = captured.capture(model, PAIRS, length=LENGTH, texts=2, queries=3, tokens=5)
    calibrating, judged = batches
    words = [{tiny_encoder.WORDS[token] for text in batch for token in text[1:-1]} for batch in batches]
    assert words == [set("abc."), set("defg.")]
    assert [len(text) for text in judged] == [len(text) for text in calibrating] == [16, 14]
    assert all(text[0] == 2 and text[-1] == 3 for text in (*calibrating, *judged))
    units, _, mask = seen_by(model, calibrating)
    given, _, real = seen_by(model, judged)
    names = {"embeddings": "embeddings.LayerNorm"}
    for layer in range(2):
        names |= {f"layer {layer}, after {part}": f"encoder.layer.{layer}.{name}.LayerNorm"
                  for part, name in (("attention", "attention.output"), ("feed-forward", "output"))}  # fmt: skip
    assert [found.place for found in of_unit(rows, "layernorm")] == list(names)
    for found in of_unit(rows, "layernorm"):
        name = names[found.place]
        assert found.scale == pytest.approx(np.abs(units[name][mask]).max() / 127)
        gamma, beta = (model.weights[f"{name}.{part}"] for part in ("weight", "bias"))
        x = units[name][mask].astype(float)
        output = gamma * (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) + beta
        assert found.output_scale == pytest.approx(np.abs(output).max() / 127, rel=1e-4)
        np.testing.assert_array_equal(found.gamma, gamma)
        np.testing.assert_array_equal(found.beta, beta)
        # Five of thirty tokens: number floor(i * 30 / 5).
        wanted = np.clip(np.round(given[name][real][::6] / found.scale), -128, 127)
        np.testing.assert_array_equal(found.codes, wanted)
    for layer, found in enumerate(of_unit(rows, "gelu")):
        x = units[f"encoder.layer.{layer}.intermediate.gelu"]
        assert found.scale == pytest.approx(np.abs(x[mask]).max() / 127)
        assert found.codes.shape == (5, 256)
        assert 0 < found.input_error < found.scale


def test_softmax_rows_are_of_real_queries_and_mask_padding(model, batches):
    rows = captured.capture(model, PAIRS, length=LENGTH, texts=2, queries=3, tokens=5)
    units, _, mask = seen_by(model, batches[0])
    given, _, _ = seen_by(model, batches[1])
    for layer, found in enumerate(of_unit(rows, "softmax")):
        assert found.codes.shape == (2 * 4 * 3, 16)
        assert found.mask.sum(axis=1).tolist() == [16] * 12 + [14] * 12
        assert found.mask[12].tolist() == [True] * 14 + [False] * 2
        scores = units[f"encoder.layer.{layer}.attention.self.softmax"]
        largest = max(np.abs(scores[text][:, :length, :length]).max() for text, length in enumerate(mask.sum(axis=1)))
        assert found.scale == pytest.approx(largest / 127)
        # Queries 0, 4 and 9 of the second text's 14, head 2.
        wanted = given[f"encoder.layer.{layer}.attention.self.softmax"][1, 2][[0, 4, 9]] / found.scale
        np.testing.assert_array_equal(found.codes[12 + 6 : 12 + 9], np.clip(np.round(wanted), -128, 127))


def test_scales_see_no_padding(tmp_path, model, batches):
    """The shortest of these texts are mostly padding, whose scores are greater than any real token's in one of the layers."""
    model = load_encoder(tiny_encoder.write(tmp_path / "other", weights=tiny_encoder.tensors(seed=6)))
    rows = captured.capture(model, PAIRS, length=24, texts=7)
    units, _, mask = seen_by(model, batches[0])
    assert mask.sum(axis=1).tolist() == [24, 21, 18, 15, 12, 9, 6]
    passed = 0
    for layer, found in enumerate(of_unit(rows, "softmax")):
        scores = np.abs(units[f"encoder.layer.{layer}.attention.self.softmax"])
        largest = max(scores[text][:, :length, :length].max() for text, length in enumerate(mask.sum(axis=1)))
        assert found.scale == pytest.approx(largest / 127)
        passed += scores.max() > largest
    assert passed


def test_nothing_is_computed_twice(model, monkeypatch):
    first = captured.capture(model, PAIRS, length=LENGTH, texts=2)
    monkeypatch.setattr(captured, "encode", lambda *_, **__: pytest.fail("computed again"))
    again = captured.capture(model, PAIRS, length=LENGTH, texts=2)
    for one, other in zip(first, again, strict=True):
        assert (one.function, one.place, one.scale, one.output_scale) == (
            other.function,
            other.place,
            other.scale,
            other.output_scale,
        )
        assert np.array_equal(one.codes, other.codes)
        assert np.array_equal(one.mask, other.mask)
        assert np.array_equal(one.gamma, other.gamma)


def test_texts_that_cannot_be_had_are_refused(model):
    with pytest.raises(BitmillError, match=r"length must be from 3 to the model's 24 positions, not 25$"):
        captured.capture(model, PAIRS, length=25)
    with pytest.raises(BitmillError, match="must have tokens for 4 texts of up to 24, not these few"):
        captured.capture(model, PAIRS[:4], length=24)


def test_codes_saturate_and_round_to_even():
    assert to_codes(np.array([0.5, 1.5, -0.5, 127.4, 1000.0, -1000.0]), 1.0).tolist() == [0, 2, 0, 127, 127, -128]
    assert scale_of(254.0) == 2.0
    assert scale_of(0.0) == 1.0
    assert unit_named("gelu") == "gelu"
    with pytest.raises(BitmillError, match="unit must be one of softmax, gelu, layernorm, not 'relu'"):
        unit_named("relu")


def test_real_units_of_degenerate_rows():
    flat = Rows(
        function="layernorm", place="flat", scale=0.5, codes=np.array([[3, 3, 3], [1, 2, 3]], dtype=np.int8),
        gamma=np.array([1.0, 2.0, 3.0]), beta=np.array([4.0, 5.0, 6.0]),
    )  # fmt: skip
    found = real_values(flat)
    assert found[0].tolist() == [4.0, 5.0, 6.0]
    np.testing.assert_allclose(found[1], [4 - math.sqrt(1.5), 5.0, 6 + 3 * math.sqrt(1.5)])
    masked = Rows(
        function="softmax", place="", scale=1.0, codes=np.array([[0, 0, 9]], dtype=np.int8), kept=np.array([2])
    )
    assert real_values(masked).tolist() == [[0.5, 0.5, 0.0]]
    np.testing.assert_allclose(real_output(masked, np.array([[math.log(3), 0.0, 9.0]])), [[0.75, 0.25, 0.0]])


@pytest.mark.long
def test_the_committed_rows_are_those_of_the_model():
    found, committed = make_captured.sample(), captured.committed_rows()
    for one, other in zip(found, committed, strict=True):
        assert (one.function, one.place) == (other.function, other.place)
        assert one.scale == pytest.approx(other.scale, rel=1e-5)
        assert one.output_scale == pytest.approx(other.output_scale, rel=1e-5)
        apart = np.abs(one.codes.astype(int) - other.codes)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 1e-3
        assert np.array_equal(one.mask, other.mask)
        assert np.array_equal(one.gamma, other.gamma)
        assert np.array_equal(one.beta, other.beta)
