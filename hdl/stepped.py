# amaranth: UnusedElaboratable=no
# A unit may be built only to be asked for its latency and its ports.
"""What all units of steps have in common: ports as their configurations state the fields, a pipeline that moves as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amaranth import Module, Signal, Value, signed, unsigned
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..config.stepped import StepField, StepMemory, SteppedConfig
from .family import HardwareFamily, PortWords
from .mac.step_guard import StepGuard
from .unit import Unit
from .wires.delay import stages
from .wires.handshake import free


def field_shape(field: StepField) -> ShapeLike:
    """Of a field in a payload."""
    shape = signed(field.bits) if field.signed else unsigned(field.bits)
    return shape if field.count is None else data.ArrayLayout(shape, field.count)


def fields_layout(fields: Sequence[StepField]) -> data.StructLayout:
    """Fields one above the other, the first lowest."""
    return data.StructLayout({field.name: field_shape(field) for field in fields})


def write_layout(memory: StepMemory) -> data.StructLayout:
    """What writes a memory: the word at ``address`` in a cycle with ``enable``."""
    return data.StructLayout({"enable": 1, "address": range(memory.depth), "word": field_shape(memory.word)})


@dataclass(frozen=True)
class Steps:
    """A pipeline that moves as a whole, as a unit sees it.

    Attributes
    ----------
    advance
        All registers move in this cycle.
    valid, last
        By stage, whether a step is there, and whether it is its result's last one: 0 at the input, k behind k registers. The last
        of them is the step that joins the result in this cycle.
    first
        The step that joins is its result's first.
    joins
        A step joins in this cycle.
    too_long
        More steps have joined than a result may have.
    """

    advance: Signal
    valid: list[Value]
    last: list[Value]
    first: Value
    joins: Value
    too_long: Value


class SteppedUnit(Unit):
    """The base of units of steps: the ports, and the frame of a pipeline.

    Throughput: whatever ``config.throughput`` says; results follow each other without a gap.

    Parameters
    ----------
    config
        The unit.

    Members
    -------
    i : In(stream.Signature(fields_layout(config.input_fields)))
    o : Out(stream.Signature(fields_layout(config.result_fields)))
        All fields but ``too_long`` are 0 where that is set.
    write : In(write_layout(config.memory))
        Where the unit has a memory: written with the clock edge of this cycle; not while steps that read it are inside.
    """

    ORDER = "Results leave in the order of their last steps."

    def __init__(self, *, config: SteppedConfig) -> None:
        self.config: SteppedConfig = config
        memory = config.memory
        super().__init__({
            "i": In(stream.Signature(fields_layout(config.input_fields))),
            "o": Out(stream.Signature(fields_layout(config.result_fields))),
            **({} if memory is None else {"write": In(write_layout(memory))}),
        })  # fmt: skip

    def steps(self, m: Module, registers: int) -> Steps:
        """The frame of a pipeline with ``registers``, at least 0, between a step's transfer and where it joins its result.

        A transfer a cycle; results have one register more, that of the output.
        """
        advance = Signal()
        m.d.comb += [advance.eq(free(self.o)), self.i.ready.eq(advance)]
        valid: list[Value] = [self.i.valid, *stages(m, advance, self.i.valid, registers, "valid{}", init=0)]
        if self.config.max_steps is None:
            return self.joined(m, advance, valid, [Value.cast(1)] * len(valid))
        ends = self.i.payload.last
        return self.joined(m, advance, valid, [ends, *stages(m, advance, ends, registers, "last{}")])

    def joined(
        self, m: Module, advance: Signal, valid: list[Value], last: list[Value], *, whole: Value | None = None
    ) -> Steps:
        """The frame of a pipeline of the unit's own, which may take several cycles for a step.

        Parameters
        ----------
        m
            Where to place it.
        advance
            All registers move in this cycle.
        valid, last
            As of ``Steps``, by stage: something is there, and it is the end of its result's last step.
        whole
            What joins is the end of a step; always if left out.
        """
        joins = valid[-1] & advance
        if self.config.max_steps is None:
            return Steps(advance, valid, last, Value.cast(1), joins, Value.cast(0))
        m.submodules.guard = guard = StepGuard(max_steps=self.config.max_steps)
        first = Signal(init=1)
        m.d.comb += [guard.step.eq(joins if whole is None else joins & whole), guard.last.eq(last[-1])]
        with m.If(joins):
            m.d.sync += first.eq(last[-1])
        return Steps(advance, valid, last, first, joins, guard.too_long)

    def give(self, m: Module, steps: Steps, result: Mapping[str, Value | Sequence[Value]]) -> None:
        """The output's register: the result's fields by name, as they are with the step that joins in this cycle."""
        payload = self.o.payload
        fails = Signal()
        m.d.comb += fails.eq(steps.too_long)
        with m.If(steps.advance):
            m.d.sync += self.o.valid.eq(steps.valid[-1] & steps.last[-1])
            for field in self.config.own_result_fields:
                found = result[field.name]
                targets = [payload[field.name]] if field.count is None else list(payload[field.name])
                values = [found] if field.count is None else list(found)  # pyright: ignore[reportArgumentType]
                for target, value in zip(targets, values, strict=True):
                    kept = Value.cast(value)
                    if self.config.max_steps is not None:
                        number = Signal(field_shape(_element(field)))
                        m.d.comb += number.eq(kept)
                        kept = number & (~fails).replicate(field.bits)
                    m.d.sync += target.eq(kept)
            if self.config.max_steps is not None:
                m.d.sync += payload.too_long.eq(fails)


def _element(field: StepField) -> StepField:
    return StepField(name=field.name, bits=field.bits, words=field.words, signed=field.signed)


def port_words(config: SteppedConfig) -> PortWords:
    """What the fields of steps and results are, as the configuration says."""
    memory = config.memory
    write = {} if memory is None else {"write": {
        "enable": "a word is written in this cycle; not while steps that read it are inside",
        "address": f"of the word, 0 to {memory.depth - 1}",
        "word": memory.word.words,
    }}  # fmt: skip
    return {
        "i_payload": {field.name: field.words for field in config.input_fields},
        "o_payload": {field.name: field.words for field in config.result_fields},
        **write,
    }


def stepped_facts(config: SteppedConfig) -> dict[str, Any]:
    """Products a cycle, and the most steps of a result where it has several."""
    longest = {} if config.max_steps is None else {"max_steps": config.max_steps}
    return {"products_per_cycle": config.macs, **longest}


def stepped_family(
    component: Callable[..., Unit], *, streams: str = "Streams i, of steps, and o, of results.", **other: Any
) -> HardwareFamily:
    """The row of a family of units of steps.

    Parameters
    ----------
    component
        The class of its units, made with ``config=...`` alone.
    streams, other
        As of ``HardwareFamily``.
    """

    def unit(*, config: Any, module_prefix: str | None = None) -> Unit:
        return component(config=config)

    return HardwareFamily(**{
        "component": unit, "streams": streams, "words": port_words, "facts": stepped_facts, **other,
    })  # fmt: skip
