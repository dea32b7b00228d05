"""The Yosys scripts of every target: a recipe is a named choice of options for the same circuit."""

from __future__ import annotations

from collections.abc import Sequence

from .cells import Target

DESIGN_FILE = "design.v"

# Booth needs `$mul` cells, which exist after the processes are lowered and before alumacc turns them into adders. The
# steps before it are those of `synth` itself, and `synth` repeats them harmlessly.
_UP_TO_MULTIPLIERS = (
    "hierarchy -check -top {top}; proc; flatten; opt_expr; opt_clean; opt -nodffe -nosdff; wreduce; peepopt"
)

# Registers become plain D flip-flops whose enables and resets are gates, so that gates of every design mean the same.
# No `opt` follows: it would merge the enables back into the flip-flops.
_TO_GATES = (
    "dfflegalize -cell $_DFF_P_ 01\nsimplemap\nopt_expr\nabc -g AND,NAND,OR,NOR,XOR,XNOR,MUX\nopt_expr\nopt_clean"
)

_GENERIC_RECIPES = {
    "plain": f"synth {{flatten}} -top {{top}}\n{_TO_GATES}",
    "booth": f"synth {{flatten}} -booth -top {{top}}\n{_TO_GATES}",
    "booth-lowpower": f"{_UP_TO_MULTIPLIERS}; booth -lowpower\nsynth {{flatten}} -top {{top}}\n{_TO_GATES}",
}
# Yosys 0.70's ice40_dsp takes an output register that holds several products into the first product's block and loses
# the other products without a word. Registers of single bits are never taken, and stay countable as registers.
ICE40_SPLIT_REGISTERS = "hierarchy -top {top}\nproc\nsimplemap t:$*dff*\n"
"""Commands that must precede ``synth_ice40 -dsp``."""

# Units have no pins, and no memories: a shift register in LUTs would hide flip-flops that other targets have.
_EXTERNAL = {
    "gowin": "synth_gowin -family gw2a -noiopads -nobram -nolutram",
    "xilinx7": "synth_xilinx -family xc7 -noiopad -noclkbuf -nobram -nolutram -nosrl",
}

MULTIPLIER_RECIPES = frozenset({"booth", "booth-lowpower"})
"""Recipes that change nothing in a design without a multiplier cell."""

SIGNED_RECIPES = frozenset({"booth-lowpower"})
"""Recipes that Yosys refuses for a design with an unsigned multiplier."""


def recipe_names(target: Target) -> tuple[str, ...]:
    """The recipes tried on a target."""
    if target == "generic":
        return tuple(_GENERIC_RECIPES)
    return ("default",) if target == "ice40" else ("default", "nowidelut")


def multiplier_script(top: str) -> str:
    """Commands that bring a design to the point where its multipliers are ``$mul`` cells."""
    return f"read_verilog {DESIGN_FILE}\n{_UP_TO_MULTIPLIERS.format(top=top)}\n"


def script(target: Target, recipe: str, top: str, *, dsp: bool, flatten: bool = True, once: Sequence[str] = ()) -> str:
    """Commands that read ``DESIGN_FILE`` and map it; nothing is written yet.

    Parameters
    ----------
    target, recipe
        One of ``recipe_names(target)``.
    top
        Name of the top module.
    dsp
        Whether multipliers may become DSP blocks; a generic netlist has none.
    flatten
        False keeps the hierarchy, to tell the parts of a unit apart.
    once
        Modules that are mapped once and kept as modules, whatever ``flatten`` says.
    """
    if target == "generic":
        body = _GENERIC_RECIPES[recipe].format(top=top, flatten="-flatten" if flatten else "")
        if not flatten:
            body = body.replace(" flatten;", "")
    elif target == "ecp5":
        options = ["-nodsp"] * (not dsp) + ["-nowidelut"] * (recipe == "nowidelut") + ["-noflatten"] * (not flatten)
        body = " ".join(["synth_ecp5", *options, "-top", top])
    elif target in _EXTERNAL:
        options = ["-nodsp"] * (not dsp) + ["-nowidelut"] * (recipe == "nowidelut")
        if target == "xilinx7":
            options += ["-flatten"] * flatten
        else:
            options += ["-noflatten"] * (not flatten)
        body = " ".join([_EXTERNAL[target], *options, "-top", top])
    else:
        options = ["-dsp"] * dsp + ["-noflatten"] * (not flatten)
        split = ICE40_SPLIT_REGISTERS.format(top=top) if dsp else ""
        body = split + " ".join(["synth_ice40", *options, "-top", top])
    kept = "".join(f"setattr -mod -set keep_hierarchy 1 {module}\n" for module in once)
    return f"read_verilog {DESIGN_FILE}\n{kept}{body}\n"


def flatten_mapped(once: Sequence[str]) -> str:
    """Commands that dissolve the modules that were mapped once, for tools that want a flat netlist."""
    if not once:
        return ""
    released = "".join(f"setattr -mod -unset keep_hierarchy {module}\n" for module in once)
    return f"{released}flatten\nopt_clean\n"
