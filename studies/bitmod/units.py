"""What the study builds: bit-serial and parallel PEs, and what a tile has beside them at its edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from amaranth.lib import wiring

from ...config.bit_serial import BitSerialConfig
from ...config.parallel import ParallelConfig
from ...formats.weight_type import KIND_BITS, SPECIALS
from ...hdl.bit_serial.serial_aligner import SerialAligner
from ...hdl.bit_serial.serial_pe import SerialPE, shift_bits
from ...hdl.bit_serial.serial_scaler import ScalerControl, SerialScaler
from ...hdl.bit_serial.term_generator import TERM_LAYOUT, TermGenerator
from ...hdl.parallel.activation_decoder import ActivationDecoder
from ...hdl.parallel.ant_decoder import AntDecoder
from ...hdl.parallel.olive_decoder import OliveDecoder
from ...hdl.parallel.parallel_layouts import activation_layout, weight_layout
from ...hdl.parallel.parallel_pe import ParallelPE
from ...hdl.parallel.weight_decoder import WeightDecoder
from ...sim.pe_stimulus import Stimulus, parallel_stimulus, serial_stimulus
from ..ids import measured_id, topic_of
from ..measurements import Circuit
from ..records import Record

SIDE = 8
"""Rows and columns of the tile whose edges PEs share."""

GUARD = 5
"""Bits below a product of few-bit weights: with them a PE keeps as many bits of an activation as a window of 16."""

GROUP_HEADROOM = 7
"""Bits above a product for a group of 128, whose sum a scaler takes."""

Config = BitSerialConfig | ParallelConfig


@dataclass(frozen=True, kw_only=True)
class Part(Circuit):
    """A component that is measured alone.

    Attributes
    ----------
    key, title
        What records and readers call it.
    config
        What it is built for.
    build
        Makes it.
    """

    key: str
    title: str
    config: Config
    build: Callable[[], wiring.Component]

    def component(self) -> wiring.Component:
        """Makes it."""
        return self.build()

    def record(self, target: str) -> Record:
        """Its record on a target."""
        config = {"part": self.title, **self.config.model_dump()}
        return Record(measured_id(self.key, target), topic_of(target), config, part=self.key)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A PE in a tile of ``SIDE`` x ``SIDE``.

    Attributes
    ----------
    key, title
        What records and readers call it.
    pe
        The PE.
    edges
        What a row or a column has one of.
    scaler, control
        What scales a group's sum and adds up groups; what commands it.
    control_per_row
        Whether a row has one control; without, every PE has its own, because exponents differ from PE to PE.
    cycles
        Bits of a weight to the cycles that it takes.
    operand_bits
        Of the registers that a row and a column keep its operands in, where its edges do not count them.
    stimulus
        Gives what drives the PE where its energy is measured.
    lanes
        Products worked on at a time.
    """

    key: str
    title: str
    pe: Part
    edges: tuple[Part, ...]
    scaler: Part
    control: Part
    control_per_row: bool
    cycles: Mapping[int, int]
    operand_bits: int
    stimulus: Callable[[], Stimulus]
    lanes: int = 1

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is measured of it, the PE first."""
        return (self.pe, *self.edges, self.scaler, self.control)

    @property
    def bits(self) -> int:
        """The width of weights at which it is compared: 4 where it can, else its own."""
        return 4 if 4 in self.cycles else min(self.cycles)

    def products_per_cycle(self, bits: int) -> float:
        """Products a cycle with weights of that many bits."""
        return self.lanes / self.cycles[bits]


def _serial(key: str, title: str, **fields: object) -> Candidate:
    config = BitSerialConfig.from_dict({"rows": SIDE, "cols": SIDE, **fields})
    suffix = key.removeprefix("serial")

    def part(name: str, part_title: str, component: Callable[..., wiring.Component]) -> Part:
        whose = part_title if not suffix else f"{part_title}, {title.removeprefix('bit-serial, ')}"
        return Part(key=f"{name}{suffix}", title=whose, config=config, build=lambda: component(config=config))

    pe = Part(key=f"{key}-pe", title=f"{title}, PE", config=config, build=lambda: SerialPE(config=config))
    edges = (
        part("aligner", "aligner of a row", SerialAligner),
        part("generator", "term generator of a column", TermGenerator),
    )
    return Candidate(
        key=key, title=title, pe=pe, edges=edges, control_per_row=True, lanes=config.lanes,
        scaler=part("scaler", "scaler", SerialScaler), control=part("control", "control of scalers", ScalerControl),
        cycles={bits: -(-bits // 2) for bits in range(3, config.weight_bits + 1)},
        # A column: codes, which stand for all their terms, and what they are, then the terms. A row: the shift of its sums.
        operand_bits=config.lanes * (config.weight_bits + TERM_LAYOUT.size) + KIND_BITS + (SPECIALS - 1).bit_length()
        + shift_bits(config),
        stimulus=lambda: serial_stimulus(config),
    )  # fmt: skip


def _parallel(key: str, title: str, config: ParallelConfig, *, bits: int, like: Candidate) -> Candidate:
    """A parallel PE whose sums are scaled and added up by the same scaler as those of ``like``."""
    pe = Part(key=f"{key}-pe", title=f"{title}, PE", config=config, build=lambda: ParallelPE(config=config))
    decoders: dict[str, Callable[[], wiring.Component]] = {
        "ANT": lambda: AntDecoder(config=config),
        "OLIVE": lambda: OliveDecoder(config=config),
    }
    weight = decoders.get(config.weight, lambda: WeightDecoder(config=config))
    edges = (
        Part(
            key=f"row-{config.activation.lower()}", title=f"{config.activation} decoder of a row", config=config,
            build=lambda: ActivationDecoder(config=config),
        ),
        Part(key=f"column-{config.weight.lower()}", title=f"{config.weight} decoder of a column", config=config, build=weight),
    )  # fmt: skip
    return Candidate(
        key=key,
        title=title,
        pe=pe,
        edges=edges,
        scaler=like.scaler,
        control=like.control,
        control_per_row=config.is_integer,
        cycles={bits: 1},
        operand_bits=weight_layout(config).size + activation_layout(config).size,
        stimulus=lambda: parallel_stimulus(config),
    )


@lru_cache
def candidates() -> tuple[Candidate, ...]:
    """The baseline first."""
    serial = _serial("serial", "bit-serial, FP16 activations")
    given = _serial("serial-given", "bit-serial, exponents given", group_exponent="given")
    wide = _serial("serial-given-20", "bit-serial, exponents given, 20-bit window", group_exponent="given", window=20)
    integers = _serial("serial-int8", "bit-serial, INT8 activations", activation="INT8")

    def parallel(weight: str, bits: int, like: Candidate = serial, activation: str = "FP16") -> Candidate:
        fields: dict[str, object] = {"weight": weight, "activation": activation}
        if weight not in ("FP16", activation):
            fields["guard"] = GUARD
        if weight == activation == "INT8":
            fields["headroom"] = GROUP_HEADROOM
        config = ParallelConfig.model_validate(fields)
        name = {"OLIVE": "OliVe"}.get(weight, weight)
        key = f"{activation}x{weight}".lower()
        return _parallel(key, f"{activation} \N{MULTIPLICATION SIGN} {name}", config, bits=bits, like=like)

    return (
        parallel("FP16", 16),
        serial,
        given,
        wide,
        _serial("serial-w4", "bit-serial, 4-bit weights only", weight_bits=4),
        parallel("INT8", 8),
        parallel("ANT", 4),
        parallel("OLIVE", 4),
        integers,
        parallel("INT8", 8, integers, "INT8"),
    )


BASELINE = "fp16xfp16"
"""Key of the candidate that all are compared with."""
