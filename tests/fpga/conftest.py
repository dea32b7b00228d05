"""A cache of its own for the tests, shared by them so that no circuit is synthesized twice."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bitmill.fpga.cache import CACHE_VARIABLE
from bitmill.system import tools


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _use_shared_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(shared_cache))


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def design() -> Callable[[str], str]:
    """Text of a unit of ``designs/``, by name."""
    return lambda name: (Path(__file__).parent / "designs" / f"{name}.v").read_text()


BENCH = """
module bench;
  reg signed [7:0] a, b; wire signed [15:0] y; integer i, j, wrong;
  top dut(.a(a), .b(b), .y(y));
  initial begin
    wrong = 0;
    for (i = -128; i < 128; i = i + 1) for (j = -128; j < 128; j = j + {every}) begin
      a = i; b = j; #1; if (y !== i * j) wrong = wrong + 1;
    end
    $display("wrong %0d", wrong);
  end
endmodule
"""


@pytest.fixture
def wrong_products(tmp_path: Path) -> Callable[..., int]:
    """How many products of an 8-bit multiplier, a netlist of module ``top``, are wrong: all of ``a``, each so many of ``b``."""

    def count(netlist: str, *, every: int) -> int:
        (tmp_path / "n.v").write_text(netlist + BENCH.format(every=every))
        tools.run_tool([*tools.find_tool("iverilog"), "-g2005", "-s", "bench", "-o", "n", "n.v"], cwd=tmp_path)
        printed = subprocess.check_output(["vvp", "n"], cwd=tmp_path, text=True).strip()
        assert printed.startswith("wrong ")
        return int(printed.removeprefix("wrong "))

    return count
