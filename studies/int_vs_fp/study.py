"""What the int-vs-fp study runs: pairs of formats, units, layers, scale policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, get_args

from ... import formats
from ...config import Accumulator, FloatAccumulator, MacConfig
from ...config.presets import REPORT_PAIRS, pair_key, preset
from ...formats import Int
from ...golden import Granularity, Rule
from ...models.layers import Layer
from ...system.errors import BitmillError
from ..ids import accumulator_key, label_of, unit_key
from .kinds import compared_with_exact

Unit = Literal["mac", "mac-fp32", "dot32", "4x4", "8x8"]
ARRAY_UNITS: tuple[Unit, ...] = ("4x4", "8x8")
"""Arrays of PEs, built for ``ARRAY_PAIRS`` alone."""
UNITS: tuple[Unit, ...] = tuple(unit for unit in get_args(Unit) if unit not in ARRAY_UNITS)
"""Single units, built for every pair."""


def unit_named(name: str) -> Unit:
    """The unit of that name.

    Raises
    ------
    BitmillError
        If there is none.
    """
    for unit in get_args(Unit):
        if unit == name:
            return unit
    raise BitmillError(f"unit must be one of {', '.join(get_args(Unit))}, not {name!r}")


TIMES = "\N{MULTIPLICATION SIGN}"

LANES = 32
"""Lanes of the dot-product unit."""

GRANULARITIES: tuple[Granularity, ...] = ("token", "tensor")
"""Activation scales: per token (dynamic) and per tensor (static, from the calibration set). Weights: per channel."""

RULES: tuple[Rule, ...] = ("maximum", "least-squares")


@dataclass(frozen=True)
class Pair:
    """Weight and activation formats that are compared as one candidate."""

    weight: str
    activation: str

    @property
    def label(self) -> str:
        """``E4M3`` or ``E2M1`` times ``E4M3``, weight first."""
        return self.weight if self.weight == self.activation else f"{self.weight}{TIMES}{self.activation}"

    @property
    def key(self) -> str:
        """``e4m3`` or ``e2m1xe4m3``, as in preset names."""
        return pair_key(self.weight, self.activation)

    @property
    def family(self) -> Literal["int", "fp"]:
        """Whether both operands are integers."""
        both_int = isinstance(formats.get(self.weight), Int) and isinstance(formats.get(self.activation), Int)
        return "int" if both_int else "fp"

    @property
    def bits(self) -> str:
        """``8`` or ``4`` times ``8``, weight first."""
        weight, activation = formats.get(self.weight).bits, formats.get(self.activation).bits
        return str(weight) if weight == activation else f"{weight}{TIMES}{activation}"


@dataclass(frozen=True)
class Case:
    """One unit to be built, measured and verified: a preset, or a preset with another accumulator."""

    pair: Pair
    part: Unit
    accumulator: Accumulator | None = None

    @property
    def preset(self) -> str:
        """Name of the preset."""
        return f"{self.pair.key}-{self.part}"

    @property
    def name(self) -> str:
        """The case's name for people: the preset's, followed by the accumulator if it is another one."""
        return self.preset if self.accumulator is None else f"{self.preset}-{accumulator_key(self.accumulator)}"

    @property
    def key(self) -> str:
        """The unit's name in record ids."""
        return _key_of(self)

    @property
    def accumulator_label(self) -> str:
        """``exact`` or ``FP16 fused 128``."""
        return label_of(self.config.accumulator)

    @property
    def config(self) -> MacConfig:
        """The unit's configuration."""
        config = preset(self.preset)
        if self.accumulator is None:
            return config
        return MacConfig.from_dict({**config.to_dict(), "accumulator": self.accumulator.model_dump()})


@cache
def _key_of(case: Case) -> str:
    return unit_key(case.config)


@dataclass(frozen=True)
class Policy:
    """How activation scales are cut and how all scales are chosen."""

    granularity: Granularity
    rule: Rule

    @property
    def key(self) -> str:
        """``token-maximum``, as in record ids."""
        return f"{self.granularity}-{self.rule}"

    @property
    def label(self) -> str:
        """For captions and legends."""
        return f"per-{self.granularity}, {self.rule.replace('-', ' ')}"


POLICIES: tuple[Policy, ...] = tuple(Policy(granularity, rule) for granularity in GRANULARITIES for rule in RULES)
ALL_PAIRS: tuple[Pair, ...] = tuple(Pair(weight, activation) for weight, activation in REPORT_PAIRS)


FP32_ON_ECP5 = (Pair("INT8", "INT8"), Pair("E4M3", "E4M3"))
"""Pairs whose FP32 unit is mapped to ECP5; all are counted in gates."""

FP32_ROUTED = (Pair("E4M3", "E4M3"),)
"""Pairs whose FP32 unit is placed and routed: it takes long, and the accumulator decides the clock of all."""

NOT_ROUTED = (Pair("E5M2", "E5M2"),)
"""Pairs whose dot product is not routed, being by far the largest; their MAC is."""

ARRAY_PAIRS = (Pair("INT8", "INT8"), Pair("E4M3", "E4M3"))
"""Pairs that arrays are built of."""

ACCUMULATOR_PAIRS = (Pair("INT8", "INT8"), Pair("E4M3", "E4M3"), Pair("E5M2", "E5M2"))
"""Pairs whose dot product is built with every kind of accumulator."""

