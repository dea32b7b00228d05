"""A part of a unit, elaborated in place or as an instance of a module that is emitted once."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from amaranth import ClockSignal, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring


def placed(m: Module, name: str, component: wiring.Component, module: str | None, *, clocked: bool = True) -> Any:
    """Something with the ports of ``component`` as attributes.

    Parameters
    ----------
    m
        Where to place it.
    name
        Of the submodule or instance.
    component
        What to place; its ports must be plain signals.
    module
        Name of the module to instantiate; None elaborates the component itself.
    clocked
        Whether the module has a clock and a reset.
    """
    if module is None:
        m.submodules[name] = component
        return component
    ports: dict[str, Any] = {}
    connected: dict[str, Value] = {}
    for port, member in component.signature.members.items():
        ports[port] = Signal(member.shape, name=f"{port}_of_{name}")
        if len(Value.cast(ports[port])):
            connected[f"{'i' if member.flow == wiring.In else 'o'}_{port}"] = Value.cast(ports[port])
    clock = {"i_clk": ClockSignal(), "i_rst": ResetSignal()} if clocked else {}
    m.submodules[name] = Instance(module, **clock, **connected)
    return SimpleNamespace(**ports)


def connected(
    m: Module,
    name: str,
    component: wiring.Component,
    module: str | None,
    inputs: Mapping[str, Value],
    *,
    outputs: Mapping[str, Signal] | None = None,
    clocked: bool = True,
) -> Any:
    """As ``placed``, with all inputs given: an instance takes them as they are, without a signal for each.

    For large units, where signals between a port and what drives it would be most of the text. Its outputs are attributes.
    ``outputs`` has signals for those of an instance that are not to be called ``port_of_name``, or have another shape.
    """
    if module is None:
        m.submodules[name] = component
        m.d.comb += [Value.cast(getattr(component, port)).eq(value) for port, value in inputs.items()]
        return component
    made: dict[str, Any] = {
        port: (outputs or {}).get(port, Signal(member.shape, name=f"{port}_of_{name}"))
        for port, member in component.signature.members.items()
        if member.flow == wiring.Out
    }
    m.submodules[name] = Instance(
        module,
        **({"i_clk": ClockSignal(), "i_rst": ResetSignal()} if clocked else {}),
        **{f"i_{port}": value for port, value in inputs.items() if len(Value.cast(value))},
        **{f"o_{port}": Value.cast(value) for port, value in made.items() if len(Value.cast(value))},
    )
    return SimpleNamespace(**made)
