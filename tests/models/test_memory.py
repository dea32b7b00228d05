"""Peak memory of ``bitmill quantize`` on one large tensor, in a process of its own."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from safetensors.numpy import save_file

MB = 1 << 20
ROWS, LENGTH = 8192, 8192
MEASURE = """
import resource, sys
from bitmill.cli import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
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
    arguments = ["quantize", str(model), "--scheme", "int8", "-o", str(tmp_path / "o.safetensors")]
    start = [*cli_command[:-1], MEASURE]
    least = subprocess.run(
        [*start, "quantize", "--list"], env=cli_environment, capture_output=True, text=True, check=True
    )
    done = subprocess.run([*start, *arguments], env=cli_environment, capture_output=True, text=True, check=True)
    peak, base = (int(run.stderr.split()[-1]) for run in (done, least))
    assert peak - base < (1.5 if layout in ("Conv1D", "row") else 0.6) * size, (
        f"{(peak - base) / size:.2f} of the tensor"
    )
