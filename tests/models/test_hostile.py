"""Files that are damaged, endless, huge or made to do harm: the right tensor or one line, in bounded memory and time."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections import Counter

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from bitmill.models import load_matrix, open_model
from bitmill.system.errors import BitmillError

from .hostile import MATRIX, damaged, read_all, samples

SEED = 20261130
MB = 1 << 20


@pytest.mark.parametrize("name", samples())
def test_damaged_files(tmp_path, name):
    rng, content, found = random.Random(f"{SEED} {name}"), samples()[name], Counter()
    (tmp_path / "plain.safetensors").write_bytes(samples()["plain.safetensors"])
    tracemalloc.start()
    with np.errstate(all="ignore"):
        for _ in range(60):
            (tmp_path / name).write_bytes(damaged(content, rng))
            found += read_all(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MB
    assert found["open refused"] > 20
    # Undamaged, it is read.
    (tmp_path / name).write_bytes(content)
    assert read_all(tmp_path / name)["open"] == 1


def header(entries, data=b"", **extra):
    text = (entries if isinstance(entries, str) else json.dumps({**entries, **extra})).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**facts):
    return {"w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]} | facts}


W = '{"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}'
SAFETENSORS = {
    "a header of exabytes": (b"\xff" * 8 + b"{}", "its header must have at most"),
    "a header beyond the end": ((1000).to_bytes(8, "little") + b"{}", "it declares 1000 bytes"),
    "deep": (header("[" * 200_000), "nested too deeply"),
    "deep objects": (header('{"a":' * 200_000), "nested too deeply"),
    "a list": (header("[]"), "its JSON must be an object"),
    "NaN": (header('{"w": NaN}'), "numbers must be finite, not NaN"),
    "Infinity": (header('{"__metadata__": {"a": Infinity}}'), "numbers must be finite, not Infinity"),
    "a huge integer": (header('{"w": ' + "9" * 5000 + "}"), "digits"),
    "a huge float": (header(entry(shape=[1, 1e300]), bytes(8)), "shape must be at most 32 whole numbers"),
    "not UTF-8": ((2).to_bytes(8, "little") + b"\xff\xfe", "utf-8"),
    "twice": (header(f'{{"w": {W}, "w": {W}}}', bytes(8)), "names must be unique, not 'w' twice"),
    "negative": (header(entry(shape=[-1, -2]), bytes(8)), "shape must be at most 32 whole numbers from 0"),
    "a truth": (header(entry(shape=[True, 2]), bytes(8)), "shape must be at most 32 whole numbers from 0"),
    "a text": (header(entry(shape="12"), bytes(8)), "shape must be at most 32 whole numbers from 0"),
    "terabytes": (header(entry(shape=[1 << 20, 1 << 20], data_offsets=[0, 1 << 42])), "it declares 4398046511104 bytes"),
    "a product beyond 64 bits": (header(entry(shape=[1 << 62, 1 << 62]), bytes(8)), "must not have 8 bytes"),
    "backwards": (header(entry(data_offsets=[8, 0]), bytes(8)), "two ascending whole numbers"),
    "too few bytes": (header(entry(shape=[1, 3]), bytes(8)), "F32 of shape [1, 3] must not have 8 bytes"),
    "overlapping": (header(entry(), bytes(12), v={"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}), "at byte 8"),
    "a hole": (header(entry(data_offsets=[4, 12]), bytes(12)), "must begin at byte 0"),
    "more at the end": (header(entry(), bytes(9)), "bytes as its header says, not"),
    "an unknown type": (header(entry(dtype="F33"), bytes(8)), "dtype must be one of"),
    "no type": (header({"w": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "must have dtype, shape and data_offsets"),
    "numbers as metadata": (header(entry(), bytes(8), __metadata__={"a": 1}), "metadata must be texts"),
    "many dimensions": (header(entry(shape=[1] * 40 + [2]), bytes(8)), "shape must be at most 32 whole numbers"),
    "a long name": (header({"w" * 100_000: {}}), "must have dtype, shape and data_offsets, not {}"),
}  # fmt: skip


@pytest.mark.parametrize("what", SAFETENSORS)
def test_safetensors(tmp_path, what):
    content, message = SAFETENSORS[what]
    refused(tmp_path / "m.safetensors", content, message)


def refused(path, content, message, most=4 * MB):
    path.write_bytes(content)
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(BitmillError) as caught:
        load_matrix(path, "weights")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(caught.value)
    assert message in text, text
    assert text.startswith(f"weights: {path}: not a whole "), text
    assert "\n" not in text
    assert len(text) < 800
    assert peak < most + 3 * len(content)
    assert time.perf_counter() - started < 5


def npy(description, data=b"", version=b"\x01\x00"):
    text = description.encode() if isinstance(description, str) else repr(description).encode()
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def array(**facts):
    return {"descr": "<f4", "fortran_order": False, "shape": (1, 2)} | facts


NPY = {
    "terabytes": (npy(array(shape=(1 << 20, 1 << 22))), "it declares 17592186044416 bytes"),
    "beyond 64 bits": (npy(array(shape=(1 << 62, 1 << 62))), "it declares"),
    "negative": (npy(array(shape=(-1, -2)), bytes(8)), "shape must be at most 32 whole numbers"),
    "short": (npy(array(), bytes(7)), "it declares 8 bytes"),
    "a header of gigabytes": (npy("x", version=b"\x02\x00")[:8] + b"\xff" * 4, ""),
    "deep": (npy("(" * 9000), ""),
    "minus": (npy("-" * 9000 + "1"), ""),
    "code": (npy("__import__('os').system('true')"), ""),
    "objects": (npy(array(descr="|O"), b"\x80\x04N."), "Python objects, which are never loaded"),
    "no type": (npy(array(descr="<f9"), bytes(8)), ""),
    "version": (npy(array(), bytes(8), version=b"\x07\x00"), "version of its header must be 1.0 or 2.0, not 7.0"),
    "a warning": (npy("{'descr': '\\d'}"), ""),
}


@pytest.mark.parametrize("what", NPY)
def test_npy(tmp_path, what):
    content, message = NPY[what]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(tmp_path / "a.npy", content, message)


def archive(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as found:
        warnings.simplefilter("ignore")
        for name, content in members:
            found.writestr(name, content)
    return buffer.getvalue()


def bomb(size):
    """An array of zeros of ``size`` bytes, which a thousandth of them can say."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found, found.open("w.npy", "w") as member:
        member.write(npy(array(shape=(1, size // 4))))
        for _ in range(size // MB):
            member.write(bytes(MB))
    return buffer.getvalue()


def test_npz(tmp_path):
    whole = npy(array(), MATRIX[0, :2].tobytes())
    cases = [
        (bomb(128 * MB), "must be at most 100 times as big as its"),
        (archive([("w.npy", npy(array(shape=(1 << 30, 1 << 12))))]), "declares 17592186044416 bytes, but has 0"),
        (archive([("w.npy", whole), ("w.npy", whole)]), "names must be unique, not 'w' twice"),
        (archive([("w.npy", whole)], zipfile.ZIP_LZMA), "must be stored or deflated"),
        (archive([("w.npy", b"no array")]), ""),
        (b"PK\x03\x04" + bytes(50), ""),
        (b"", ""),
    ]
    for content, message in cases:
        refused(tmp_path / "a.npz", content, message)
    good = bytearray(archive([("w.npy", npy(array(shape=(64, 64)), np.random.default_rng(3).bytes(1 << 14)))]))
    good[4000:4010] = bytes(10)
    refused(tmp_path / "a.npz", bytes(good), "")
    # A member that says that it is encrypted.
    flagged = bytearray(archive([("w.npy", whole)], zipfile.ZIP_STORED))
    flagged[flagged.index(b"PK\x01\x02") + 8] |= 1
    flagged[6] |= 1
    refused(tmp_path / "a.npz", bytes(flagged), "")


def test_zeros_are_no_bomb_when_there_are_few(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", w=np.zeros((1000, 1000)))
    assert not load_matrix(tmp_path / "a.npz", "weights").any()


def test_what_is_no_regular_file(tmp_path, refuses, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for ending in ("npy", "npz", "safetensors", "safetensors.index.json"):
        os.mkfifo(tmp_path / f"pipe.{ending}")
        (tmp_path / f"zero.{ending}").symlink_to("/dev/zero")
        (tmp_path / f"loop.{ending}").symlink_to(f"loop.{ending}")
        (tmp_path / f"none.{ending}").symlink_to("nothing")
        for name, words in (("pipe", "not a named pipe"), ("zero", "not a device")):
            with pytest.raises(BitmillError, match=f"{name}.{ending}: must be a regular file, {words}"):
                load_matrix(f"{name}.{ending}", "weights")
            assert f"{name}.{ending}: must be a" in refuses(
                "quantize", f"{name}.{ending}", "--scheme", "int4", "-o", "o"
            )
        for name in ("loop", "none"):
            line = refuses("quantize", f"{name}.{ending}", "--scheme", "int4", "-o", "o")
            assert line.startswith(f"{name}.{ending}: cannot be read: ")
    assert refuses("quantize", "/dev/zero", "--scheme", "int4", "-o", "o").startswith("/dev/zero: ")


@pytest.mark.parametrize("name", ["a\0b.npy", "x" * 5000 + ".npy", "a.npy/b.npy", "\ud800.npy", ""])
def test_paths_that_cannot_be(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(b"")
    with pytest.raises(BitmillError) as caught:
        load_matrix(name, "weights")
    assert len(str(caught.value)) < 1000
    with pytest.raises(BitmillError):
        open_model(name)


INDEXES = {
    "deep": ("[" * 200_000, "nested too deeply"),
    "no map": ("{}", "its weight_map must be the file of every tensor"),
    "numbers": ('{"weight_map": {"w": 1}}', "its weight_map must be the file of every tensor"),
    "elsewhere": (
        '{"weight_map": {"w": "../m.safetensors"}}',
        "its files must be names of safetensors files beside it",
    ),
    "absolute": ('{"weight_map": {"w": "/etc/passwd"}}', "its files must be names of safetensors files beside it"),
    "NaN": ('{"weight_map": NaN}', "numbers must be finite"),
    "twice": ('{"weight_map": {"w": "a.safetensors", "w": "a.safetensors"}}', "names must be unique"),
}


@pytest.mark.parametrize("what", INDEXES)
def test_indexes(tmp_path, what):
    content, message = INDEXES[what]
    refused(tmp_path / "model.safetensors.index.json", content.encode(), message)


def test_a_tensor_that_is_not_in_its_shard(tmp_path):
    save_file({"v": MATRIX}, tmp_path / "a.safetensors")
    (tmp_path / "m.safetensors.index.json").write_text('{"weight_map": {"w": "a.safetensors"}}')
    with pytest.raises(BitmillError, match=r"m\.safetensors\.index\.json: .*names tensor 'w', which a\.safetensors"):
        open_model(tmp_path)
    (tmp_path / "m.safetensors.index.json").write_text('{"weight_map": {"w": "b.safetensors"}}')
    with pytest.raises(BitmillError, match=r"b\.safetensors: cannot be read: No such file"):
        open_model(tmp_path)


def test_a_file_that_changes_while_it_is_read(tmp_path):
    for name, content in (("m.safetensors", save({"w": MATRIX})), ("a.npz", samples()["small.npz"])):
        path = tmp_path / name
        path.write_bytes(content)
        tensor = open_model(path).tensors["w"]
        path.write_bytes(content + b" ")
        with pytest.raises(BitmillError, match="it changed while it was read"):
            tensor.read()
        path.unlink()
        with pytest.raises(BitmillError, match="cannot be read: No such file"):
            tensor.read()
