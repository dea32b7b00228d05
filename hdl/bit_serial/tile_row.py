# amaranth: UnusedElaboratable=no
# Where a part is an instance, the component itself is only asked for its ports.
"""One row of a large tile: its PEs with their scalers, elaborated once and placed as often as there are rows."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_serial import BitSerialConfig
from ..wires.instances import connected, placed
from .serial_aligner import aligned_shape
from .serial_pe import SerialPE, shift_bits
from .serial_scaler import SerialScaler
from .term_generator import TERM_LAYOUT

LARGE = 256
"""PEs of a tile from which on its rows are modules."""

SCALING = ("multiply", "lower", "lift", "join")
"""What a row's control tells its scalers."""


def totals_of_row(
    m: Module,
    config: BitSerialConfig,
    *,
    row: str,
    of_pe: dict[str, Value],
    terms: list[Value],
    of_scaler: dict[str, Value],
    scale_bits: list[Value],
    modules: dict[str, str] | None,
) -> list[Value]:
    """Place a row's PEs and scalers in ``m``; what the scalers hold, by column.

    Parameters
    ----------
    m, config
        Where, and the tile.
    row
        In the names of the parts: ``3_``, or nothing.
    of_pe, of_scaler
        Inputs that all PEs, and all scalers, of the row share, by port.
    terms, scale_bits
        Those that differ from column to column.
    modules
        Names of the modules ``pe`` and ``scaler``; None elaborates them.
    """
    totals = []
    for col, (term, scale_bit) in enumerate(zip(terms, scale_bits, strict=True)):
        pe = placed(m, f"pe{row}{col}", SerialPE(config=config), modules["pe"] if modules else None)
        scaler = placed(m, f"scaler{row}{col}", SerialScaler(config=config), modules["scaler"] if modules else None)
        m.d.comb += [
            pe.enable.eq(of_pe["enable"]),
            pe.activations.eq(of_pe["activations"]),
            pe.terms.eq(term),
            *(getattr(pe, port).eq(of_pe[port]) for port in ("step", "last", "cycle", "shift")),
            scaler.sum.eq(pe.total),
            scaler.scale_bit.eq(scale_bit),
            *(getattr(scaler, port).eq(of_scaler[port]) for port in ("capture", *SCALING, "clear")),
        ]
        totals.append(scaler.total)
    return totals


class TileRow(wiring.Component):
    """``cols`` PEs and scalers; ports are those of the parts, once where they are shared, column 0 lowest where they are not.

    Parameters
    ----------
    config
        The tile.
    modules
        If given, PEs and scalers are instances of modules of these names, ``pe`` and ``scaler``, instead of submodules.

    Members
    -------
    enable, step, last : In(1)
    activations : In(lanes of aligned_shape)
    terms : In(cols * lanes of TERM_LAYOUT)
    cycle, shift : In
    scale_bits : In(cols)
    capture, multiply, lower, lift, join, clear : In(1)
    totals : Out(cols * total_bits)
    """

    def __init__(self, *, config: BitSerialConfig, modules: dict[str, str] | None = None) -> None:
        self.config = config
        self.modules = modules
        super().__init__({
            "enable": In(1),
            "activations": In(data.ArrayLayout(aligned_shape(config), config.lanes)),
            "terms": In(data.ArrayLayout(data.ArrayLayout(TERM_LAYOUT, config.lanes), config.cols)),
            "step": In(1),
            "last": In(1),
            "cycle": In(range(config.term_cycles)),
            "shift": In(shift_bits(config)),
            "scale_bits": In(config.cols),
            "capture": In(1),
            **{name: In(1) for name in SCALING},
            "clear": In(1),
            "totals": Out(config.cols * config.total_bits),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        totals = totals_of_row(
            m,
            self.config,
            row="",
            of_pe={port: getattr(self, port) for port in ("enable", "activations", "step", "last", "cycle", "shift")},
            terms=[self.terms[col] for col in range(self.config.cols)],
            of_scaler={port: getattr(self, port) for port in ("capture", *SCALING, "clear")},
            scale_bits=list(self.scale_bits),
            modules=self.modules,
        )
        m.d.comb += self.totals.eq(Cat(totals))
        return m


def placed_row(
    m: Module,
    config: BitSerialConfig,
    *,
    row: int,
    of_pe: dict[str, Value],
    terms: list[Value],
    of_scaler: dict[str, Value],
    scale_bits: list[Value],
    module: str | None,
) -> list[Value]:
    """As ``totals_of_row``, the whole row a ``TileRow``."""
    inputs = {
        **{port: Value.cast(value) for port, value in {**of_pe, **of_scaler}.items()},
        "terms": Cat(Value.cast(term) for term in terms),
        "scale_bits": Cat(scale_bits),
    }
    made = connected(m, f"row{row}", TileRow(config=config), module, inputs)
    bits = config.total_bits
    totals = [Signal.like(made.totals[:bits].as_signed(), name=f"total{row}_{col}") for col in range(config.cols)]
    m.d.comb += [total.eq(made.totals.word_select(col, bits)) for col, total in enumerate(totals)]
    return list(totals)
