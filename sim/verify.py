"""Proof by simulation: the Verilog of a configuration, or its netlist, against golden, under stalls and resets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..config.document import UnitConfig
from ..config.sizes import check_verified
from ..system.errors import BitmillError
from ..system.kept import kept_file
from .engine import Engine, check_engine, choose_engine, play
from .families import TRAFFIC
from .icarus_time import icarus_seconds
from .job import Job, Mismatch, PhaseResult
from .netlist import NetlistKind
from .netlist import netlist as synthesize
from .payload import Codes
from .phases import phases_of
from .runner import WAVES_SUFFIX, SimulationError, simulate
from .traffic import Layout, Traffic

Level = Literal["rtl"] | NetlistKind
TOP = "bitmill_top"


class VerificationError(BitmillError):
    """The unit and golden disagree, or the unit broke the stream protocol; one line that says how to see it again.

    ``seed`` and ``config`` repeat the run, ``waves`` is its waveform.
    """

    def __init__(self, message: str, *, config: UnitConfig, seed: int, waves: Path | None) -> None:
        super().__init__(message)
        self.config = config
        self.seed = seed
        self.waves = waves


@dataclass(frozen=True)
class Verification:
    """A passed verification, every number counted at the unit's pins.

    Attributes
    ----------
    config, level, seed
        What was run: the configuration's title, ``rtl`` or the kind of netlist, and the seed that repeats it.
    results, products
        Results that were compared, and the products in them, or the elements of rows (without the padding of ragged steps).
    beats, transactions
        Transfers on the input and on the output.
    input_stalls, output_stalls
        Cycles with valid and without ready.
    input_gaps, output_gaps
        Cycles in which the source held back an input; cycles in which the sink was ready and nothing came.
    cycles
        Clock cycles of traffic.
    resets, discarded
        Resets in the middle of traffic and the results they discarded of items of work that were taken whole.
    mismatches
        Always 0: a mismatch raises ``VerificationError``.
    phases
        The same counts for each phase.
    engine
        ``cocotb`` or ``compiled``: what simulated the unit; both count alike.
    """

    config: str
    level: Level
    seed: int
    results: int
    products: int
    beats: int
    transactions: int
    input_stalls: int
    output_stalls: int
    input_gaps: int
    output_gaps: int
    cycles: int
    resets: int
    discarded: int
    mismatches: int
    phases: tuple[PhaseResult, ...]
    engine: Engine = "cocotb"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a JSON record."""
        return asdict(self)


