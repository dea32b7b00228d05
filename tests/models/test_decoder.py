"""A Llama-type decoder against a forward pass written token by token in float64, and the real one's perplexity."""

import math
from pydoc_data.topics import topics

import gguf
import numpy as np
import pytest

from bitmill.models.decoder import model as of_models
from bitmill.models.decoder.forward import BLOCK_LAYERS
from bitmill.models.decoder.model import load_decoder
from bitmill.models.decoder.perplexity import perplexity
from bitmill.system.errors import BitmillError

WIDTH, HEADS, KV_HEADS, INNER, BLOCKS, EPSILON, BASE = 16, 4, 2, 24, 2, 1e-5, 100.0
TOKENS = ["a", "b", "c", "\u0120", "ab", "1", "2"]
SHAPES = {
    "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH // 2, WIDTH), "attn_v": (WIDTH // 2, WIDTH), "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER),
}  # fmt: skip


def _tensors():
    rng = np.random.default_rng(5)
    found = {"token_embd.weight": rng.normal(size=(len(TOKENS), WIDTH)), "output_norm.weight": rng.uniform(1, 2, WIDTH)}
    for block in range(BLOCKS):
        found |= {f"blk.{block}.{part}_norm.weight": rng.uniform(0.5, 1.5, WIDTH) for part in ("attn", "ffn")}
        found |= {f"blk.{block}.{name}.weight": rng.normal(size=SHAPES[name]) / 4 for name in BLOCK_LAYERS}
    return {name: value.astype(np.float32) for name, value in found.items()}


def _write(path, tensors, **changes):
    writer = gguf.GGUFWriter(path, changes.get("architecture", "llama"))
    writer.add_block_count(BLOCKS)
    writer.add_embedding_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(changes.get("kv_heads", KV_HEADS))
    writer.add_layer_norm_rms_eps(changes.get("epsilon", EPSILON))
    writer.add_rope_freq_base(BASE)
    writer.add_tokenizer_model(changes.get("tokenizer", "gpt2"))
    writer.add_token_list(TOKENS)
    writer.add_token_merges(["a b"])
    for name, value in tensors.items():
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load_decoder(_write(tmp_path_factory.mktemp("gguf") / "tiny.gguf", _tensors()))


def _norm(x, weight):
    root = math.sqrt(sum(float(v) ** 2 for v in x) / len(x) + EPSILON)
    return np.array([float(v) / root * float(w) for v, w in zip(x, weight, strict=True)])


def _turned(head, position):
    out = []
    for pair in range(len(head) // 2):
        angle = position * BASE ** (-2 * pair / len(head))
        x, y = head[2 * pair], head[2 * pair + 1]
        out += [x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)]
    return np.array(out)


def _one_by_one(tensors, ids):
    """Logits of every token, with a cache of keys and values, as decoding would compute them."""
    w = {name: value.astype(np.float64) for name, value in tensors.items()}
    size, cache, logits = WIDTH // HEADS, {}, []
    for position, token in enumerate(ids):
        x = w["token_embd.weight"][token]
        for block in range(BLOCKS):
            part = {name: w[f"blk.{block}.{name}.weight"] for name in (*BLOCK_LAYERS, "attn_norm", "ffn_norm")}
            n = _norm(x, part["attn_norm"])
            q, k, v = (part[f"attn_{kind}"] @ n for kind in "qkv")
            keys, values = cache.setdefault(block, ([], []))
            keys.append([_turned(k[i * size : (i + 1) * size], position) for i in range(KV_HEADS)])
            values.append([v[i * size : (i + 1) * size] for i in range(KV_HEADS)])
            heads = []
            for head in range(HEADS):
                of = head * KV_HEADS // HEADS
                query = _turned(q[head * size : (head + 1) * size], position)
                scores = [math.exp(float(query @ past[of]) / math.sqrt(size)) for past in keys]
                heads.append(sum(s * past[of] for s, past in zip(scores, values, strict=True)) / sum(scores))
            x = x + part["attn_output"] @ np.concatenate(heads)
            n = _norm(x, part["ffn_norm"])
            gate = part["ffn_gate"] @ n
            x = x + part["ffn_down"] @ (gate / (1 + np.exp(-gate)) * (part["ffn_up"] @ n))
        logits.append(w["token_embd.weight"] @ _norm(x, w["output_norm.weight"]))
    return np.array(logits)


