"""Large units on standard cells: what a slice of them is mapped for, and what the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from . import standard_recipes
from .liberty import Library
from .standard_cells import Flow, StandardCells, map_standard_cells


def map_large(
    whole: str,
    part: str,
    top: str,
    library: Library,
    *,
    period_ns: float,
    clock_gating: bool = True,
    once_of_whole: Sequence[str],
    once_of_part: Sequence[str] = (),
    progress: Callable[[str, float, int], None] | None = None,
) -> StandardCells:
    """Try and time recipes on a slice of a large design, and count the whole with the one that is kept. Cached.

    ``best`` has the cells of the whole and the delay of the slice; ``tried`` are the slice's.

    Parameters
    ----------
    whole, part
        Verilog of the design and of its slice, with top modules of the same name.
    top, library, period_ns, clock_gating, progress
        As for ``map_standard_cells``.
    once_of_whole, once_of_part
        Modules of both that are mapped by themselves.

    Raises
    ------
    BitmillError
        As ``map_standard_cells``.
    """
    result = map_standard_cells(
        part, top, library, period_ns=period_ns, clock_gating=clock_gating, once=once_of_part, progress=progress
    )
    recipe = standard_recipes.recipe_named(result.best.recipe)
    flow = Flow(
        verilog=whole,
        top=top,
        library=library,
        period_ns=period_ns,
        clock_gating=result.clock_gating,
        once=once_of_whole,
    )
    return replace(result, best=replace(flow.map(recipe), delay_ns=result.best.delay_ns))
