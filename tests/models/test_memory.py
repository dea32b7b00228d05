"""Peak memory of ``bitmill quantize`` on one large tensor, in a process of its own."""

from __future__ import annotations

import subprocess
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import save_file

MB = 1 << 20
ROWS, LENGTH = 8192, 8192
MEASURE = """
import sys
from bitmill.cli import main
status = main(sys.argv[1:])
# Not `resource.getrusage`, whose peak is that of pytest where it is greater: a child has its parent's until it starts.
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(int(peak) * 1024, file=sys.stderr)
sys.exit(status)
"""


def written(tmp_path, layout):
    weights = np.zeros((ROWS, LENGTH), np.float32)
    weights[:] = np.random.default_rng(2).standard_normal(LENGTH, dtype=np.float32)
    if layout == "npz":
        np.savez(tmp_path / "m.npz", w=weights)
        return tmp_path / "m.npz"
    name = "h.0.mlp.c_fc.weight" if layout == "Conv1D" else "w"
    shape = {"row": (1, ROWS * LENGTH), "stack": (4, ROWS // 4, LENGTH)}.get(layout, (ROWS, LENGTH))
    save_file({name: weights.reshape(shape)}, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.mark.long
@pytest.mark.parametrize("layout", ["plain", "Conv1D", "npz", "stack", "row"])
def test_memory_and_progress_of_a_large_tensor(tmp_path, cli_command, cli_environment, layout):
    model, size = written(tmp_path, layout), 4 * ROWS * LENGTH
    save_file({"w": np.ones((1, 128), np.float32)}, tmp_path / "small.safetensors")
    peaks, told = [], ""
    for path in (tmp_path / "small.safetensors", model):
        arguments = ["quantize", str(path), "--scheme", "int8", "-o", str(tmp_path / "o.safetensors")]
        done = subprocess.run(
            [*cli_command[:-1], MEASURE, *arguments], env=cli_environment, capture_output=True, text=True, check=True
        )
        told = done.stderr
        peaks.append(int(told.split()[-1]))
    share = (peaks[1] - peaks[0]) / size
    print(
        f"{layout}: peak {peaks[1] / MB:.0f} MB, {share:.2f} of the tensor beside the program's {peaks[0] / MB:.0f} MB"
    )
    assert share < 1.5
    # Of work that takes long, something is said inside the tensor.
    seconds = [float(line.split()[1]) for line in told.splitlines() if line.startswith("bitmill:")]
    assert all(later - earlier < 8 for earlier, later in pairwise(seconds)), told
