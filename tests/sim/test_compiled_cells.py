"""Operators of compiled designs against Python's integers, on widths around the word size, and the choice of runtime."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.compiled.pieces import STATEMENTS, cut
from bitmill.sim.compiled.translate import LIGHT_RUNTIME, translate
from bitmill.sim.job import Job, Phase

TOP = "bitmill_top"
SEED = 20
WIDTHS = [(1, 1, 1), (5, 3, 9), (8, 33, 7), (31, 32, 64), (64, 64, 64), (63, 65, 128), (65, 7, 65), (100, 130, 90)]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _operators(a_bits: int, b_bits: int, y_bits: int) -> list[tuple[str, int, Callable[[int, int], int]]]:
    """Verilog expression of a, b (signed: sa, sb), width of its result, and the same in Python's integers."""

    def sa(a: int) -> int:
        return _signed(a, a_bits)

    def sb(b: int) -> int:
        return _signed(b, b_bits)

    ones_a = (1 << a_bits) - 1
    low = a_bits // 3
    return [
        ("a + b", y_bits, lambda a, b: a + b),
        ("a - b", y_bits, lambda a, b: a - b),
        ("a * b", y_bits, lambda a, b: a * b),
        ("sa + sb", y_bits, lambda a, b: sa(a) + sb(b)),
        ("sa - sb", y_bits, lambda a, b: sa(a) - sb(b)),
        ("sa * sb", y_bits, lambda a, b: sa(a) * sb(b)),
        ("-sa", y_bits, lambda a, b: -sa(a)),
        ("~a", y_bits, lambda a, b: ~a),
        ("a & b", y_bits, lambda a, b: a & b),
        ("sa | sb", y_bits, lambda a, b: sa(a) | sb(b)),
        ("sa ^ sb", y_bits, lambda a, b: sa(a) ^ sb(b)),
        ("a ~^ b", y_bits, lambda a, b: ~(a ^ b)),
        ("a << b[2:0]" if b_bits > 2 else "a << b", y_bits, lambda a, b: a << (b & 7)),
        ("a >> b", y_bits, lambda a, b: a >> min(b, 999)),
        ("sa >>> b", y_bits, lambda a, b: sa(a) >> min(b, 999)),
        ("a << b", y_bits, lambda a, b: a << min(b, 999)),
        ("a < b", 1, lambda a, b: int(a < b)),
        ("sa < sb", 1, lambda a, b: int(sa(a) < sb(b))),
        ("sa <= sb", 1, lambda a, b: int(sa(a) <= sb(b))),
        ("a >= b", 1, lambda a, b: int(a >= b)),
        ("sa > sb", 1, lambda a, b: int(sa(a) > sb(b))),
        ("a == b", 1, lambda a, b: int(a == b)),
        ("sa != sb", 1, lambda a, b: int(sa(a) != sb(b))),
        ("&a", 1, lambda a, b: int(a == ones_a)),
        ("|b", 1, lambda a, b: int(b != 0)),
        ("^a", 1, lambda a, b: a.bit_count() & 1),
        ("~^b", 1, lambda a, b: (b.bit_count() & 1) ^ 1),
        ("!a", 1, lambda a, b: int(a == 0)),
        ("a && b", 1, lambda a, b: int(bool(a and b))),
        ("a || b", 1, lambda a, b: int(bool(a or b))),
        (f"a[{a_bits - 1}:{low}]", a_bits - low, lambda a, b: a >> low),
        (f"{{b, a[{low}], {{3{{a}}}}, 2'd2}}", b_bits + 3 * a_bits + 3,
         lambda a, b: ((b << 1 | (a >> low & 1)) << 3 * a_bits | a << 2 * a_bits | a << a_bits | a) << 2 | 2),
        (f"{{70{{a[{low}]}}}}", 70, lambda a, b: ((1 << 70) - 1) * (a >> low & 1)),
        ("a ? b : ~b", b_bits, lambda a, b: b if a else ~b),
    ]  # fmt: skip