def verify(
    config: UnitConfig,
    *,
    seed: int,
    dot_products: int = 120,
    corner_steps: int = 4200,
    codes: tuple[Codes, Codes] | None = None,
    scales: tuple[Codes, Codes] | None = None,
    netlist: NetlistKind | None = None,
    cells: str | Sequence[str] | None = None,
    verilog: str | None = None,
    waves: Path | None = None,
    timeout: float | None = 3600.0,
    engine: Engine | Literal["auto"] = "cocotb",
    progress: Callable[[int, int], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Verification:
    """Run one unit in simulation and compare every result with golden, bit for bit.

    The dot products are dealt to three phases: back-to-back, random stalls on both sides, and bursts on both sides. A
    fourth phase resets the unit twice in the middle of traffic and then expects correct results of a fresh start.

    Parameters
    ----------
    config
        The unit.
    seed
        Of the stimuli and of every stall pattern.
    dot_products
        Random items of work, dot products, tiles or rows, beside the directed corners of the family's traffic.
    corner_steps
        The most steps that one directed corner may take.
    codes
        Weight codes and activation codes [n, K], for example of a real layer, to run instead of corners and random
        codes; for an array tiles [n, rows, K] and [n, cols, K].
    scales
        With ``codes``, the codes of their steps' scales, [n, steps] twice, for a unit that has scales.
    netlist
        ``generic``, ``ecp5``, ``cells`` ...: test the netlist of that kind (see ``sim.netlist``) instead of the Verilog itself.
    cells
        The library of ``netlist="cells"``, by name or paths; osu018 if left out.
    verilog
        Verilog text to test instead of what ``bitmill.hdl.emit.verilog.emit`` gives; top module ``bitmill_top``.
    waves
        Where to write the waveform (FST). Without it a waveform is recorded only of a failure, to a temporary file.
    timeout
        Seconds after which the simulator is ended.
    engine
        ``cocotb``: Icarus Verilog under cocotb, which knows X and records waveforms. ``compiled``: see
        ``sim.compiled``, hundreds of times faster after seconds of compilation. The counts are the same. ``auto``: Icarus,
        but compiled where Icarus would take more than 20 s.
    progress
        Called now and then with the inputs taken and those of all phases.
    tell
        Called with a line on the choice of the engine, where there is something to say of it.

    Raises
    ------
    VerificationError
        If any result differs, is missing or too many, or the stream protocol is broken.
    BitmillError
        If an argument is out of range, or a tool is missing or fails.
    """
    check_engine(engine, waves=waves is not None)
    check_verified(config, "verify")
    work, job = job_of(
        config, seed=seed, dot_products=dot_products, corner_steps=corner_steps, codes=codes, scales=scales
    )
    traffic = TRAFFIC.of(config)(config)
    layout = traffic.layout
    rtl = _emit(config) if verilog is None else verilog
    if netlist != "cells" and cells is not None:
        raise BitmillError(
            f"cells must be given with netlist cells, not {cells!r} with {netlist or 'the Verilog itself'}"
        )

    def mapped(*, gated: bool) -> str:
        if netlist is None:
            return rtl
        return synthesize(rtl, TOP, netlist, cells=cells, once=_once(config) if netlist == "cells" else (), gated=gated)

    text = mapped(gated=engine != "compiled")
    asked = engine
    engine, note = choose_engine(
        engine, waves=waves is not None, seconds=icarus_seconds(text, TOP, job, per_input=traffic.cycles_per_input)
    )
    if note is not None and tell is not None:
        tell(note)
    if netlist == "cells" and engine == "compiled":
        text = text if asked == "compiled" else mapped(gated=False)
        if tell is not None:
            tell("compiled simulation has no gated clocks: the netlist is one without; --engine cocotb takes one with")
    level = netlist or "rtl"
    try:
        result = play(text, TOP, job, engine=engine, waves=waves, progress=progress, timeout=timeout)
    except SimulationError as failure:
        recorded, doubt = failure.waves, ""
        if recorded is None:
            recorded, again = _record_again(text, job, timeout)
            doubt = "" if engine == "cocotb" else _disagreement(failure, again)
        repeat = f"seed {seed}, level {level}, waveform {recorded or 'none'}"
        message = f"{config.title}: {_describe(failure, layout)}{doubt} ({repeat})"
        raise VerificationError(message, config=config, seed=seed, waves=recorded) from None
    return _total(traffic, level, seed, engine, work, result.phases)


def job_of(
    config: UnitConfig,
    *,
    seed: int,
    dot_products: int,
    corner_steps: int,
    codes: tuple[Codes, Codes] | None = None,
    scales: tuple[Codes, Codes] | None = None,
) -> tuple[list[Any], Job]:
    """The work of a verification and the job that it is played as; parameters as for ``verify``.

    Raises
    ------
    BitmillError
        If an argument is out of range.
    """
    rng = np.random.default_rng(seed)
    traffic = TRAFFIC.of(config)(config)
    if codes is None:
        if scales is not None:
            raise BitmillError("scales must be left out where codes are")
        work: list[Any] = [*traffic.stimuli(rng, count=dot_products, corner_steps=corner_steps)]
    else:
        work = [*traffic.given(*codes, scales)]
    return work, Job(
        traffic.layout.input_bits,
        traffic.layout.output_bits,
        phases_of(traffic, work, rng, corner_steps=corner_steps),
        patience=traffic.patience,
        controls=traffic.control_widths,
        levels=traffic.level_widths,
        every_input=traffic.every_input,
    )


def _emit(config: UnitConfig) -> str:
    from ..hdl.emit import verilog  # Not at the top: the bench imports this package in the simulator, without Amaranth.

    return verilog.emit(config)


def _once(config: UnitConfig) -> tuple[str, ...]:
    from ..hdl.emit.verilog import once_in_cells  # Not at the top, as above.

    return once_in_cells(config)


def _record_again(text: str, job: Job, timeout: float | None) -> tuple[Path | None, BitmillError | None]:
    """The same run once more under cocotb: its waveform, kept for a week, and how it failed."""
    path = kept_file("waves", WAVES_SUFFIX)
    again: BitmillError | None = None
    try:
        simulate(text, TOP, job, waves=path, timeout=timeout)
    except BitmillError as error:
        again = error
    if path.stat().st_size == 0:
        path.unlink()
        return None, again
    return path, again


def _disagreement(failure: SimulationError, again: BitmillError | None) -> str:
    """What cocotb makes of a job that failed in compiled simulation, unless that is the same."""
    if again is None:
        return "; the engines disagree: cocotb passes the same job"
    if not isinstance(again, SimulationError):
        return f"; not repeated under cocotb: {again}"
    return "" if str(again) == str(failure) else f"; the engines disagree: cocotb says {str(again)!r}"


def _describe(failure: SimulationError, layout: Layout) -> str:
    if not failure.outcome.mismatches:
        return str(failure)
    first: Mismatch = failure.outcome.mismatches[0]
    got, expected = (_stated(layout.unpack_output(payload)) for payload in (first.got, first.expected))
    differences = [
        f"{name} {got[name]} instead of {wanted}" for name, wanted in expected.items() if got[name] != wanted
    ]
    return f"{failure}; first in result {first.index}: {', '.join(differences)}"


def _stated(output: Any) -> dict[str, Any]:
    """What an output states, by field."""
    return {field.name: getattr(output, field.name) for field in fields(output)}


def _total(
    traffic: Traffic[Any, Any, Any],
    level: Level,
    seed: int,
    engine: Engine,
    work: Sequence[Any],
    phases: Sequence[PhaseResult],
) -> Verification:
    counted = [field.name for field in fields(PhaseResult) if field.name != "name"]
    sums = {name: sum(getattr(phase, name) for phase in phases) for name in counted}
    return Verification(
        config=traffic.config.title,
        level=level,
        seed=seed,
        results=traffic.results(work),
        products=traffic.products(work),
        phases=tuple(phases),
        engine=engine,
        **sums,
    )