def test_logits_are_those_of_decoding_token_by_token(tiny):
    ids = np.array([0, 4, 2, 3, 6, 1, 5, 0, 2])
    expected = _one_by_one(_tensors(), ids)
    np.testing.assert_allclose(tiny.logits(ids), expected, rtol=1e-4, atol=1e-4)
    shifted = expected[:-1] - np.log(np.exp(expected[:-1]).sum(axis=1, keepdims=True))
    wanted = math.exp(-np.mean([row[token] for row, token in zip(shifted, ids[1:], strict=True)]))
    assert perplexity(tiny, ids) == pytest.approx(wanted, rel=1e-4)


def test_every_linear_layer_goes_through_the_hook_in_order(tiny):
    seen = []

    def doubled(name, x):
        seen.append(name)
        return x @ tiny.matrix(name).T

    ids = np.array([0, 1, 2])
    np.testing.assert_array_equal(tiny.logits(ids, linear=doubled), tiny.logits(ids))
    assert tuple(seen) == tiny.config.layers
    nothing = perplexity(tiny, ids, linear=lambda name, x: np.full((len(x), SHAPES[name[6:]][0]), np.nan, np.float32))
    assert nothing == math.inf
    with pytest.raises(ValueError, match="at least 2 tokens, not 1"):
        perplexity(tiny, ids[:1])


def test_digits_stand_alone_and_merges_are_those_of_the_file(tiny):
    assert tiny.tokens("ab12 c").tolist() == [4, 5, 6, 3, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "phi"}, "general.architecture must be 'llama', not 'phi'"),
        ({"kv_heads": 3}, "heads must divide the 16 channels and be a multiple of the 3 of keys, not 4"),
        ({"tokenizer": "llama"}, "tokenizer.ggml.model must be 'gpt2', byte-level BPE, not 'llama'"),
        ({"epsilon": float("inf")}, "llama.attention.layer_norm_rms_epsilon must be a positive float, not inf"),
        ({"kv_heads": 0}, "llama.attention.head_count_kv must be a positive int, not 0"),
    ],
)
def test_other_models_are_one_line(tmp_path, changes, message):
    path = _write(tmp_path / "other.gguf", _tensors(), **changes)
    with pytest.raises(BitmillError) as refused:
        load_decoder(path)
    assert str(refused.value) == f"{path}: {message}"


def test_files_that_are_no_model_are_one_line(tmp_path):
    tensors = _tensors()
    del tensors["blk.1.ffn_up.weight"]
    with pytest.raises(BitmillError, match=r"a decoder of 2 blocks must have a tensor blk\.1\.ffn_up\.weight$"):
        load_decoder(_write(tmp_path / "less.gguf", tensors))
    tensors = _tensors()
    tensors["blk.0.attn_q.weight"] = tensors["blk.0.attn_q.weight"][:-1]
    with pytest.raises(BitmillError, match=r"blk\.0\.attn_q\.weight must be of shape \[16, 16\], not \[15, 16\]$"):
        load_decoder(_write(tmp_path / "shape.gguf", tensors))
    tensors["blk.0.attn_q.weight"] = np.full((16, 16), np.nan, np.float32)
    with pytest.raises(BitmillError, match=r"blk\.0\.attn_q\.weight must be finite in float32$"):
        load_decoder(_write(tmp_path / "nan.gguf", tensors))
    whole = (_write(tmp_path / "whole.gguf", _tensors())).read_bytes()
    for name, data in (("empty", b""), ("text", b"weights of a model"), ("cut", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BitmillError, match=r"not a GGUF file that can be read: .+") as refused:
            load_decoder(tmp_path / name)
        assert "\n" not in str(refused.value)
    with pytest.raises(BitmillError, match="cannot be read"):
        load_decoder(tmp_path / "none.gguf")


def test_missing_packages_are_one_line(monkeypatch):
    monkeypatch.setattr(of_models, "find_spec", lambda name: None)
    with pytest.raises(
        BitmillError, match=r"^language models need the package gguf: pip install 'bitmill\[language\]'$"
    ):
        load_decoder("x.gguf")


@pytest.mark.long
def test_perplexity_of_smollm2_on_the_standard_librarys_topics():
    """20.72 by an independent implementation; the same text as there: four topics joined by blanks, 512 tokens."""
    smol = load_decoder()
    text = " ".join(topics[name] for name in ("class", "function", "try", "with"))
    assert perplexity(smol, smol.tokens(text)[:512]) == pytest.approx(20.72, abs=0.005)
