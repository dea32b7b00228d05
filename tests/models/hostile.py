"""Small files of every type for tests that damage them, and the damage. As a program: many more of them, by hand.

``python tests/models/hostile.py 20000`` reads that many damaged files and prints what came of them.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from bitmill.models import load_matrix, load_packed, open_model
from bitmill.models.layouts import recognised
from bitmill.models.matrix import Matrix
from bitmill.models.plan import plan_model
from bitmill.models.quantize import quantize_model
from bitmill.system.errors import BitmillError

MATRIX = np.random.default_rng(5).normal(size=(4, 32)).astype(np.float32)


def _numpy(save_to, *arguments, **arrays) -> bytes:
    buffer = io.BytesIO()
    save_to(buffer, *arguments, **arrays)
    return buffer.getvalue()


def _packed() -> bytes:
    from bitmill.formats.block import get_block

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "m.safetensors", Path(folder) / "o.safetensors"
        source.write_bytes(save({"w": MATRIX, "v": MATRIX[0]}))
        quantize_model(plan_model(open_model(source), get_block("bitmod-fp4"), group=16), out)
        return out.read_bytes()


def _layouts() -> bytes:
    state = json.dumps({"shape": [4, 32], "blocksize": 64}).encode()
    return save({
        "g.qweight": np.zeros((4, 8), np.int32), "g.qzeros": np.zeros((1, 1), np.int32), "g.scales": MATRIX[:1, :8].copy(),
        "g.g_idx": np.zeros(32, np.int32), "n.weight": np.zeros((64, 1), np.uint8), "n.weight.absmax": MATRIX[0, :2].copy(),
        "n.weight.quant_map": MATRIX[0, :16].copy(),
        "n.weight.quant_state.bitsandbytes__nf4": np.frombuffer(state, np.uint8),
    })  # fmt: skip


def samples() -> dict[str, bytes]:
    """A whole file by its ending, of every type that is read."""
    return {
        "plain.safetensors": save({"w": MATRIX, "b": MATRIX[0]}, {"format": "pt"}),
        "packed.safetensors": _packed(),
        "layouts.safetensors": _layouts(),
        "a.npy": _numpy(np.save, MATRIX),
        "big.npy": _numpy(np.save, np.asfortranarray(MATRIX.astype(">f8"))),
        "a.npz": _numpy(np.savez, w=MATRIX, b=MATRIX[0]),
        "small.npz": _numpy(np.savez_compressed, w=MATRIX, ints=np.arange(9)),
        "model.safetensors.index.json": json.dumps({"weight_map": {"w": "plain.safetensors"}}).encode(),
    }


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content cut short, with bits turned, bytes replaced, or pieces moved."""
    kind = rng.randrange(6)
    place = rng.randrange(len(content)) if rng.random() < 0.4 else rng.randrange(min(len(content), 200))
    changed = bytearray(content)
    if kind == 0:
        return content[:place]
    if kind == 1:
        for _ in range(rng.randrange(1, 9)):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        changed[place : place + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(0, 9))
    elif kind == 3:
        changed[place : place + 1] = rng.choice([b"0", b"9", b"-", b"[", b"{", b'"', b"\\", b"NaN", b"\xff", b"e9"])
    elif kind == 4:
        return rng.randbytes(place)
    else:
        changed[place : place + 8] = rng.choice([b"\xff" * 8, b"\0" * 8, (1 << 40).to_bytes(8, "little")])
    return bytes(changed)


def read_all(path: Path) -> Counter[str]:
    """Every way to read a file; each gives tensors or one line that names the file.

    Raises
    ------
    AssertionError
        If a line has no path, or is two.
    """
    found: Counter[str] = Counter()

    def attempt(what, action):
        try:
            action()
            found[what] += 1
        except BitmillError as error:
            text = str(error)
            assert "\n" not in text, text
            assert str(path) in text or str(path.parent) in text, text
            assert len(text) < 1500, text
            found[f"{what} refused"] += 1

    def whole():
        model = open_model(path)
        for tensor in model.tensors.values():
            tensor.read()
        for matrix in recognised(model):
            if isinstance(matrix, Matrix):
                try:
                    matrix.read()
                except BitmillError as error:
                    raise BitmillError(f"{path}: {error}") from None

    attempt("open", whole)
    for name in ("", ":w", ":g.weight"):
        attempt(f"matrix{name}", lambda name=name: load_matrix(f"{path}{name}", "weights"))
        attempt(f"packed{name}", lambda name=name: load_packed(f"{path}{name}", "weights"))
    return found


def main(count: int, seed: int) -> None:
    """Read damaged files and say what came of them."""
    rng, found = random.Random(seed), Counter()
    tracemalloc.start()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        files = samples()
        for _ in range(count):
            for name, content in files.items():
                path = Path(folder) / name
                path.write_bytes(damaged(content, rng) if rng.random() < 0.99 else content)
                started = time.perf_counter()
                found += read_all(path)
                slowest = max(slowest, time.perf_counter() - started)
                if name == "plain.safetensors":
                    path.write_bytes(content)
    print(f"seed {seed}: slowest {slowest:.3f} s, peak {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB of Python's,")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB resident")
    for what, times in sorted(found.items()):
        print(f"{times:8} {what}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else os.getpid())
