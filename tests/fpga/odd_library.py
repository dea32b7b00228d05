"""A small library by hand, with every kind of cell that libraries surprise a flow with; some registers can be chosen."""

from __future__ import annotations

HEAD = """/* Not of any foundry: "quotes, a { and // in a comment */
library ("odd_%(part)s") {
  technology (cmos);
  delay_model : table_lookup;
  time_unit : "1ps"; voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1pW"; pulling_resistance_unit : "1kohm";
  capacitive_load_unit (1, ff);
  slew_lower_threshold_pct_rise : 10; slew_upper_threshold_pct_rise : 90; slew_derate_from_library : 1;
  slew_lower_threshold_pct_fall : 10; slew_upper_threshold_pct_fall : 90;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50; output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  operating_conditions (typical) { process : 1; temperature : 25; voltage : 1.0; }
  default_operating_conditions : typical;
  lu_table_template (delay) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("1, 100"); index_2 ("1, \\
      50"); }
  lu_table_template (limit) { variable_1 : related_pin_transition; index_1 ("%(limit)s"); }
"""
_SLOPE = ["cell_rise", "fall_transition", "rise_transition", "cell_fall"]


def _arc(related: str, extra: str = "", delay: int = 10) -> str:
    tables = " ".join(
        f'{word} (delay) {{ values ("{delay}, {6 * delay}", "{2 * delay}, {7 * delay}"); }}' for word in _SLOPE
    )
    return f'timing () {{ related_pin : "{related}"; {extra} {tables} }}'


def _inputs(*names: str, extra: str = "") -> str:
    return "".join(f"pin ({name}) {{ direction : input; capacitance : 1.5; {extra} }}\n" for name in names)


def gate(name: str, area: float, inputs: str, function: str, output: str = "Z", more: str = "") -> str:
    """A gate of one output."""
    arcs = " ".join(
        f"{_arc(one, 'when : more;', 8)} {_arc(one)}" if place == 0 else _arc(one)
        for place, one in enumerate(inputs.split())
    )
    return (
        f"cell ({name}) {{ area : {area}; {more}\n{_inputs(*inputs.split())}"
        f'pin ("{output}") {{ direction : output; max_capacitance : 200; function : "{function}"; {arcs} }} }}\n'
    )


def adder(name: str, area: float, outputs: str) -> str:
    """A full adder; ``outputs`` are pins of sum and carry with their functions."""
    pins = ""
    for one in outputs.split(";"):
        pin, function = one.split("=")
        pins += (
            f'pin ({pin}) {{ direction : output; function : "{function}"; {" ".join(map(_arc, ("P", "Q", "R")))} }}\n'
        )
    return f"cell ({name}) {{ area : {area}; pin (P, Q, R) {{ direction : input; capacitance : 2; }}\n{pins} }}\n"


def register(name: str, area: float, kind: str, words: str, data: str, clock: str, output: str, ties: str = "") -> str:
    """A flip-flop or latch; ``output`` is a pin and its function."""
    pin, function = output.split("=")
    constraint = "".join(
        f'timing () {{ related_pin : {clock}; timing_type : {edge}_rising; rise_constraint (limit) {{ values ("5, 5"); }} '
        'fall_constraint (limit) { values ("5, 5"); } }'
        for edge in ("setup", "hold")
    )
    return (
        f"cell ({name}) {{ area : {area}; {kind} (P0001, P0002) {{ {words} }}\n"
        f"{_inputs(data, extra=constraint)}{_inputs(clock, extra='clock : true;')}{_inputs(*ties.split())}"
        f'pin ({pin}) {{ direction : output; function : "{function}"; {_arc(clock, "timing_type : rising_edge;", 20)} }} }}\n'
    )


