"""Linear layers by a number system: against what is computed by hand, and a tiny encoder's own outputs."""

import numpy as np
import pytest

from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models.encoder.embeddings import embed
from bitmill.models.encoder.model import load_encoder
from bitmill.models.encoder.sentences import SentencePair
from bitmill.models.judged.encoder import JudgedEncoder
from bitmill.models.judged.linear_rule import Layers, LinearRule, rounded_by
from bitmill.tests.models import tiny_encoder

PAIRS = tuple(
    SentencePair("unrelated", first, second)
    for first, second in (("a b c", "b c d ."), ("e f", "g a"), ("ax by", "c d e"))
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return JudgedEncoder(load_encoder(tiny_encoder.write(tmp_path_factory.mktemp("tiny"))), PAIRS)


def test_rounding_is_per_row_and_fills_up_the_last_group():
    x = np.random.default_rng(1).normal(size=(5, 40)).astype(np.float32)
    found = rounded_by("mxfp4")(x)
    assert (found.shape, found.dtype) == ((5, 40), np.float32)
    np.testing.assert_array_equal(found[:, :32], dequantize(quantize_weights("mxfp4", x[:, :32])))
    # Eight numbers and 24 zeros share the last scale.
    largest = np.exp2(np.floor(np.log2(np.abs(x[:, 32:]).max(axis=1))) - 2)
    steps = found[:, 32:] / largest[:, None]
    assert set(np.unique(np.abs(steps))) <= {0, 0.5, 1, 1.5, 2, 3, 4, 6}
    np.testing.assert_array_equal(rounded_by("mxfp4")(x[2:3]), found[2:3])
    whole = rounded_by("int8_sym")(x)
    np.testing.assert_allclose(whole, x, atol=float(np.abs(x).max()) / 127)


def test_layers_quantize_weights_once_and_inputs_each_time():
    calls = []

    def weights(w):
        calls.append("weights")
        return np.rint(w)

    def inputs(x):
        calls.append("inputs")
        return np.rint(x)

    matrix = np.array([[1.4, -2.6], [0.4, 3.0]], np.float32)
    layers = Layers(LinearRule(weights=weights, inputs=inputs), lambda name: matrix)
    x = np.array([[0.6, 2.2]], np.float32)
    assert layers("one", x).tolist() == [[1 * 1 + 2 * -3, 1 * 0 + 2 * 3]]
    layers("one", x)
    assert calls == ["inputs", "weights", "inputs"]


def test_without_quantization_nothing_changes(judged):
    errors = judged.layer_errors(LinearRule())
    assert list(errors) == list(judged.model.linear)
    assert all(error == np.inf for error in errors.values())
    agreed = judged.agreement(LinearRule())
    assert (agreed.spearman, agreed.worst_change) == (pytest.approx(1), pytest.approx(0, abs=1e-6))


def test_errors_are_those_of_each_layers_outputs(judged):
    rule = LinearRule(weights=rounded_by("int4", group=32), inputs=rounded_by("mxfp8"))
    errors = judged.layer_errors(rule)
    for name in judged.model.linear[:3]:
        x, w = judged.inputs[name], judged.model.matrix(name)
        exact = x.astype(np.float64) @ w.T.astype(np.float64)
        given = dequantize(quantize_weights("mxfp8", x)) @ dequantize(quantize_weights("int4", w, group=32)).T
        wanted = 10 * np.log10(np.square(exact).sum() / np.square(given - exact).sum())
        assert errors[name] == pytest.approx(wanted, abs=1e-3)


def test_agreement_is_that_of_a_model_with_such_weights(judged):
    rounded = rounded_by("int4", group=32)
    model = judged.model
    other = model.with_matrices({name: rounded(model.matrix(name)) for name in model.linear})
    agreed = judged.agreement(LinearRule(weights=rounded))
    sequences = judged.sequences
    cosine = (embed(model, sequences) * embed(other, sequences)).sum(axis=1).mean()
    assert agreed.mean_cosine == pytest.approx(float(cosine), abs=1e-6)
    assert agreed.mean_cosine < 0.9999
    both = judged.agreement(LinearRule(weights=rounded, inputs=rounded_by("mxfp4")))
    assert both.mean_cosine < agreed.mean_cosine
