"""Both sides of a valid/ready stream at the pins of a simulated unit, and the protocol between them.

A side is a plain object whose ``edge`` is called once per rising clock edge, before the design has reacted to it: it
samples what the edge transfers and sets what the next edge shall see. One coroutine therefore serves any number of
streams, which halves the time that cocotb takes per cycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

from . import failures
from .pattern import Pattern


class ProtocolError(AssertionError):
    """The design broke the valid/ready protocol, or drove an unknown where a level is needed."""


class ProtocolChecker:
    """Once valid, a stream stays valid with the same payload until it is ready; call ``edge`` at every rising edge."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._held: int | None = None

    def edge(self, valid: int, ready: int, payload: int | None) -> None:
        """Check one edge; ``payload`` is None without valid.

        Raises
        ------
        ProtocolError
            If valid fell or the payload changed while the stream was stalled.
        """
        if self._held is not None:
            if not valid:
                raise ProtocolError(failures.valid_fell(self._port))
            if payload != self._held:
                raise ProtocolError(failures.payload_changed(self._port, self._held, payload))
        self._held = payload if valid and not ready else None

    def reset(self) -> None:
        """Forget the offer: a reset may withdraw it."""
        self._held = None


class _Side:
    """The three ports of stream ``port`` of ``dut``, and what was counted on them."""

    def __init__(self, dut: Any, port: str) -> None:
        self._port = port
        self._payload = getattr(dut, f"{port}_payload")
        self._valid = getattr(dut, f"{port}_valid")
        self._ready = getattr(dut, f"{port}_ready")
        self._checker = ProtocolChecker(port)
        self.transactions = 0
        """Cycles with valid and ready."""
        self.stalls = 0
        """Cycles with valid and without ready."""
        self.gaps = 0
        """Driver: cycles without valid though inputs remain. Monitor: cycles with ready and without valid."""

    def clear_counts(self) -> None:
        """Start to count anew."""
        self.transactions = self.stalls = self.gaps = 0

    def _sample(self) -> tuple[int, int, int | None]:
        valid = self._level(self._valid, "valid")
        ready = self._level(self._ready, "ready")
        payload = self._level(self._payload, "payload") if valid else None
        self._checker.edge(valid, ready, payload)
        if valid:
            if ready:
                self.transactions += 1
            else:
                self.stalls += 1
        return valid, ready, payload

    def _level(self, handle: Any, field: str) -> int:
        value = handle.value
        try:
            return int(value)
        except ValueError:
            while_valid = " while valid" if field == "payload" else " after reset"
            raise ProtocolError(f"{self._port}_{field} is {value}{while_valid}") from None


class StreamDriver(_Side):
    """Offers payloads to an input stream; an offer stands until it is taken.

    Parameters
    ----------
    dut
        The cocotb handle of the top module.
    port
        Name of the stream: ``i`` for ``i_payload``, ``i_valid``, ``i_ready``.
    bits
        Width of the payload.
    """

    def __init__(self, dut: Any, port: str, bits: int) -> None:
        super().__init__(dut, port)
        self._mask = (1 << bits) - 1
        self._left: Iterator[int] = iter(())
        self._next: int | None = None
        self._goes: Iterator[bool] = repeat(True)

    def start(self, payloads: Iterable[int], pattern: Pattern) -> None:
        """Begin to offer ``payloads`` in order, each when ``pattern`` says go; the next edge may take the first."""
        self._left = iter(payloads)
        self._next = next(self._left, None)
        self._goes = iter(pattern)
        self._offer(was_valid=0)

    def stop(self) -> None:
        """Withdraw everything, for a reset."""
        self._left, self._next = iter(()), None
        self._valid.value = 0
        self._checker.reset()

    def edge(self) -> None:
        """Sample a rising edge and decide on the next offer."""
        valid, ready, payload = self._sample()
        if valid and not ready:
            return
        if not valid and self._next is not None:
            self.gaps += 1
        self._offer(was_valid=valid, taken=payload)

    def _offer(self, *, was_valid: int, taken: int | None = None) -> None:
        if self._next is not None and next(self._goes):
            self._payload.value = self._next
            self._valid.value = 1
            self._next = next(self._left, None)
        elif was_valid and taken is not None:
            # The complement of the last payload: a design that looks at a payload without valid goes wrong at once.
            self._payload.value = taken ^ self._mask
            self._valid.value = 0


class StreamMonitor(_Side):
    """Accepts what an output stream offers, whenever its pattern says go, and keeps it in ``received``."""

    def __init__(self, dut: Any, port: str) -> None:
        super().__init__(dut, port)
        self.received: list[int] = []
        self._goes: Iterator[bool] = repeat(True)
        self._was_ready = False

    def start(self, pattern: Pattern) -> None:
        """Begin to accept by ``pattern``, from the next edge on, into a new list."""
        self.received = []
        self._goes = iter(pattern)
        self._was_ready = next(self._goes)
        self._ready.value = int(self._was_ready)

    def stop(self) -> None:
        """Accept nothing and forget a standing offer, for a reset."""
        self._goes = repeat(False)
        self._was_ready = False
        self._ready.value = 0
        self._checker.reset()

    def edge(self) -> None:
        """Sample a rising edge and decide on the next ready."""
        _valid, ready, payload = self._sample()
        if ready:
            if payload is not None:
                self.received.append(payload)
            else:
                self.gaps += 1
        go = next(self._goes)
        if go != self._was_ready:
            self._ready.value = int(go)
            self._was_ready = go
