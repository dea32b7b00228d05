"""Stacks of experts: grouped along the inputs of each matrix, whichever way round the file has it."""

from __future__ import annotations

import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.formats.block import get_block
from bitmill.models import load_matrix, open_model
from bitmill.models.plan import plan_model

UP, DOWN = "m.mlp.experts.gate_up_proj", "m.mlp.experts.down_proj"


def planned(tmp_path, shapes, dtype: Any = np.float32, **patterns):
    tensors = {name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape).astype(dtype)
               for name, shape in shapes.items()}  # fmt: skip
    save_file(tensors | {"l.weight": np.ones((1, 4), np.float32)}, tmp_path / "m.safetensors")
    options = {key: [re.compile(pattern)] for key, pattern in patterns.items()}
    plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block("int8"), group=4, **options)
    found = {matrix.name: (matrix.rows, matrix.length) for matrix, _ in plan.work if matrix.name != "l.weight"}
    return found, {row.name: row.why for row in plan.kept if not row.name.endswith("bias")}


BIASES = {f"{UP}_bias": (2, 32), f"{DOWN}_bias": (2, 8)}


@pytest.mark.parametrize("biases", [{}, BIASES])
@pytest.mark.parametrize("suffix", ["", ".weight"])
def test_in_out_as_gpt_oss_and_llama_4(tmp_path, biases, suffix):
    found, kept = planned(
        tmp_path, {UP + suffix: (2, 8, 32), DOWN + suffix: (2, 16, 8)} | (biases if not suffix else {})
    )
    assert found == {UP + suffix: (64, 8), DOWN + suffix: (16, 16)}
    assert not kept
    whole = np.arange(512).reshape(2, 8, 32)
    spec = f"{tmp_path / 'm.safetensors'}:{UP}{suffix}[1]"
    np.testing.assert_array_equal(load_matrix(spec, "weights"), whole[1].T)


def test_out_in_as_others(tmp_path):
    assert planned(tmp_path, {UP: (2, 32, 8), DOWN: (2, 8, 16)}) == ({UP: (64, 8), DOWN: (16, 16)}, {})


def test_square_matrices_follow_their_pair(tmp_path):
    assert planned(tmp_path, {UP: (2, 8, 16), DOWN: (2, 8, 8)})[0] == {UP: (32, 8), DOWN: (16, 8)}
    plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block("int8"), group=4)
    assert {matrix.name for matrix, _ in plan.work if matrix.transposed} == {UP, DOWN}
    planned(tmp_path, {UP: (2, 16, 16), DOWN: (2, 16, 8)})
    plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block("int8"), group=4)
    assert not [matrix.name for matrix, _ in plan.work if matrix.transposed]


def test_a_bias_decides_for_any_stack(tmp_path):
    name = "m.experts.up.weight"
    assert planned(tmp_path, {name: (2, 8, 12), "m.experts.up.bias": (2, 12)})[0] == {name: (24, 8)}
    assert planned(tmp_path, {name: (2, 8, 12), "m.experts.up.bias": (2, 8)})[0] == {name: (16, 12)}
    assert planned(tmp_path, {UP: (2, 8, 12), f"{UP}_bias": (2, 12)})[0] == {UP: (24, 8)}


@pytest.mark.parametrize("shapes", [{UP: (2, 8, 12)}, {UP: (2, 8, 12), DOWN: (2, 12, 8)}, {DOWN: (2, 8, 8)}])
def test_what_no_shape_tells_is_left_alone(tmp_path, shapes):
    why = "a stack of experts [in, out] or [out, in], which no shape tells: --transpose or --include"
    assert planned(tmp_path, shapes) == ({}, dict.fromkeys(shapes, why))
    name, (_, first, last) = next(iter(shapes.items()))
    assert planned(tmp_path, shapes, include=name)[0] == {name: (2 * first, last)}
    assert planned(tmp_path, shapes, transpose=name)[0] == {name: (2 * last, first)}


def test_fp8_with_scales(tmp_path):
    shapes = {UP: (2, 8, 32), DOWN: (2, 16, 8), f"{UP}_scale": (2, 1, 1), f"{DOWN}_scale": (2, 1, 1)}
    found, kept = planned(tmp_path, shapes, ml_dtypes.float8_e4m3fn)
    assert not found
    assert kept[UP] == "FP8 with a scale, stack [in, out]"