def _numbers(rng: random.Random, bits: int) -> int:
    """Corners as often as anything else."""
    return rng.choice([0, 1, (1 << bits) - 1, 1 << (bits - 1), rng.getrandbits(bits), rng.getrandbits(bits)]) % (
        1 << bits
    )


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_operators(widths: tuple[int, int, int]) -> None:
    a_bits, b_bits, _ = widths
    operators = _operators(*widths)
    lines = [
        f"wire [{bits - 1}:0] y{i}; assign y{i} = {text};" for i, (text, bits, _) in enumerate(operators)
    ]  # fmt: skip
    output_bits = sum(bits for _, bits, _ in operators)
    # The result is registered piece by piece, so that parts of a register are assigned too.
    verilog = f"""
module {TOP}(input clk, input rst, input [{a_bits + b_bits - 1}:0] i_payload, input i_valid, output i_ready,
             output reg [{output_bits - 1}:0] o_payload, output reg o_valid, input o_ready);
  wire [{a_bits - 1}:0] a = i_payload[{a_bits - 1}:0];
  wire [{b_bits - 1}:0] b = i_payload[{a_bits + b_bits - 1}:{a_bits}];
  wire signed [{a_bits - 1}:0] sa = a;
  wire signed [{b_bits - 1}:0] sb = b;
  {" ".join(lines)}
  assign i_ready = !o_valid | o_ready;
  always @(posedge clk) begin
    if (i_ready) begin
      o_valid <= i_valid;
      o_payload <= {{{", ".join(f"y{i}" for i in reversed(range(len(operators))))}}};
    end
    if (rst) o_valid <= 0;
  end
endmodule
"""
    rng = random.Random(SEED)
    pairs = [(_numbers(rng, a_bits), _numbers(rng, b_bits)) for _ in range(300)]
    expected = []
    for a, b in pairs:
        payload = position = 0
        for _, bits, python in operators:
            payload |= (python(a, b) & ((1 << bits) - 1)) << position
            position += bits
        expected.append(payload)
    inputs = [a | b << a_bits for a, b in pairs]
    job = Job(a_bits + b_bits, output_bits, (Phase("operators", inputs, expected),))
    simulation = CompiledSimulation(verilog, TOP, input_bits=a_bits + b_bits, output_bits=output_bits)
    outcome = simulation.run(job)
    for wrong in outcome.mismatches:
        position = 0
        for text, bits, _ in operators:
            got, want = (value >> position & ((1 << bits) - 1) for value in (wrong.got, wrong.expected))
            assert got == want, f"{text}: a, b = {pairs[wrong.index]}, widths {widths}, seed {SEED}"
            position += bits
    assert outcome.failure is None
    assert outcome.phases[0].transactions == 300


MEMORY = f"""
module {TOP}(input clk, input rst, input [8:0] i_payload, input i_valid, output i_ready,
             output [7:0] o_payload, output o_valid, input o_ready);
  reg [7:0] memory [0:15];
  assign i_ready = o_ready;
  assign o_valid = i_valid & !i_payload[8];
  assign o_payload = memory[i_payload[3:0]];
  always @(posedge clk) if (i_valid & i_ready & i_payload[8]) memory[i_payload[3:0]] <= i_payload[7:0];
endmodule
"""


def test_design_with_a_memory_takes_the_runtime_of_yosys() -> None:
    assert translate(MEMORY, TOP).runtime != LIGHT_RUNTIME
    written = [0x100 | (value << 4) | address for value, address in ((3, 5), (9, 0), (12, 15))]
    job = Job(9, 8, (Phase("memory", [*written, 5, 0, 15], [0x35, 0x90, 0xCF]),), patience=20)
    outcome = CompiledSimulation(MEMORY, TOP, input_bits=9, output_bits=8).run(job)
    assert outcome.failure is None


SET_AND_RESET = f"""
module cell_sr(input clk, input d, input set, input clear, output reg q);
  always @(posedge clk, posedge set, posedge clear) if (clear) q <= 0; else if (set) q <= 1; else q <= d;
endmodule
module {TOP}(input clk, input rst, input [9:0] i_payload, input i_valid, output i_ready,
             output [7:0] o_payload, output reg o_valid, input o_ready);
  reg set, clear;
  assign i_ready = !o_valid;
  genvar bit_;
  generate for (bit_ = 0; bit_ < 8; bit_ = bit_ + 1)
    cell_sr held(.clk(clk), .d(i_ready & i_valid ? i_payload[bit_] : o_payload[bit_]),
                 .set(set), .clear(clear), .q(o_payload[bit_]));
  endgenerate
  always @(posedge clk)
    if (rst | o_valid & o_ready) begin o_valid <= 0; set <= 0; clear <= 0; end
    else if (i_ready & i_valid) begin o_valid <= 1; set <= i_payload[9]; clear <= i_payload[8]; end
endmodule
"""


