"""How long Icarus Verilog under cocotb takes for a job, before it starts.

The constants were measured by ``python -m bitmill.sim.icarus_time`` in processor time, in which the presets took 1.3 s (int8-mac,
4,572 cycles), 3.5 s (e4m3-dot32, 1,054 cycles) and 3.9 s (int8-8x8, 1,000 cycles).
"""

from __future__ import annotations

import re
from functools import lru_cache

from .job import Job, Phase
from .pattern import Pattern

PATIENCE_SECONDS = 20.0
"""What a user is asked to wait for Icarus without being asked."""

START_SECONDS = 1.2
CYCLE_SECONDS = 5e-5
"""Of the bench, which looks at the streams in every cycle."""
STATEMENT_SECONDS = 2.5e-7
"""Of a statement in a cycle of traffic."""

_MODULE = re.compile(r"^module (\\\S+|\w+)")
_INSTANCE = re.compile(r"^  (\\\S+|[A-Za-z_][\w$]*)\s+(?:#\(.*\)\s*)?(\\\S+ |\w+ ?)\($")
_STATEMENT = re.compile(r"^ +(?:assign\b|always|if \(|\S+ <= |\d+'\S+: )")


@lru_cache(maxsize=8)
def statements(verilog: str, top: str) -> int:
    """Assignments and branches of module ``top``, those of its instances included as often as they are instantiated."""
    own: dict[str, int] = {}
    instances: dict[str, list[str]] = {}
    module = ""
    for line in verilog.splitlines():
        if found := _MODULE.match(line):
            module = found[1]
            own[module], instances[module] = 0, []
        elif found := _INSTANCE.match(line):
            instances[module].append(found[1])
        elif _STATEMENT.match(line):
            own[module] = own.get(module, 0) + 1

    totals: dict[str, int] = {}

    def count(name: str) -> int:
        if name not in totals:
            totals[name] = own.get(name, 0) + sum(count(part) for part in instances.get(name, []))
        return totals[name]

    return count(top)


def cycles(job: Job, *, per_input: float = 1.0) -> int:
    """Cycles of a job, about: inputs and outputs, as often as resets repeat them, over the share of cycles without a stall."""
    return int(sum(_cycles_of(phase, per_input) for phase in job.phases))


def _cycles_of(phase: Phase, per_input: float) -> float:
    repeats = 1 + sum(beats / max(1, len(phase.inputs)) for beats in phase.resets)
    inputs = len(phase.inputs) * per_input / _go(phase.input_pattern)
    return max(inputs, len(phase.expected) / _go(phase.output_pattern)) * repeats


def _go(pattern: Pattern) -> float:
    return 1.0 if pattern.never_stalls else max(0.05, 1 - pattern.probability)


def icarus_seconds(verilog: str, top: str, job: Job, *, per_input: float = 1.0) -> float:
    """Seconds that Icarus needs for a job on an idle machine, within a factor of 2 or so.

    ``START_SECONDS + cycles * (CYCLE_SECONDS + statements * STATEMENT_SECONDS)``.

    Parameters
    ----------
    verilog, top
        The design.
    job
        What is to be played.
    per_input
        Cycles that an input takes at the best, more than one for bit-serial tiles.
    """
    per_cycle = CYCLE_SECONDS + STATEMENT_SECONDS * statements(verilog, top)
    return START_SECONDS + cycles(job, per_input=per_input) * per_cycle


def main() -> None:
    """Print processor seconds, cycles and statements of some presets, and what the constants make of them."""
    import resource

    from ..config.presets import any_preset
    from ..hdl.emit.verilog import TOP, emit
    from .runner import simulate
    from .verify import job_of

    for name, count in (
        ("int8-mac", 400),
        ("e4m3-mac-fp32", 400),
        ("e4m3-dot32", 100),
        ("int8-4x4", 60),
        ("int8-8x8", 20),
    ):
        config = any_preset(name)
        job, text = job_of(config, seed=1, dot_products=count, corner_steps=60)[1], emit(config)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = simulate(text, TOP, job)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        counted = sum(phase.cycles for phase in result.phases)
        print(f"{name}: {spent:.1f} s for {counted} cycles of {statements(text, TOP)} statements, "
              f"estimated {icarus_seconds(text, TOP, job):.1f} s for {cycles(job)} cycles")  # fmt: skip


if __name__ == "__main__":
    main()
