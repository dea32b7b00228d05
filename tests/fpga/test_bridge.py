import pytest
from amaranth.sim import Simulator

from bitmill import BitmillError
from bitmill.fpga.bridge import SerialBridge, SerialReceiver, frame_bytes

DIVISOR = 5


async def send(ctx, line, data, *, stop_bit=1):
    for byte in data:
        for bit in [0, *(byte >> k & 1 for k in range(8)), stop_bit]:
            ctx.set(line, bit)
            await ctx.tick().repeat(DIVISOR)
    ctx.set(line, 1)


async def receive(ctx, line, count):
    """Bytes of a serial line, each bit read in its middle, independently of the design's own receiver."""
    data = []
    for _ in range(count):
        await ctx.tick().until(line == 0)
        await ctx.tick().repeat(DIVISOR // 2)
        bits = []
        for _ in range(9):
            await ctx.tick().repeat(DIVISOR)
            bits.append(ctx.get(line))
        assert bits[8] == 1, "stop bit"
        data.append(sum(bit << k for k, bit in enumerate(bits[:8])))
    return bytes(data)


def run(dut, *benches):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench, background in benches:
        simulator.add_testbench(bench, background=background)
    simulator.run_until(1e-6 * 20000)


@pytest.mark.parametrize(("input_width", "output_width"), [(16, 8), (13, 17), (1, 1), (24, 32)])
def test_one_frame_is_one_cycle_of_inputs_and_its_outputs(input_width, output_width):
    dut = SerialBridge(input_width=input_width, output_width=output_width, divisor=DIVISOR)
    frames = [(0x5AC396 * (k + 1) + k) % (1 << input_width) for k in range(4)]
    answers, cycles = [], []

    def unit(value):
        return (value * 7 + 3) % (1 << output_width)

    async def model(ctx):
        async for _, _, value, active in ctx.tick().sample(dut.inputs, dut.active):
            if active:
                cycles.append(value)
            else:
                assert value == 0

    async def outputs(ctx):
        async for value in ctx.changed(dut.inputs):
            ctx.set(dut.outputs, unit(value[0]))

    async def host(ctx):
        for frame in frames:
            await send(ctx, dut.rx, frame.to_bytes(frame_bytes(input_width), "little"))
            answers.append(int.from_bytes(await receive(ctx, dut.tx, frame_bytes(output_width)), "little"))

    run(dut, (host, False), (model, True), (outputs, True))
    assert cycles == frames
    assert answers == [unit(frame) for frame in frames]


def test_a_frame_that_stops_half_way_is_dropped():
    dut = SerialBridge(input_width=16, output_width=8, divisor=DIVISOR)
    seen = []

    async def model(ctx):
        async for _, _, value, active in ctx.tick().sample(dut.inputs, dut.active):
            if active:
                seen.append(value)

    async def host(ctx):
        await send(ctx, dut.rx, b"\xaa")
        await ctx.tick().repeat(5 * 10 * DIVISOR)
        await send(ctx, dut.rx, b"\x34\x12")
        await ctx.tick().repeat(20 * DIVISOR)

    run(dut, (host, False), (model, True))
    assert seen == [0x1234]


def test_a_byte_without_its_stop_bit_is_dropped():
    dut = SerialReceiver(divisor=DIVISOR)
    seen = []

    async def model(ctx):
        async for _, _, byte, valid in ctx.tick().sample(dut.byte, dut.valid):
            if valid:
                seen.append(byte)

    async def host(ctx):
        await ctx.tick().repeat(3 * DIVISOR)
        await send(ctx, dut.line, b"\x81")
        await send(ctx, dut.line, b"\xff", stop_bit=0)
        await ctx.tick().repeat(30 * DIVISOR)
        await send(ctx, dut.line, b"\x42")
        await ctx.tick().repeat(3 * DIVISOR)

    run(dut, (host, False), (model, True))
    assert seen == [0x81, 0x42]


def test_arguments_are_checked():
    with pytest.raises(BitmillError, match="input_width must be at least 1, not 0"):
        SerialBridge(input_width=0, output_width=8, divisor=8)
    with pytest.raises(BitmillError, match="divisor must be at least 4, not 3"):
        SerialBridge(input_width=8, output_width=8, divisor=3)
