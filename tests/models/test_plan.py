"""Which tensors are quantized and which way round they are; embeddings, norms and the like are left alone and listed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import get_block
from bitmill.models.linear import is_part
from bitmill.models.model import Model
from bitmill.models.orientation import orientations
from bitmill.models.plan import plan_model
from bitmill.models.tensor import InMemory, Tensor


def model(**shapes):
    """A model of F32 tensors whose values are their places; ``__`` in names stands for a dot."""
    tensors = {}
    for name, shape in shapes.items():
        name = name.replace("__", ".")
        values = np.arange(np.prod(shape), dtype=np.float32)
        tensors[name] = Tensor(name, "F32", shape, InMemory(values.tobytes()))
    return Model(Path("model"), dict(sorted(tensors.items())))


def plan(found, **patterns):
    return plan_model(found, get_block("int4"), group=4, **{k: [re.compile(p)] for k, p in patterns.items()})


ALONE = {
    "model.embed_tokens.weight": "an embedding by its name",
    "transformer.wte.weight": "an embedding by its name",
    "transformer.wpe.weight": "an embedding by its name",
    "bert.embeddings.position_embeddings.weight": "an embedding by its name",
    "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": "an embedding by its name",
    "shared.weight": "an embedding by its name",
    "vit.embeddings.position_table": "an embedding by its name",
    "pos_embed": "an embedding by its name",
    "lm_head.weight": "the output head by its name",
    "output.weight": "the output head by its name",
    "model.layers.0.input_layernorm.weight": "a norm by its name",
    "h.0.ln_1.weight": "a norm by its name",
    "model.norm.weight": "a norm by its name",
    "encoder.norm2.gamma": "a norm by its name",
    "model.layers.0.self_attn.q_norm.weight": "a norm by its name",
    "embed_tokens/embedding": "an embedding by its name",
    "mlp.experts.down_proj_bias": "a bias by its name",
    "mlp.dense.bias": "a bias by its name",
    "dense/bias:0": "a bias by its name",
    "mlp.up.scales": "scales or the like by its name",
    "mlp.up.weight_scale": "scales or the like by its name",
    "mlp.up.weight_scale_inv": "scales or the like by its name",
    "mlp.up.zeros": "scales or the like by its name",
    "mlp.up.weight.absmax": "scales or the like by its name",
    "mlp.up.zero_point": "scales or the like by its name",
    "mlp.up.SCB": "scales or the like by its name",
}


@pytest.mark.parametrize("name", ALONE)
def test_left_alone_by_name(name):
    found = plan(model(**{name: (4, 8), "mlp.up_proj.weight": (4, 8)}))
    assert [matrix.name for matrix, _ in found.work] == ["mlp.up_proj.weight"]
    assert {row.name: row.why for row in found.kept} == {name: ALONE[name]}
    if is_part(name):
        with pytest.raises(BitmillError, match="must have a matrix to quantize"):
            plan(model(**{name: (4, 8)}), include=".")
    else:
        included = plan(model(**{name: (4, 8)}), include="^" + re.escape(name))
        assert [matrix.name for matrix, _ in included.work] == [name]


@pytest.mark.parametrize(
    "name",
    [
        "w", "zero", "scale", "all_zero", "a_zeros", "transformer_blocks.0.norm1.linear.weight", "time_embedding.linear_1.weight",
        "mlp.shared_experts.up_proj.weight", "model.layers.0.mlp.shared_expert_gate.weight", "patch_embed.proj.weight",
        "model.layers.0.self_attn.q_proj.weight", "encoder.layer.0.attention.output.dense.weight",
        "bert.pooler.dense.weight", "vision_model.encoder.layers.0.mlp.fc1.weight", "model.layers.0.mlp.gate.weight",
        "layers.0.feed_forward.w1.weight", "classifier.weight", "decoder.output_layer.dense.weight", "dense/kernel:0",
        "lnx.weight", "model.layers.3.mixer.in_proj.weight",
    ],
)  # fmt: skip
def test_linear_layers_are_quantized(name):
    ((matrix, _),) = plan(model(**{name: (4, 8)})).work
    assert (matrix.name, matrix.rows, matrix.length, matrix.transposed) == (name, 4, 8, False)


def test_stacks_and_kernels():
    shapes = {
        "experts.up": (3, 2, 8),
        "conv1.weight": (2, 8, 4),
        "patch.weight": (2, 2, 2, 4),
        "v": (8,),
        "none": (0, 4),
    }
    found = plan(model(**shapes))
    assert [(matrix.name, matrix.rows, matrix.length) for matrix, _ in found.work] == [("experts.up", 6, 8)]
    assert {row.name: row.why for row in found.kept} == {
        "conv1.weight": "a convolution's kernel by its name", "patch.weight": "a convolution's kernel, 4 dimensions, not 2",
        "v": "1 dimension, not 2", "none": "empty",
    }  # fmt: skip
    found = plan(model(**shapes), include="conv|patch")
    assert [(matrix.name, matrix.rows, matrix.length) for matrix, _ in found.work] == [
        ("conv1.weight", 2, 32), ("experts.up", 6, 8), ("patch.weight", 2, 16)
    ]  # fmt: skip


def test_transposed_by_hand():
    ((matrix, facts),) = plan(model(w=(8, 2)), transpose="^w$").work
    np.testing.assert_array_equal(matrix.read(), np.arange(16).reshape(8, 2).T)
    assert facts.to_dict() == {"scheme": "int4", "group": 4, "shape": [8, 2], "matrix": [2, 8], "transposed": True}
    ((matrix, _),) = plan(model(w=(3, 8, 2)), transpose="^w$").work
    whole = np.arange(48).reshape(3, 8, 2)
    np.testing.assert_array_equal(matrix.read(), np.concatenate([whole[0].T, whole[1].T, whole[2].T]))
    # A block never has more weights than asked for, or a single row.
    assert [len(block) for block in matrix.blocks(1)] == [1] * 6
    np.testing.assert_array_equal(np.concatenate(list(matrix.blocks(1))), matrix.read())


def turned(**shapes):
    return {name for name, way in orientations(model(**shapes).tensors).items() if way.transposed}


def test_gpt2():
    names = ["h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight", "h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"]
    shapes = dict(zip(names, [(8, 24), (8, 8), (8, 32), (32, 8)], strict=True))
    biases = {name.replace("weight", "bias"): (shape[1],) for name, shape in shapes.items()}
    assert turned(**shapes) == turned(**shapes, **biases) == set(names)
    found = plan(model(**shapes, **biases))
    assert {(matrix.rows, matrix.length, matrix.layout) for matrix, _ in found.work} == {
        (24, 8, "Conv1D [in, out]"), (8, 8, "Conv1D [in, out]"), (32, 8, "Conv1D [in, out]"), (8, 32, "Conv1D [in, out]")
    }  # fmt: skip
    # One of them alone, of which nothing but the name says what it is.
    assert turned(**{"c_proj.weight": (8, 8)}) == {"c_proj.weight"}
    assert turned(**{"c_proj.weight": (32, 8)}) == {"c_proj.weight"}


def test_others_that_use_the_same_names():
    # GPT-BigCode, GPT-Neo and Qwen have plain linear layers [out, in] there.
    shapes = {
        "h.0.attn.c_attn.weight": (24, 8), "h.0.attn.c_proj.weight": (8, 8), "h.0.mlp.c_fc.weight": (32, 8),
        "h.0.mlp.c_proj.weight": (8, 32),
    }  # fmt: skip
    assert turned(**shapes) == set()
    biases = {name.replace("weight", "bias"): (shape[0],) for name, shape in shapes.items()}
    assert turned(**shapes, **biases) == set()
    # What a bias says goes before what the widths say.
    assert turned(**{"c_fc.weight": (32, 8), "c_fc.bias": (8,)}) == {"c_fc.weight"}


def test_kernels_of_keras():
    assert turned(**{"dense/kernel:0": (8, 16), "dense/bias:0": (16,), "square/kernel:0": (8, 8)}) == {
        "dense/kernel:0", "square/kernel:0"
    }  # fmt: skip
    assert turned(**{"dense/kernel:0": (8, 16)}) == set()
    ((matrix, _),) = plan(model(**{"dense/kernel:0": (4, 8)})).work
    assert matrix.layout == "kernel taken as [out, in]; --transpose if it is [in, out]"


@pytest.mark.parametrize("option", ["include", "transpose"])
def test_patterns_that_find_nothing(option):
    with pytest.raises(BitmillError, match=f"{option} must find a tensor's name, not 'x'"):
        plan(model(w=(4, 8)), **{option: "x"})
