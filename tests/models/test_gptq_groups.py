"""GPTQ without ``g_idx``: where a group ends is what the configuration says, or what the shapes leave no doubt of."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.models import load_matrix, open_model
from bitmill.models.layouts import LeftAlone, recognised

OUT = 8


def save(path, length, groups, metadata=None):
    """Codes of 4 bits that are all 1, zero points 0, and scales that name the group."""
    scales = np.repeat(np.arange(1, groups + 1, dtype=np.float16)[:, None], OUT, axis=1)
    tensors = {
        "l.qweight": np.full((length // 8, OUT), 0x11111111, np.int32),
        # Version 1 stores zero points less one, modulo 16.
        "l.qzeros": np.full((groups, OUT // 8), -1, np.int32),
        "l.scales": scales,
    }
    save_file(tensors, path, metadata)
    return path


def groups_of(path):
    found = load_matrix(path, "weights")
    assert (found == found[0]).all()
    return [int(np.count_nonzero(found[0] == number)) for number in range(1, int(found.max()) + 1)]


@pytest.mark.parametrize("size", [64, 72])
@pytest.mark.parametrize("place", ["config.json", "quantize_config.json", "metadata"])
def test_ragged_last_group(tmp_path, place, size):
    path = save(tmp_path / "m.safetensors", 160, 3, {"group_size": str(size)} if place == "metadata" else None)
    facts = {"group_size": size}
    if place != "metadata":
        (tmp_path / place).write_text(json.dumps({"quantization_config": facts} if place == "config.json" else facts))
    assert groups_of(path) == [size, size, 160 - 2 * size]


@pytest.mark.parametrize(
    ("length", "groups", "told"),
    [(160, 3, None), (160, 3, 32), (160, 3, -1), (160, 3, "x"), (160, 3, True), (192, 2, None), (160, 2, None)],
)
def test_nothing_says_where_groups_end(tmp_path, length, groups, told):
    path = save(tmp_path / "m.safetensors", length, groups)
    if told is not None:
        (tmp_path / "quantize_config.json").write_text(json.dumps({"group_size": told}))
    (found,) = recognised(open_model(path))
    assert isinstance(found, LeftAlone)
    assert found.why == f"GPTQ without g_idx whose {groups} groups of {length} weights may be of several sizes"


@pytest.mark.parametrize(
    ("length", "groups", "told", "wanted"),
    [
        (256, 2, None, [128, 128]),
        (96, 3, None, [32, 32, 32]),
        (160, 1, -1, [160]),
        (160, 1, None, [160]),
        (192, 2, 128, [128, 64]),
        (192, 2, 96, [96, 96]),
        # One of several sizes in a model that says another one.
        (256, 4, 128, [64, 64, 64, 64]),
    ],
)
def test_groups_without_doubt(tmp_path, length, groups, told, wanted):
    path = save(tmp_path / "m.safetensors", length, groups)
    if told is not None:
        (tmp_path / "quantize_config.json").write_text(json.dumps({"group_size": told}))
    assert groups_of(path) == wanted