ACCUMULATOR_MACS = (Case(Pair("E4M3", "E4M3"), "mac", FloatAccumulator(format="FP16")),)
"""Single MACs with other accumulators than exact and FP32, for published comparisons."""

DSP_DOTS = (Pair("INT8", "INT8"), Pair("E4M3", "E4M3"))
"""Pairs whose dot product is mapped with DSP blocks as well; narrower products hardly need one."""


@dataclass(frozen=True, eq=False)
class Study:
    """One run of the study.

    Parameters
    ----------
    layers
        Layers whose accuracy is measured and whose codes run through the RTL.
    pairs, units
        Candidates and the hardware that is built for each.
    array_units
        Arrays that are built of those pairs that are in ``ARRAY_PAIRS``.
    accumulator_pairs
        Which of the pairs are compared with other accumulators, if there are dot products.
    seeds, large_seeds
        Place-and-route seeds of the plain MAC, and of the larger units, which take several times as long.
    routed_lanes
        How many lanes of the dot product are placed and routed: all 32 of an 8-bit format take minutes.
    verification_seed
        Of the choice of dot products and of the stall patterns.
    """

    layers: tuple[Layer, ...]
    pairs: tuple[Pair, ...] = ALL_PAIRS
    units: tuple[Unit, ...] = UNITS
    array_units: tuple[Unit, ...] = ARRAY_UNITS
    accumulator_pairs: tuple[Pair, ...] = ACCUMULATOR_PAIRS
    seeds: tuple[int, ...] = (1, 2, 3)
    large_seeds: tuple[int, ...] = (1,)
    routed_lanes: int = 4
    verification_seed: int = 1

    def on_ecp5(self, case: Case) -> bool:
        """Whether a unit is mapped to ECP5: all but the FP32 units of pairs not in ``FP32_ON_ECP5``."""
        return case.part != "mac-fp32" or case.pair in FP32_ON_ECP5

    def routed(self, case: Case) -> bool:
        """Whether a unit is placed and routed: not the FP32 units of pairs not in ``FP32_ROUTED``, nor ``NOT_ROUTED``."""
        if case.part == "mac":
            return True
        return case.pair in FP32_ROUTED if case.part == "mac-fp32" else case.pair not in NOT_ROUTED

    def on_dsp(self, case: Case) -> bool:
        """Whether a unit is also mapped with DSP blocks: every plain MAC, and the dot products of ``DSP_DOTS``."""
        return case.part == "mac" or (case.part == "dot32" and case.pair in DSP_DOTS)

    def verified_on(self, case: Case) -> tuple[tuple[Layer, ...], ...]:
        """Layers whose numbers run through a unit's RTL, those with dot products of one length in one simulation.

        All layers run through dot products, the first through single lanes, arrays and units with other accumulators.
        """
        if case.part != "dot32" or case.accumulator is not None:
            return (self.layers[:1],)
        by_length: dict[int, list[Layer]] = {}
        for layer in self.layers:
            by_length.setdefault(layer.weight.shape[1], []).append(layer)
        return tuple(tuple(group) for group in by_length.values())

    def __post_init__(self) -> None:
        if not 1 <= self.routed_lanes <= LANES:
            raise BitmillError(f"routed_lanes must be in 1..{LANES}, not {self.routed_lanes!r}")
        for name, values in (
            ("layers", self.layers),
            ("pairs", self.pairs),
            ("units", self.units),
            ("seeds", self.seeds),
        ):
            if not values:
                raise BitmillError(f"{name} must hold at least one entry, not {list(values)!r}")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise BitmillError(f"layers must have different names, not {names!r}")

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """Every unit of every pair, the large ones first so that no long job starts last."""
        units: Sequence[Unit] = sorted(self.units, key=("dot32", "mac-fp32", "mac").index)
        cases = [Case(pair, unit) for unit in units for pair in self.pairs]
        return tuple(sorted(cases, key=lambda case: (units.index(case.part), -case.config.product.bits)))

    @cached_property
    def arrays(self) -> tuple[Case, ...]:
        """The arrays, the large ones first."""
        pairs = [pair for pair in self.pairs if pair in ARRAY_PAIRS]
        return tuple(Case(pair, unit) for unit in sorted(self.array_units, reverse=True) for pair in pairs)

    @cached_property
    def accumulated(self) -> tuple[Case, ...]:
        """Dot products with every accumulator but the exact one, pair by pair."""
        pairs = [pair for pair in self.accumulator_pairs if pair in self.pairs and "dot32" in self.units]
        return tuple(
            Case(pair, "dot32", accumulator)
            for pair in pairs
            for accumulator in compared_with_exact(pair.weight, Case(pair, "dot32").config)
        )

    @cached_property
    def accumulated_macs(self) -> tuple[Case, ...]:
        """MACs with other accumulators."""
        pairs = {pair for pair in self.accumulator_pairs if pair in self.pairs and "mac" in self.units}
        return tuple(case for case in ACCUMULATOR_MACS if case.pair in pairs)

    @property
    def formats(self) -> tuple[str, ...]:
        """Every format that a pair uses, once."""
        return tuple(dict.fromkeys(name for pair in self.pairs for name in (pair.weight, pair.activation)))
