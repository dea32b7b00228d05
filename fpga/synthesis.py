"""Synthesis of Verilog text on one target: the smallest of the target's recipes, and what the others gave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..system.errors import BitmillError
from ..system.tools import yosys_release
from . import cache, recipes
from .cells import CellCounts, Target, check_target, count_cells, smallest

_BOOTH_LEAST_OPERAND, _BOOTH_LEAST_RESULT = 4, 8


@dataclass(frozen=True)
class Synthesis:
    """One unit on one target.

    Attributes
    ----------
    target, dsp
        What was asked for; ``dsp`` says whether DSP blocks were allowed.
    recipe
        The recipe with the least logic, which ``counts`` describe.
    counts
        What the unit occupies.
    tried
        Logic of every recipe tried, in the unit of ``counts.logic_unit``.
    tools
        Tool versions.
    """

    target: Target
    dsp: bool
    recipe: str
    counts: CellCounts
    tried: Mapping[str, float]
    tools: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "target": self.target,
            "dsp": self.dsp,
            "recipe": self.recipe,
            "counts": self.counts.to_dict(),
            "tried": dict(self.tried),
            "tools": dict(self.tools),
        }


def check_top(top: str) -> str:
    """``top`` itself, safe to be put into a script.

    Raises
    ------
    BitmillError
        If it is not a plain Verilog identifier.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", top):
        raise BitmillError(f"top must be a plain Verilog identifier, not {top!r}")
    return top


def synthesize(verilog: str, top: str, target: str, *, dsp: bool = False, once: Sequence[str] = ()) -> Synthesis:
    """Map a design with each recipe of the target and keep the one with the least logic. Cached.

    Parameters
    ----------
    verilog
        Self-contained Verilog text.
    top
        Name of its top module.
    target
        ``generic`` (NAND2-equivalents; recipes plain, booth, booth-lowpower), ``ice40`` or ``ecp5`` (LUT4; recipes
        default and nowidelut).
    dsp
        Whether multipliers may become DSP blocks (ice40: UltraPlus only).
    once
        Names of modules that are mapped once however often they are instantiated, such as the lane of a dot product.
        Nothing is optimized across their borders; where those are registers, as a lane's are, LUT counts are the same to
        about a percent, in a third of the time.

    Raises
    ------
    BitmillError
        If the target is unknown or has no DSP blocks, Yosys is missing or rejects the design, or a cell cannot be
        counted.
    """
    known = check_target(target)
    check_top(top)
    if dsp and known == "generic":
        raise BitmillError("dsp must be False on target generic, which has no DSP blocks, not True")
    names = recipes_tried(verilog, top, known)
    counts = {name: count_cells(known, recipe_cells(verilog, top, known, name, dsp=dsp, once=once)) for name in names}
    best = smallest(counts)
    return Synthesis(
        target=known,
        dsp=dsp,
        recipe=best,
        counts=counts[best],
        tried={name: count.logic for name, count in counts.items()},
        tools={"yosys": yosys_release()},
    )


def recipes_tried(verilog: str, top: str, target: Target) -> tuple[str, ...]:
    """The target's recipes without those that change nothing in this design, or are refused for it. Cached."""
    names = recipes.recipe_names(target)
    if recipes.MULTIPLIER_RECIPES.intersection(names):
        names = tuple(name for name in names if name not in _useless_recipes(verilog, top))
    return names


def recipe_cells(
    verilog: str, top: str, target: Target, recipe: str, *, dsp: bool, once: Sequence[str] = ()
) -> dict[str, int]:
    """Cells by kind of the netlist of one recipe, all instances of modules mapped ``once`` counted. Cached."""
    script = recipes.script(target, recipe, top, dsp=dsp, once=once) + "tee -q -o stat.json stat -json\n"
    outputs = cache.yosys_cached(script, files={recipes.DESIGN_FILE: verilog}, outputs=["stat.json"])
    cells = json.loads(outputs["stat.json"])["design"].get("num_cells_by_type", {})
    return {kind: count for kind, count in cells.items() if kind.removeprefix("\\") not in once}


def netlist(
    verilog: str,
    top: str,
    target: str,
    recipe: str | None = None,
    *,
    dsp: bool = False,
    form: str = "json",
    once: Sequence[str] = (),
) -> str:
    """The flat mapped netlist of one recipe. Cached.

    Parameters
    ----------
    verilog, top, target, dsp, once
        As for ``synthesize``; the netlist is flat in any case.
    recipe
        One of the target's recipes; the one ``synthesize`` keeps by default.
    form
        ``json`` for nextpnr, ``verilog`` for simulation. The generic target's Verilog needs no cell library.

    Raises
    ------
    BitmillError
        As ``synthesize``, or if ``recipe`` or ``form`` is unknown.
    """
    known = check_target(target)
    if form not in ("json", "verilog"):
        raise BitmillError(f"form must be json or verilog, not {form!r}")
    if recipe is None:
        recipe = synthesize(verilog, top, known, dsp=dsp, once=once).recipe
    elif recipe not in recipes.recipe_names(known):
        raise BitmillError(f"recipe must be one of {', '.join(recipes.recipe_names(known))}, not {recipe!r}")
    command = "write_json netlist" if form == "json" else "write_verilog -noattr netlist"
    mapping = recipes.script(known, recipe, check_top(top), dsp=dsp, once=once)
    script = mapping + recipes.flatten_mapped(once) + command + "\n"
    return cache.yosys_cached(script, files={recipes.DESIGN_FILE: verilog}, outputs=["netlist"])["netlist"]


def booth_multipliers(verilog: str, top: str) -> tuple[int, int]:
    """How many multiplier cells Yosys' ``booth`` pass accepts (4x4 bits to 8 or more), and how many unsigned. Cached."""
    wide = (
        f"t:$mul r:A_WIDTH>={_BOOTH_LEAST_OPERAND} %i r:B_WIDTH>={_BOOTH_LEAST_OPERAND} %i "
        f"r:Y_WIDTH>={_BOOTH_LEAST_RESULT} %i"
    )
    script = f"{recipes.multiplier_script(top)}select -write wide.txt {wide}\nselect -write unsigned.txt {wide} r:A_SIGNED=0 %i\n"
    outputs = cache.yosys_cached(script, files={recipes.DESIGN_FILE: verilog}, outputs=["wide.txt", "unsigned.txt"])
    return len(outputs["wide.txt"].split()), len(outputs["unsigned.txt"].split())


def _useless_recipes(verilog: str, top: str) -> frozenset[str]:
    multipliers, unsigned = booth_multipliers(verilog, top)
    if not multipliers:
        return recipes.MULTIPLIER_RECIPES
    return recipes.SIGNED_RECIPES if unsigned else frozenset()
