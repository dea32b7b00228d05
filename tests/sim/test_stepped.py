"""Units of steps: payloads by hand, corners at the ends of fields, resets counted where every step is an item."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill.config.stepped import StepField, StepMemory, SteppedConfig
from bitmill.hdl.stepped import port_words, write_layout
from bitmill.sim.engine import play
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_payload import StepItem, SteppedPayload
from bitmill.sim.stepped_traffic import SteppedTraffic


class MadeUp(SteppedConfig, frozen=True):
    """Three fields in, two out."""

    unit: str = "made-up"
    longest: int | None = 5

    @property
    def step_fields(self):
        return (
            StepField(name="a", bits=4, signed=True, count=2, words="two numbers"),
            StepField(name="p", bits=3, least=1, greatest=5, words="a number from 1 to 5"),
            StepField(name="b", bits=2, words="a number"),
        )

    @property
    def own_result_fields(self):
        return (
            StepField(name="x", bits=5, signed=True, words="a number"),
            StepField(name="y", bits=2, count=3, words="three numbers"),
        )

    @property
    def max_steps(self):
        return self.longest

    @property
    def title(self):
        return "a made-up unit"

    @property
    def throughput(self):
        return "a step a cycle"

    @property
    def macs(self):
        return 2


def test_payloads_are_as_stated():
    layout = SteppedPayload(MadeUp())
    assert (layout.input_bits, layout.output_bits) == (4 * 2 + 3 + 2 + 1, 5 + 2 * 3 + 1)
    item = StepItem(np.array([[-1, 2, 5, 3], [7, -8, 1, 0]]), "two steps")
    assert layout.pack_item(item) == [0b0_11_101_0010_1111, 0b1_00_001_1000_0111]
    fields = item.fields(layout.config)
    assert fields["a"].tolist() == [[-1, 2], [7, -8]]
    assert (fields["p"].tolist(), fields["b"].tolist()) == ([5, 1], [3, 0])
    packed = layout.pack_result({"x": -3, "y": (1, 2, 3)})
    assert packed == 0b0_11_10_01_11101
    stated = layout.unpack_output(packed | 1 << 11)
    assert (stated.x, stated.y, stated.too_long) == (-3, (1, 2, 3), 1)  # pyright: ignore[reportAttributeAccessIssue]


def test_payloads_without_last():
    layout = SteppedPayload(MadeUp(longest=None))
    assert (layout.input_bits, layout.output_bits) == (13, 11)
    assert layout.pack_item(StepItem(np.array([[-1, 2, 5, 3]]), "a step")) == [0b11_101_0010_1111]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"x": 16}, "x must be -16 to 15, not 16"),
        ({"y": (0, 4, 0)}, "y must be 0 to 3, not 4"),
        ({"z": 1}, "not .'z'."),
    ],
)
def test_results_that_do_not_fit_are_refused(result, message):
    with pytest.raises(ValueError, match=message):
        SteppedPayload(MadeUp()).pack_result(result)


@pytest.mark.parametrize("longest", [1, 5, None])
def test_corners_reach_the_ends_of_every_field_and_length(longest):
    config = MadeUp(longest=longest)
    work = SteppedTraffic(config).stimuli(np.random.default_rng(1), count=30, corner_steps=20)
    lengths = {len(item) for item in work}
    assert lengths == ({1} if longest is None else {*range(1, longest + 1), longest + 1})
    one = {tuple(item.steps[0].tolist()) for item in work if len(item) == 1}
    assert {(a, a, p, b) for a in (-8, 7) for p in (1, 5) for b in (0, 3)} <= one
    steps = np.concatenate([item.steps for item in work])
    assert steps.min(axis=0).tolist() == [-8, -8, 1, 0]
    assert steps.max(axis=0).tolist() == [7, 7, 5, 3]


DELAY = """
module bitmill_top(input clk, input rst, input [7:0] i_payload, input i_valid, output i_ready,
                   output reg [7:0] o_payload, output reg o_valid, input o_ready);
  reg [7:0] held; reg there;
  assign i_ready = ~o_valid | o_ready;
  initial begin o_valid = 0; there = 0; o_payload = 0; held = 0; end
  always @(posedge clk)
    if (rst) begin o_valid <= 0; there <= 0; end
    else if (i_ready) begin held <= i_payload; there <= i_valid; o_payload <= held; o_valid <= there; end
endmodule
"""


@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
@pytest.mark.parametrize(("every_input", "discarded"), [(True, 2), (False, 0)])
def test_what_a_reset_discards_where_every_step_is_an_item(engine, every_input, discarded, tmp_path):
    # Two steps are on their way when the reset comes; no highest bit is set.
    job = Job(8, 8, (Phase("one", [3, 0, 1, 2], [3, 0, 1, 2], resets=(2,)),), every_input=every_input)
    job.save(tmp_path / "job.npz")
    assert Job.load(tmp_path / "job.npz") == job
    (counts,) = play(DELAY, "bitmill_top", job, engine=engine).phases
    assert (counts.resets, counts.discarded, counts.mismatches) == (1, discarded, 0)


class Remembers(MadeUp, frozen=True):
    """The same with a memory of five words of two numbers."""

    @property
    def memory(self):
        return StepMemory(
            depth=5, word=StepField(name="word", bits=3, signed=True, count=2, greatest=2, words="two numbers")
        )


def test_memories_are_written_word_by_word_and_others_each_time():
    traffic = SteppedTraffic(Remembers())
    assert traffic.control_widths == {"write": 1 + 3 + 6}
    assert traffic.memory is not None
    assert (traffic.memory.shape, traffic.memory.min() >= -4, traffic.memory.max() <= 2) == ((5, 2), True, True)
    *writes, idle = [cycle["write"] for cycle in traffic.controls]
    assert [(word & 1, word >> 1 & 7) for word in writes] == [(1, address) for address in (4, 3, 2, 1, 0)]
    for word, (first, second) in zip(writes, reversed(traffic.memory.tolist()), strict=True):
        assert word >> 4 == (first & 7) | (second & 7) << 3
    assert idle == 0b111_111_000_0
    other = traffic.retold(np.random.default_rng(8))
    assert other.memory is not None
    assert (other.memory != traffic.memory).any()
    assert SteppedTraffic(MadeUp()).controls == ()


def test_ports_of_memories_are_there_and_told():
    layout = write_layout(Remembers().memory)
    assert layout.size == 1 + 3 + 6
    assert set(port_words(Remembers())["write"]) == {"enable", "address", "word"}
    assert "write" not in port_words(MadeUp())
