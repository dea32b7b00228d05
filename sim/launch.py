"""Child process of the runner: ``launch.py specification.json`` builds and runs one simulation in Icarus Verilog.

It is a script of its own so that a hanging or crashing simulator can be ended with everything it started, and so that
the variables by which cocotb behaves differently under pytest do not reach it. It imports nothing of bitmill.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(specification: Path) -> int:
    """Compile, then simulate; only a failed compilation is a failed exit, since ``results.xml`` tells the rest."""
    for variable in ("PYTEST_CURRENT_TEST", "WAVES", "GUI", "SIM_CMD_PREFIX", "SIM_CMD_SUFFIX", "COCOTB_TEST_FILTER"):
        os.environ.pop(variable, None)
    from cocotb_tools.runner import get_runner

    spec = json.loads(specification.read_text(encoding="utf-8"))
    runner = get_runner("icarus")
    folder = Path(spec["folder"])
    try:
        runner.build(
            sources=[Path(source) for source in spec["sources"]],
            hdl_toplevel=spec["top"],
            build_dir=folder,
            timescale=("1ns", "1ps"),
            waves=spec["waves"],
            always=True,
            log_file=folder / "build.log",
        )
    except RuntimeError:
        log = (folder / "build.log").read_text(encoding="utf-8", errors="replace")
        first = next((line for line in log.splitlines() if "error" in line), "Icarus Verilog failed without a message")
        print(f"{log}\nERROR: {first}", flush=True)
        return 1
    try:
        runner.test(
            test_module=spec["test_module"],
            hdl_toplevel=spec["top"],
            build_dir=folder,
            test_dir=folder,
            results_xml=str(folder / "results.xml"),
            extra_env=spec["environment"],
            waves=spec["waves"],
        )
    except (RuntimeError, SystemExit) as error:
        print(f"simulation ended abnormally: {error}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
