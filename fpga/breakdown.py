"""Where a unit's cells go: its parts, synthesized without flattening, beside the flat total."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..system.errors import BitmillError
from . import cache, recipes
from .cells import CellCounts, Target, check_target, count_cells
from .synthesis import Synthesis, check_top, synthesize

DEFAULT_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "decode_weight": "decode",
        "decode_activation": "decode",
        "multiply": "multiply",
        "align": "align",
        "reduce": "reduce",
        "accumulate": "accumulate",
    }
)
"""Instance name of a part to its category."""

OTHER = "control"
"""Category of everything that no group names."""


@dataclass(frozen=True)
class Breakdown:
    """A unit's cells by category.

    Attributes
    ----------
    target, recipe
        The flow; the recipe is the one that the flat synthesis kept.
    parts
        Category to what it occupies, without optimization across the borders of the parts.
    total
        The sum of the parts.
    flat
        The same design synthesized as one, with the target's best recipe: what it really costs.
    """

    target: Target
    recipe: str
    parts: Mapping[str, CellCounts]
    total: CellCounts
    flat: Synthesis

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "target": self.target,
            "recipe": self.recipe,
            "parts": {name: counts.to_dict() for name, counts in self.parts.items()},
            "total": self.total.to_dict(),
            "flat": self.flat.to_dict(),
        }


def breakdown(
    verilog: str, top: str, target: str, groups: Mapping[str, str] = DEFAULT_GROUPS, *, dsp: bool = False
) -> Breakdown:
    """Attribute the cells of every module to a category.

    A module belongs to the category of the last component of its name (``bitmill_top_lane0_align`` and ``top.lane0.align`` are
    ``align``; a running number after it, as in ``align3``, ``align_3`` or ``align$3``, is ignored), else to that of the module
    that instantiates it; the top module is ``control``. A module's cells count once for every instance.

    Parameters
    ----------
    verilog, top, target, dsp
        As for ``synthesize``.
    groups
        Last name component to category.

    Raises
    ------
    BitmillError
        As ``synthesize``.
    """
    known = check_target(target)
    flat = synthesize(verilog, top, known, dsp=dsp)
    script = recipes.script(known, flat.recipe, check_top(top), dsp=dsp, flatten=False)
    outputs = cache.yosys_cached(
        script + "tee -q -o stat.json stat -json\n", files={recipes.DESIGN_FILE: verilog}, outputs=["stat.json"]
    )
    modules = {
        name.removeprefix("\\"): module.get("num_cells_by_type", {})
        for name, module in json.loads(outputs["stat.json"])["modules"].items()
    }
    cells: dict[str, Counter[str]] = {category: Counter() for category in [*groups.values(), OTHER]}
    _attribute(modules, top, OTHER, 1, groups, cells)
    whole: Counter[str] = Counter()
    for part in cells.values():
        whole.update(part)
    return Breakdown(
        target=known,
        recipe=flat.recipe,
        parts={category: count_cells(known, part) for category, part in cells.items()},
        total=count_cells(known, whole),
        flat=flat,
    )


def _attribute(
    modules: Mapping[str, Mapping[str, int]],
    module: str,
    category: str,
    instances: int,
    groups: Mapping[str, str],
    cells: Mapping[str, Counter[str]],
) -> None:
    """Add the cells of ``instances`` copies of a module, and of the modules in it, to their categories."""
    if module not in modules:
        raise BitmillError(f"breakdown: module {module!r} is not in the synthesized design")
    for kind, count in modules[module].items():
        child = kind.removeprefix("\\")
        if child in modules:
            _attribute(modules, child, category_of(child, groups, category), instances * count, groups, cells)
        else:
            cells[category][kind] += instances * count


def category_of(module: str, groups: Mapping[str, str], parent: str) -> str:
    """The category of a module or instance by the last component of its name without its number; else its parent's."""
    name = module.rsplit(".", 1)[-1]
    numberless = re.sub(r"_?\d*(\$\d+)?$", "", name)
    if name in groups or numberless in groups:
        return groups.get(name) or groups[numberless]
    last = max((group for group in groups if numberless.endswith(f"_{group}")), key=len, default=None)
    return parent if last is None else groups[last]
