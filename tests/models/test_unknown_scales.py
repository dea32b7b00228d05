"""Codes beside scales of names that nobody knows: never taken for weights, always listed with the reason."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill import BitmillError
from bitmill.models import load_matrix

REAL = np.ones((2, 128), np.float32)
F8 = np.ones((4, 128), ml_dtypes.float8_e4m3fn)
I8 = np.ones((4, 128), np.int8)

SCALES = [
    ("x.weight", "x.scales"),
    ("x.weight", "x.weight_scales"),
    ("x.weight", "x.weight.absmax"),
    ("x.weight", "x.weight_quantizer._amax"),
    ("x.weight", "x_scale"),
    ("x.weight._data", "x.weight._scale"),
    ("experts.up", "experts.up.scale"),
    ("experts.up_proj", "experts.up_proj_block_scales"),
    ("w", "w_absmax"),
    ("w", "scale"),
    ("dense/kernel:0", "dense/kernel_scale:0"),
]


@pytest.mark.parametrize(("name", "scale"), SCALES)
@pytest.mark.parametrize("include", [(), ("--include", ".")])
@pytest.mark.parametrize("codes", [F8, I8], ids=["F8", "I8"])
def test_left_alone_and_listed(tmp_path, cli, name, scale, include, codes):
    factors = REAL[0] if scale in ("scale", "x_scale") else REAL
    save_file({name: codes, scale: factors, "other.weight": REAL}, tmp_path / "m.safetensors")
    done = cli(
        "quantize", tmp_path / "m.safetensors", "--scheme", "int8", "--json", *include, "-o", tmp_path / "o.safetensors"
    )
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert name not in [row["name"] for row in told["tensors"]]
    why = {row["name"]: row["why"] for row in told["kept"]}
    wanted = f"FP8 beside {scale}, a scale or the like of unknown kind" if codes is F8 else "not floating-point but I8"
    assert why[name] == wanted
    if not include:
        assert [row["name"] for row in told["tensors"]] == ["other.weight"]


def test_none_of_them_is_read_as_a_matrix(tmp_path, refuses):
    save_file({"x.weight": F8, "x.scales": REAL}, tmp_path / "m.safetensors")
    line = refuses("quantize", tmp_path / "m.safetensors", "--scheme", "int8", "-o", tmp_path / "o.safetensors")
    assert "FP8 beside x.scales, a scale or the like of unknown kind" in line
    with pytest.raises(BitmillError, match=r"x\.weight: cannot be read: FP8 beside x\.scales, a scale"):
        load_matrix(f"{tmp_path / 'm.safetensors'}:x.weight", "weights")


def test_fp8_without_scales_are_weights(tmp_path, cli):
    tensors = {"x.weight": F8, "y.weight": F8, "y.bias": REAL[0], "z.weight": F8, "upscale.weight": F8}
    save_file(tensors, tmp_path / "m.safetensors")
    done = cli("quantize", tmp_path / "m.safetensors", "--scheme", "int8", "--json", "-o", tmp_path / "o.safetensors")
    assert [row["name"] for row in json.loads(done.out)["tensors"]] == [
        "upscale.weight", "x.weight", "y.weight", "z.weight"
    ]  # fmt: skip
