"""What runs of whole matrix products have in common: how they are played, and what is said of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..config import MacConfig
from ..config.bit_serial import BitSerialConfig
from ..system.errors import BitmillError
from .engine import Engine, play
from .job import Job, Phase
from .pattern import BACK_TO_BACK, Pattern
from .runner import SimResult

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TOP = "bitmill_top"


class Account(Protocol):
    """Where the cycles of a run went: a dataclass of parts that add up to ``cycles``."""

    @property
    def cycles(self) -> int:
        """From the first step's transfer to the last result's, both included."""
        ...


class Results(Protocol):
    """Golden's results."""

    @property
    def value(self) -> NDArray[Any]:
        """``[M, N]``."""
        ...

    @property
    def invalid(self) -> NDArray[np.bool_]:
        """``[M, N]``, or ``[N]`` for whole columns."""
        ...


class Layout(Protocol):
    """Widths of the unit's two payloads."""

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        ...

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        ...


ConfigT = TypeVar("ConfigT", MacConfig, BitSerialConfig)
AccountT = TypeVar("AccountT", bound=Account)


@dataclass(frozen=True, eq=False, kw_only=True)
class MatrixProduct(ABC, Generic[ConfigT, AccountT]):
    """A matrix product that the RTL computed bit for bit as golden does.

    Attributes
    ----------
    config, engine
        What ran where.
    shape
        ``(M, N, K)``.
    tiles
        Tiles of results.
    result
        Golden's results [M, N], which are the RTL's.
    account
        Where the cycles went.
    seconds
        Wall time of the simulation, compilation included.
    """

    config: ConfigT
    engine: Engine
    shape: tuple[int, int, int]
    tiles: int
    result: Results
    account: AccountT
    seconds: float

    @property
    def products(self) -> int:
        """Products of the matrix product, padding not counted."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    @abstractmethod
    def ideal_cycles(self) -> float:
        """What a unit of this size needs at the least: products over products a cycle."""

    @property
    @abstractmethod
    def busy_cycles(self) -> int:
        """Cycles with products, padding included."""

    @property
    def utilisation(self) -> float:
        """``ideal_cycles / cycles``: the share of multipliers and cycles that did wanted products."""
        return self.ideal_cycles / self.account.cycles

    @property
    def padding(self) -> float:
        """Cycles' worth of products with the zeros that fill the ragged edges of M, N and K."""
        return self.busy_cycles - self.ideal_cycles

    @property
    def cycles_by_part(self) -> dict[str, int]:
        """The account: ``cycles`` and its parts."""
        account: DataclassInstance = self.account  # pyright: ignore[reportAssignmentType]
        return asdict(account)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, the results left out."""
        value = self.result.value
        return {
            "title": self.config.title,
            "configuration": self.config.to_dict(),
            "engine": self.engine,
            "M": self.shape[0],
            "N": self.shape[1],
            "K": self.shape[2],
            "tiles": self.tiles,
            "products": self.products,
            "ideal_cycles": self.ideal_cycles,
            "utilisation": self.utilisation,
            "padding_cycles": self.padding,
            **self.cycles_by_part,
            "results": int(value.size),
            "invalid_results": int(np.broadcast_to(self.result.invalid, value.shape).sum()),
            "mismatches": 0,
            "seconds": self.seconds,
        }


def play_product(
    config: MacConfig | BitSerialConfig,
    layout: Layout,
    inputs: Sequence[int],
    expected: Sequence[int],
    *,
    engine: Engine,
    stall: float,
    seed: int,
    progress: Callable[[int, int], None] | None,
    timeout: float | None,
) -> SimResult:
    """Play the steps of a matrix product on the RTL of ``config``, its results being ``expected``.

    Parameters
    ----------
    config, layout
        The unit and its payloads.
    inputs, expected
        Payloads in order.
    engine, progress, timeout
        As for ``engine.play``.
    stall
        Probability of a stall in each cycle, on both streams.
    seed
        Of the stalls.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    SimulationError
        If the RTL differs from golden.
    """
    from ..hdl.emit import verilog  # The bench imports this package in the simulator, where Amaranth is not needed.

    patterns = (BACK_TO_BACK, BACK_TO_BACK)
    if stall:
        patterns = Pattern("random", stall, seed=seed), Pattern("random", stall, seed=seed + 1)
    job = Job(layout.input_bits, layout.output_bits, (Phase("gemm", inputs, expected, *patterns),))
    return play(verilog.emit(config), TOP, job, engine=engine, progress=progress, timeout=timeout)


def check_operands(weights: tuple[int, ...], activations: tuple[int, ...], *, k_max: int) -> None:
    """Refuse shapes of ``weights`` [M, K] and ``activations`` [N, K] that cannot be multiplied.

    Raises
    ------
    BitmillError
        If a shape is no [rows, K] or has a 0, or K differs or is more than ``k_max``.
    """
    for name, shape in (("weights", weights), ("activations", activations)):
        if len(shape) != 2 or 0 in shape:
            raise BitmillError(f"{name} must have two dimensions, none of them 0, not the shape {list(shape)}")
    if activations[1] != weights[1]:
        raise BitmillError(f"activations must have K = {weights[1]} as the weights have, not {activations[1]}")
    if weights[1] > k_max:
        raise BitmillError(f"K must be at most k_max = {k_max}, not {weights[1]}")
