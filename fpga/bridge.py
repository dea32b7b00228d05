"""A serial line to a unit with more ports than a board has pins: one frame in is one clock cycle of the unit."""

# Amaranth builds members and conditions at run time, which a static checker cannot see.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..system.errors import BitmillError

_FRAME_BITS = 10
"""A start bit, eight data bits with the least significant first, and a stop bit."""


def frame_bytes(width: int) -> int:
    """Bytes that carry ``width`` bits."""
    return -(-width // 8)


class SerialReceiver(wiring.Component):
    """Asynchronous serial line to bytes (8N1), each bit sampled in its middle.

    Parameters
    ----------
    divisor
        Clock cycles of a bit, at least 4.

    Members
    -------
    line : In(1)
        The line, high when idle, not synchronous to the clock.
    byte, valid : Out(8), Out(1)
        A byte, valid for one cycle.
    """

    def __init__(self, *, divisor: int) -> None:
        _check_divisor(divisor)
        super().__init__({"line": In(1, init=1), "byte": Out(8), "valid": Out(1)})
        self._divisor = divisor

    def elaborate(self, platform: object) -> Module:
        """Wait for the start bit's edge, then sample every ``divisor`` cycles."""
        m = Module()
        stages = [Signal(init=1, name=f"line_{index}") for index in range(2)]
        for stage, source in zip(stages, [self.line, stages[0]], strict=True):
            m.d.sync += stage.eq(source)
        bits = Signal(_FRAME_BITS)
        left = Signal(range(_FRAME_BITS + 1))
        timer = Signal(range(self._divisor))
        m.d.comb += self.byte.eq(bits[1:9])
        m.d.sync += self.valid.eq(0)
        with m.If(left == 0), m.If(~stages[1]):
            m.d.sync += [left.eq(_FRAME_BITS), timer.eq(self._divisor // 2)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), bits.eq(Cat(bits[1:], stages[1])), left.eq(left - 1)]
            # A line that is high again in the middle of the start bit did not start; a frame without its stop bit is no
            # byte.
            with m.If((left == _FRAME_BITS) & stages[1]):
                m.d.sync += left.eq(0)
            m.d.sync += self.valid.eq((left == 1) & stages[1])
        return m


class SerialTransmitter(wiring.Component):
    """Bytes to an asynchronous serial line (8N1).

    Parameters
    ----------
    divisor
        Clock cycles of a bit, at least 4.

    Members
    -------
    byte, valid, ready : In(8), In(1), Out(1)
        A byte is taken when valid and ready.
    line : Out(1)
        The line, high when idle.
    """

    def __init__(self, *, divisor: int) -> None:
        _check_divisor(divisor)
        super().__init__({"byte": In(8), "valid": In(1), "ready": Out(1), "line": Out(1, init=1)})
        self._divisor = divisor

    def elaborate(self, platform: object) -> Module:
        """Shift the ten bits of a frame out, each for ``divisor`` cycles."""
        m = Module()
        bits = Signal(_FRAME_BITS, init=-1)
        left = Signal(range(_FRAME_BITS + 1))
        timer = Signal(range(self._divisor))
        m.d.comb += [self.ready.eq(left == 0), self.line.eq(bits[0])]
        with m.If(left == 0), m.If(self.valid):
            m.d.sync += [bits.eq(Cat(0, self.byte, 1)), left.eq(_FRAME_BITS), timer.eq(self._divisor - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), bits.eq(Cat(bits[1:], 1)), left.eq(left - 1)]
        return m


class SerialBridge(wiring.Component):
    """Drives a unit's inputs for one clock cycle per frame and returns what its outputs were in that cycle.

    The host sends ``frame_bytes(input_width)`` bytes, the first ones holding the least significant bits. In the cycle
    after the last byte ``inputs`` holds them and ``outputs`` is sampled; in every other cycle ``inputs`` is zero, so
    a stream port hands over exactly one transfer per frame that sets its valid (or ready) bit. Then
    ``frame_bytes(output_width)`` bytes go back the same way. A frame whose bytes stop for the time of four bytes is
    dropped, so host and bridge cannot stay out of step. The host waits for the answer before it sends the next frame.

    Parameters
    ----------
    input_width, output_width
        Bits of the unit's inputs and outputs, at least 1.
    divisor
        Clock cycles of a bit of the serial line, at least 4.

    Members
    -------
    rx, tx : In(1), Out(1)
        Serial line from and to the host.
    inputs, outputs : Out(input_width), In(output_width)
        The unit's ports.
    active : Out(1)
        High in the cycle of a frame.
    """

    def __init__(self, *, input_width: int, output_width: int, divisor: int) -> None:
        for name, width in (("input_width", input_width), ("output_width", output_width)):
            if width < 1:
                raise BitmillError(f"{name} must be at least 1, not {width!r}")
        _check_divisor(divisor)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "inputs": Out(input_width),
                "outputs": In(output_width),
                "active": Out(1),
            }
        )
        self._divisor = divisor

    def elaborate(self, platform: object) -> Module:
        """Collect a frame, strobe, then send the answer."""
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = SerialTransmitter(divisor=self._divisor)
        m.d.comb += [receiver.line.eq(self.rx), self.tx.eq(transmitter.line)]
        self._collect(m, receiver)
        self._answer(m, transmitter)
        return m

    def _collect(self, m: Module, receiver: SerialReceiver) -> None:
        size = frame_bytes(len(self.inputs))
        frame = Signal(8 * size)
        received = Signal(range(size + 1))
        silence = Signal(range(4 * _FRAME_BITS * self._divisor))
        m.d.comb += self.inputs.eq(Mux(self.active, frame, 0))
        m.d.sync += self.active.eq(0)
        with m.If(receiver.valid):
            m.d.sync += [frame.eq(Cat(frame, receiver.byte)[8:]), silence.eq(0)]
            with m.If(received == size - 1):
                m.d.sync += [received.eq(0), self.active.eq(1)]
            with m.Else():
                m.d.sync += received.eq(received + 1)
        with m.Elif(silence == 4 * _FRAME_BITS * self._divisor - 1):
            m.d.sync += received.eq(0)
        with m.Else():
            m.d.sync += silence.eq(silence + 1)

    def _answer(self, m: Module, transmitter: SerialTransmitter) -> None:
        size = frame_bytes(len(self.outputs))
        answer = Signal(8 * size)
        left = Signal(range(size + 1))
        m.d.comb += [transmitter.byte.eq(answer[:8]), transmitter.valid.eq(left != 0)]
        with m.If(self.active):
            m.d.sync += [answer.eq(self.outputs), left.eq(size)]
        with m.Elif(transmitter.valid & transmitter.ready):
            m.d.sync += [answer.eq(answer[8:]), left.eq(left - 1)]


def _check_divisor(divisor: int) -> None:
    if divisor < 4:
        raise BitmillError(f"divisor must be at least 4, not {divisor!r}")
