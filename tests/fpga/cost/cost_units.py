"""Units that tests of the cost models price."""

from bitmill.config import ExactAccumulator, MacConfig


def unit(fmt, lanes=1, accumulator=None, **fields):
    return MacConfig(
        weight=fmt,
        activation=fields.pop("activation", fmt),
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        accumulator=accumulator or ExactAccumulator(),
        **fields,
    )
