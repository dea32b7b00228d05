"""Compiled simulation: Verilog through Yosys CXXRTL and a C++ compiler to a library that plays jobs in batches."""

from .simulation import CompiledSimulation, simulate_compiled

__all__ = ["CompiledSimulation", "simulate_compiled"]