GATES = (
    gate("INVA", 2, "A", "A'")
    + gate("ND2", 3, "X1 X2", "(X1 X2)'")
    + gate("NR2", 3, "A B", "!(A|B)")
    + gate("AN2", 4, "A B", "A*B")
    + gate("XR2", 7, "A B", "(A B') + (A' B)")
    + gate("AOI", 4, "A B C", "((A&B)|C)'")
    + gate("BUFA", 3, "A", "A")
)
NEVER = (
    "cell (TAP) { area : 1; }\n"
    "cell (FILL) { area : 1; is_filler_cell : true; }\n"
    "cell (ANTENNA) { area : 1; pin (A) { direction : input; antenna_diode_type : power; } }\n"
    + "cell (TIE1) { area : 1; pin (Z) { direction : output; function : 1; } }\n"
    + gate("DELAY", 1, "A", "A", more="dont_use : true;")
    + gate("ISOLATE", 1, "A B", "A*B", more="is_isolation_cell : true;")
    + gate("SHIFT", 1, "A", "A", more='is_level_shifter : "true";')
    + gate("SPARE_BUF", 1, "A", "A")
    + "cell (TRI) { area : 1; pin (A, E) { direction : input; }\n"
    '  pin (Z) { direction : output; function : A; three_state : "!E"; } }\n'
    + "cell (WORD) { area : 1; bus (D) { bus_type : four; direction : input; } ff_bank (a, b, 4) { next_state : D; } }\n"
    + "cell (PAIR) { area : 1; bundle (D) { members (D0, D1); direction : input; }\n"
    '  pin (Z) { direction : output; function : "1"; } }\n'
    + 'cell (SCAN) { area : 1; ff (a, b) { next_state : "S ? T : D"; clocked_on : C; }\n'
    "  test_cell () { pin (D) { direction : input; } } }\n"
    + 'cell (STATES) { area : 1; statetable ("A", "n") { table : "L : - : L, \\\n H : - : N"; } pin (A) { direction : input; }\n'
    "  pin (n) { direction : internal; internal_node : n; } pin (Z) { direction : output; state_function : n; } }\n"
)
LATCH = register("LATR", 8, "latch", 'data_in : "D"; enable : "G"; clear : "R"', "D", "G", "Q=P0001", "R")
GATED = (
    "cell (GATED) { area : 6; clock_gating_integrated_cell : latch_posedge_postcontrol;\n"
    + _inputs("CK", extra="clock : true; clock_gate_clock_pin : true;")
    + _inputs("EN", extra="clock_gate_enable_pin : true;")
    + _inputs("TE", extra="clock_gate_test_pin : true;")
    + 'statetable ("CK EN", "n") { table : "L L : - : L , L H : - : H , H - : - : N"; }\n'
    + "pin (n) { direction : internal; internal_node : n; }\n"
    + f'pin (GCK) {{ direction : output; clock_gate_out_pin : true; state_function : "CK * n"; {_arc("CK")} }} }}\n'
)
FLIP_FLOPS = {
    "asynchronous": register(
        "DFC", 20, "ff", "next_state : D; clocked_on : CK; clear : \"CLR\"; preset : \"PRE'\"; clear_preset_var1 : L", "D", "CK",
        "Q=P0001", "CLR PRE",
    ),
    "synchronous": register(
        "DFE", 20, "ff", "next_state : \"((EN D) + (EN' P0001)) RST'\"; clocked_on : CK", "D", "CK", "Q=P0001", "EN RST"
    ),
    "inverted": register("DFQN", 20, "ff", 'next_state : "!D"; clocked_on : CK', "D", "CK", "QN=P0001"),
    "inverted output": register("DFN", 20, "ff", "next_state : D; clocked_on : CK", "D", "CK", "QN=P0002"),
    "falling": register("DFF", 20, "ff", "next_state : D; clocked_on : \"CKN'\"", "D", "CKN", "Q=P0001"),
}  # fmt: skip
ADDERS = {
    "inverted": adder("FAI", 14, "CON=!((P Q) + (P R) + (Q R));SN=!(P ^ Q ^ R)"),
    "true": adder("FA", 16, "S=P^Q^R;CO=(P Q) | (R (P | Q))"),
    "none": "",
}


def odd_library(flip_flop: str = "asynchronous", full_adder: str = "inverted", *, gated: bool = True) -> dict[str, str]:
    """Two files of it: gates, then the rest."""
    gates = HEAD % {"part": "a", "limit": "1, 100"} + GATES + NEVER + "}\n"
    others = HEAD % {"part": "b", "limit": "2, 200"}
    others += LATCH + FLIP_FLOPS[flip_flop] + ADDERS[full_adder] + (GATED if gated else "") + "}\n"
    return {"gates.lib": gates, "others.lib": others}
