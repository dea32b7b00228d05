"""What is written of a unit: Verilog, manifest, core file."""
