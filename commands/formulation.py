"""``--formulation``: whether a unit is built as its configuration says, or as is best for a target and a clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from ..system.screen import say
from .progress import progress

if TYPE_CHECKING:
    from ..config import MacConfig
    from ..config.document import UnitConfig
    from ..fpga.formulation_choice import Choice, Probe

BEST, CONFIGURED = "best", "configured"


def formulation_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--formulation``, None if it is not given."""
    return click.option(
        "--formulation", type=click.Choice([BEST, CONFIGURED]),
        help="Of MACs and dot products: try the multipliers, aligners and reductions that fit and keep the smallest that meets "
        "the clock, or take the configuration's. Best by default where it states none.",
    )(command)  # fmt: skip


def chosen(
    config: UnitConfig, wanted: str | None, probe: Callable[[], Probe], *, where: str, dsp: bool = False
) -> tuple[UnitConfig, Choice | None]:
    """The unit in the formulation that is wanted, and what was tried; None if nothing was.

    Parameters
    ----------
    config
        The unit.
    wanted
        The option's value.
    probe
        Makes what measures a formulation.
    where
        Target and clock, for messages.
    dsp
        Whether multipliers are to use DSP blocks.

    Raises
    ------
    BitmillError
        If the best is asked for of a unit that has no formulations, or a tool is missing or fails.
    """
    from ..fpga.formulation_choice import FORMULATED, as_toml, choose, formulation_name
    from ..system.errors import BitmillError

    if not FORMULATED.of(config)(config):
        if wanted != BEST:
            return config, None
        raise BitmillError(
            f"formulation must be as configured but for units 'mac' and 'dot', not the best of {config.unit!r}"
        )
    unit = cast("MacConfig", config)
    if wanted == CONFIGURED or (wanted is None and unit.states_formulation):
        why = "as the configuration states it" if unit.states_formulation else "the usual one"
        say(f"bitmill: formulation {formulation_name(unit)}, {why}; --formulation best tries others", err=True)
        return config, None
    task = f"choosing the formulation of {config.title}"
    with progress(task) as step:
        choice = choose(
            unit, probe(), dsp=dsp,
            progress=lambda name, done, total: step(
                f"{task}: {name} for {where} measured" if name else f"{task} for {where}", done=done, total=total
            ),
        )  # fmt: skip
    name, count = formulation_name(choice.config), len(choice.tried)
    is_stated = choice.config == unit and unit.states_formulation
    kept = f"as configured ({as_toml(unit)})" if is_stated else f"write {as_toml(choice.config)} to keep it"
    say(f"bitmill: formulation {name}, the best of {count} for {where}: {kept}", err=True)
    return choice.config, choice


def formulation_of(config: UnitConfig, choice: Choice | None) -> dict[str, Any]:
    """What a record says of the formulation that was taken, why, and of those that were tried; nothing of units without."""
    from ..fpga.formulation_choice import FORMULATED

    taken = FORMULATED.of(config)(config)
    if not taken:
        return {}
    if choice is not None:
        return {"formulation": {**taken, "why": "best"}, "formulations": choice.to_dict()}
    why = "stated" if cast("MacConfig", config).states_formulation else "usual"
    return {"formulation": {**taken, "why": why}}


def best_for(config: UnitConfig, purpose: str) -> UnitConfig:
    """The unit in the formulation that is best for ``ecp5``, or for ``sky130@12``: a library's cells at a clock period in ns.

    It states that formulation, the usual one too, so that its file asks for what was found.

    Raises
    ------
    BitmillError
        If ``purpose`` is neither, or as ``chosen``.
    """
    from ..config.family import config_of
    from ..fpga.cells import TARGETS
    from ..fpga.formulation_choice import cells_probe, target_probe
    from ..fpga.libraries import LIBRARIES, find_library
    from ..fpga.standard_cells import check_flow
    from ..system.errors import BitmillError

    name, at, period = purpose.partition("@")
    if not at and name in TARGETS:
        return config_of(chosen(config, BEST, lambda: target_probe(name, dsp=False), where=name)[0].to_dict())
    try:
        period_ns = float(period)
    except ValueError:
        period_ns = 0.0
    if name not in LIBRARIES or not 0 < period_ns < float("inf"):
        raise BitmillError(
            f"--for must be one of {', '.join(TARGETS)}, or one of {', '.join(LIBRARIES)} with @ and a period in ns, such as "
            f"sky130@12, not {purpose!r}"
        )
    check_flow(period_ns)
    library = find_library([name])
    probe = cells_probe(library, period_ns=period_ns, clock_gating=True)
    return config_of(chosen(config, BEST, lambda: probe, where=f"{library.key} at {period_ns:g} ns")[0].to_dict())
