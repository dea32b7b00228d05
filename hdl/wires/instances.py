"""A part of a unit, elaborated in place or as an instance of a module that is emitted once."""

from __future__ import annotations

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
