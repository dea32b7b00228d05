"""A made-up encoder of two layers in a folder, such as a user would give."""

import json

import numpy as np
from safetensors.numpy import save_file

HIDDEN, INNER, LAYERS, POSITIONS = 128, 256, 2, 24
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "e", "f", "g", ".", "##x", "##y")


def tensors(seed=5):
    rng = np.random.default_rng(seed)
    found = {
        "embeddings.word_embeddings.weight": rng.normal(0, 1, (len(WORDS), HIDDEN)),
        "embeddings.position_embeddings.weight": rng.normal(0, 0.3, (POSITIONS, HIDDEN)),
        "embeddings.token_type_embeddings.weight": rng.normal(0, 0.1, (2, HIDDEN)),
    }
    norms = ["embeddings"]
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        shapes = {
            f"attention.{part}": (HIDDEN, HIDDEN) for part in ("self.query", "self.key", "self.value", "output.dense")
        }
        shapes |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
        for part, (out, length) in shapes.items():
            found[f"{layer}.{part}.weight"] = rng.standard_t(4, (out, length)) / np.sqrt(length)
            found[f"{layer}.{part}.bias"] = rng.normal(0, 0.1, out)
        norms += [f"{layer}.attention.output", f"{layer}.output"]
    for name in norms:
        found[f"{name}.LayerNorm.weight"] = rng.normal(1, 0.1, HIDDEN)
        found[f"{name}.LayerNorm.bias"] = rng.normal(0, 0.1, HIDDEN)
    return {name: value.astype(np.float32) for name, value in found.items()}


def config(**changes):
    return {
        "hidden_act": "gelu", "position_embedding_type": "absolute", "num_hidden_layers": LAYERS,
        "num_attention_heads": 4, "layer_norm_eps": 1e-12, **changes,
    }  # fmt: skip


def write(folder, *, weights=None, facts=None, words=WORDS):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors() if weights is None else weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config() if facts is None else facts))
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return folder
