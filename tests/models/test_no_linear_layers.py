"""Parameters that are matrices but no linear layer's weights: left alone and listed unless they are asked for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bitmill.formats.block import get_block
from bitmill.models.model import Model
from bitmill.models.plan import plan_model
from bitmill.models.tensor import InMemory, Tensor

WHY = "no linear layer's weight by its name"


def plan(names, **patterns):
    tensors = {name: Tensor(name, "F32", (4, 8), InMemory(bytes(128))) for name in sorted(names)}
    options = {key: [re.compile(pattern)] for key, pattern in patterns.items()}
    return plan_model(Model(Path("model"), tensors), get_block("int4"), group=4, **options)


@pytest.mark.parametrize(
    "name",
    [
        "backbone.layers.0.mixer.A_log", "backbone.layers.0.mixer.D", "blocks.0.scale_shift_table", "scale_shift_table",
        "query_tokens", "qformer.query_tokens", "perceiver.latents", "latents", "blocks.0.attn.rel_pos_h",
        "blocks.0.attn.rel_pos_w", "encoder.pos", "quantizer.codebook.weight", "crf.transitions", "transitions",
        "text_projection", "visual.proj", "visual/proj", "rwkv.blocks.0.att.time_maa_w1", "model.x.weight._data",
    ],
)  # fmt: skip
def test_left_alone(name):
    found = plan([name, "h.0.mlp.fc1.weight"])
    assert {row.name: row.why for row in found.kept} == {name: WHY}
    assert [matrix.name for matrix, _ in found.work] == ["h.0.mlp.fc1.weight"]
    included = plan([name, "h.0.mlp.fc1.weight"], include="^" + re.escape(name) + "$")
    assert name in [matrix.name for matrix, _ in included.work]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("decoder.embed_positions.weights", "an embedding by its name"),
        ("model.x.weight._scale", "scales or the like by its name"),
        ("model.x.weight._shift", "scales or the like by its name"),
    ],
)
def test_left_alone_for_another_reason(name, why):
    found = plan([name, "h.0.mlp.fc1.weight"])
    assert {row.name: row.why for row in found.kept} == {name: why}


def test_a_name_without_a_module_is_free_where_nothing_else_is_in_modules():
    names = ["w", "a", "fc1", "narrow", "a.weight", "b/kernel:0"]
    assert not plan(names).kept
    deep = plan([*names, "h.0.mlp.fc1.weight"])
    assert {row.name for row in deep.kept} == {"a", "fc1", "narrow"}
    assert {row.why for row in deep.kept} == {WHY}


@pytest.mark.parametrize(
    "name",
    [
        "attn.in_proj_weight", "l.0.attn.q_proj_weight", "l.0.experts.w1", "l.0.experts.up_proj", "l.experts.weight3",
        "lstm.weight_ih_l0", "lstm.weight_hh_l1_reverse", "params/mlp/wi/kernel", "net/~/linear_1/w",
        "q.lora_A.default.weight", "text_projection.weight", "visual.proj.weight", "l.0.mixer.transition_proj.weight",
        "l.0.mlp.fc.weights", "l.x.parametrizations.weight.original",
    ],
)  # fmt: skip
def test_linear_layers(name):
    found = plan([name, "h.0.mlp.fc1.weight"])
    assert not found.kept
    assert np.sum([matrix.rows for matrix, _ in found.work]) == 8
