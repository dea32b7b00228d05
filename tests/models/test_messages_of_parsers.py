"""What parsers of files say is told without addresses in memory and without advice for Python programmers."""

from __future__ import annotations

import json

import pytest

from bitmill import BitmillError
from bitmill.models import open_model
from bitmill.system.files.reading import read_json, reading

HEADERS = [
    "__import__('os').getcwd()",
    "{'descr': open('x'), 'fortran_order': False, 'shape': (1, 4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, f())}",
]


def refused(path):
    with pytest.raises(BitmillError) as error:
        open_model(path)
    message = str(error.value)
    assert "\n" not in message
    for word in ("0x", "object at", "sys.", "set_int", "allow_pickle", "max_header_size"):
        assert word not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_no_literal(tmp_path, header):
    text = header.encode().ljust(117) + b"\n"
    (tmp_path / "imp.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    assert "an expression, not a value" in refused(tmp_path / "imp.npy")


def test_a_header_that_is_too_long(tmp_path):
    text = b"{" + b" " * 20_000
    (tmp_path / "m.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    assert refused(tmp_path / "m.npy")


def test_an_integer_that_is_too_long(tmp_path):
    header = b'{"w": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 0]}}'
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert refused(path) == "not a whole safetensors file: an integer must have at most 4300 digits"
    (tmp_path / "m.json").write_text("9" * 5000)
    with pytest.raises(BitmillError, match=r"not a JSON file: an integer must have at most 4300 digits$"):
        read_json(tmp_path / "m.json", "a JSON file")


def test_other_messages_stay():
    with pytest.raises(BitmillError, match=r"^p: not a file: 0x10 and a Tensor of <f4$"), reading("p", "a file"):
        raise ValueError("0x10 and <some.where.Tensor object at 0x7f00aa> of <f4")
    with pytest.raises(BitmillError, match=r"^p: not a file: Expecting value"), reading("p", "a file"):
        json.loads("")