def test_registers_with_set_and_reset_keep_what_they_took_at_the_edge() -> None:
    inputs = [0x0A5, 0x25A, 0x03C, 0x1C3, 0x096, 0x3FF, 0x0FF, 0x000]
    expected = [0xA5, 0xFF, 0x3C, 0x00, 0x96, 0x00, 0xFF, 0x00]
    job = Job(10, 8, (Phase("set and reset", inputs, expected),), patience=20)
    outcome = CompiledSimulation(SET_AND_RESET, TOP, input_bits=10, output_bits=8).run(job)
    assert (outcome.failure, list(outcome.mismatches)) == (None, [])
    assert outcome.phases[0].transactions == len(expected)


def test_combinational_loop_is_an_error_and_no_hang() -> None:
    loop = MEMORY.replace("assign o_payload = memory[i_payload[3:0]];",
                          "wire swing; assign swing = ~(swing & i_valid); assign o_payload = {8{swing}};")  # fmt: skip
    job = Job(9, 8, (Phase("loop", [1], [1]),), patience=20)
    outcome = CompiledSimulation(loop, TOP, input_bits=9, output_bits=8).run(job)
    assert outcome.failure == "the design does not settle: it has a combinational loop that swings"


def _class_of(body: str) -> str:
    return (
        "struct p_t : public module {\n\tbool eval(performer *performer = nullptr) override;\n};\n"
        f"bool p_t::eval(performer *performer) {{\n\tbool converged = true;\n\tvalue<1> p_y;\n{body}\n"
        "\treturn converged;\n}\n"
    )


def test_repeated_modules_stay_classes_and_long_functions_are_cut(int4_mac: str) -> None:
    lane = (
        "module lane(input clk, input [7:0] a, output reg [7:0] y); always @(posedge clk) y <= y * a + 1; endmodule\n"
    )
    lanes = "".join(f"wire [7:0] y{i}; lane lane{i}(.clk(clk), .a(i_payload[7:0]), .y(y{i}));\n" for i in range(9))
    design = translate(lane + MEMORY.replace("  reg [7:0]", lanes + "  reg [7:0]").replace("= memory[i_payload[3:0]]",
                       "= " + " ^ ".join(f"y{i}" for i in range(9))), TOP)  # fmt: skip
    assert design.text.count("struct p_lane : public module") == 1
    body = "\n".join(f"\tp_y = p_x.slice<{i}>().val();" for i in range(3 * STATEMENTS))
    pieces = cut(_class_of(body))
    assert pieces.count("bool p_t::piece") == 3
    assert [line for line in pieces.splitlines() if "p_y = " in line] == body.splitlines()
    assert pieces.index("value<1> p_y;") < pieces.index("bool p_t::piece0")
    assert (
        cut(int4_mac) == "\n".join(line for line in int4_mac.splitlines() if not line.lstrip().startswith("//")) + "\n"
    )


def test_a_memory_is_read_where_its_index_is_found() -> None:
    read = [
        "\tauto tmp_0 = memory_index(p_a.curr, 0, 4);",
        '\tCXXRTL_ASSERT(tmp_0.valid && "out of bounds read");',
        "\tif(tmp_0.valid) {",
        "\t\tp_y = memory_p_m[tmp_0.index];",
        "\t} else {",
        "\t\tp_y = value<1> {};",
        "\t}",
    ]
    for before in range(STATEMENTS - 4, STATEMENTS + 1):
        body = [*(f"\tp_y = p_x.slice<{number}>().val();" for number in range(before)), *read, "\tp_y = p_x;"]
        pieces = cut(_class_of("\n".join(body))).split("bool p_t::")[1:]
        assert sum("tmp_0" in piece for piece in pieces) == 1, before
