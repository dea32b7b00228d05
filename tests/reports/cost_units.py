"""Units that tests of the cost models price."""

from bitmill.config import AcceleratorConfig, ExactAccumulator


def unit(fmt, lanes=1, accumulator=None, **fields):
    return AcceleratorConfig(
        weight=fmt,
        activation=fields.pop("activation", fmt),
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        accumulator=accumulator or ExactAccumulator(),
        **fields,
    )
