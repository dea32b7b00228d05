"""Dot products of DialectFP4 and of weights from books: golden against plain sums, a step a cycle, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.codebook import CodebookConfig
from bitmill.config.dialect import DialectConfig
from bitmill.config.family import config_of
from bitmill.golden.codebook.totals import codebook_totals
from bitmill.golden.dialect import quantize_online
from bitmill.golden.dialect_dot import dialect_total
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.hdl.codebook.unit import CodebookDot
from bitmill.hdl.dialect.unit import DialectDot
from bitmill.hdl.emit import verilog
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_traffic import SteppedTraffic


def test_a_dialect_total_is_the_exact_product_of_what_codes_stand_for():
    """Weights by least error, activations by the choice in two stages, both as fractions."""
    rng = np.random.default_rng(8)
    w, x = rng.normal(size=(2, 1, 96)).astype(np.float32)
    x[:, 32:64] *= 1e-4
    weights, activations = quantize_weights("dialect-fp4", w), quantize_online(x)
    assert weights.selectors is not None
    assert weights.group_scales is not None
    config = DialectConfig(k_max=96)
    found = dialect_total(config, {
        "weights": weights.codes.astype(np.int64).reshape(3, 32),
        "activations": activations.codes.astype(np.int64).reshape(3, 32),
        "weight_dialect": weights.selectors[0].astype(np.int64), "weight_exponent": weights.group_scales[0].astype(np.int64),
        "activation_dialect": activations.selectors[0].astype(np.int64),
        "activation_exponent": activations.scales[0].astype(np.int64),
    })["total"]  # fmt: skip
    pairs = zip(dequantize(weights)[0], activations.values()[0], strict=True)
    assert Fraction(found, 2**32) == sum(Fraction(float(one)) * Fraction(float(other)) for one, other in pairs)


def test_the_greatest_dialect_total_fits_and_no_bit_is_spare():
    config = DialectConfig(lanes=8, k_max=24)
    greatest = 3 * 8 * 15 * 15 << 60
    steps = {name: np.full((3, 8), 7) for name in ("weights", "activations")}
    steps |= {name: np.full(3, 30 if "exponent" in name else 0) for name in (
        "weight_dialect", "activation_dialect", "weight_exponent", "activation_exponent")}  # fmt: skip
    assert dialect_total(config, steps) == {"total": greatest}
    assert 1 << config.total_bits - 2 <= greatest < 1 << config.total_bits - 1


@pytest.mark.parametrize(
    "fields", [{"vector": 4, "lanes": 8}, {"books": 2, "vector": 2, "lanes": 4, "cols": 3}, {"cols": 2}]
)
def test_codebook_totals_are_plain_sums(fields):
    config = CodebookConfig.from_dict({"code_bits": 3, "entry_bits": 5, "activation_bits": 4, **fields})
    rng = np.random.default_rng(9)
    memory = rng.integers(-16, 16, (config.books * 8, config.vector))
    codes = rng.integers(0, 8, (5, config.books * config.codes))
    activations = rng.integers(-8, 8, (5, config.cols * config.lanes))
    wanted = [0] * config.cols
    for step in range(5):
        for column in range(config.cols):
            for lane in range(config.lanes):
                place, within = divmod(lane, config.vector)
                weight = sum(
                    int(memory[book * 8 + codes[step, book * config.codes + place], within])
                    for book in range(config.books)
                )
                wanted[column] += weight * int(activations[step, column * config.lanes + lane])
    assert codebook_totals(config, {"codes": codes, "activations": activations, "memory": memory}) == {"totals": wanted}


def test_a_books_product_is_that_of_the_scheme():
    """A channel of nuq4 whose book's numbers are written as integers of 12 bits."""
    rng = np.random.default_rng(3)
    found = quantize_weights("nuq4", rng.normal(size=(1, 64)).astype(np.float32))
    integers = np.rint(found.extras["books"][0].astype(np.float64) * 2047).astype(np.int64)
    config = CodebookConfig(entry_bits=12)
    x = rng.integers(-128, 128, 64)
    steps = {
        "codes": found.codes.astype(np.int64).reshape(8, 8),
        "activations": x.reshape(8, 8),
        "memory": integers[:, None],
    }
    (total,) = codebook_totals(config, steps)["totals"]
    assert found.channel_scales is not None
    wanted = (dequantize(found)[0] * x).sum()
    assert total * float(found.channel_scales[0]) / 2047 == pytest.approx(wanted, abs=np.abs(x).sum() * 0.002)


def test_a_step_a_cycle():
    config = DialectConfig(lanes=2, k_max=8)
    traffic = SteppedTraffic(config)
    rng = np.random.default_rng(2)
    work = [traffic.drawn(rng, length, "") for length in (4, 1, 1, 3, 4)]
    expected = [payload for item in traffic.expected(work) for payload in item]
    layout = traffic.layout
    simulation = CompiledSimulation(
        verilog.emit(config), verilog.TOP, input_bits=layout.input_bits, output_bits=layout.output_bits
    )
    job = Job(layout.input_bits, layout.output_bits, (Phase("all", traffic.inputs(work), expected),))
    (counts,) = simulation.run(job).phases
    assert (counts.mismatches, counts.cycles) == (0, 13 + DialectDot(config=config).LATENCY)


@pytest.mark.parametrize(("fields", "message"), [
    ({"unit": "dialect", "lanes": 129}, "lanes: must be at most 128, not 129"),
    ({"unit": "dialect", "k_max": 0}, "k_max: must be at least 1, not 0"),
    ({"unit": "codebook", "code_bits": 9}, "code_bits: must be at most 8, not 9"),
    ({"unit": "codebook", "vector": 4, "lanes": 6}, "lanes must be a multiple of vector = 4, not 6"),
    ({"unit": "codebook", "vector": 3}, "vector: must be"),
    ({"unit": "codebook", "books": 3}, "books: must be at most 2, not 3"),
])  # fmt: skip
def test_what_is_refused(fields, message):
    with pytest.raises(BitmillError) as error:
        config_of(fields)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_components_take_their_configurations_alone():
    for component in (DialectDot, CodebookDot):
        with pytest.raises(TypeError, match=f"{component.__name__} config must be a .*, not 3"):
            component(config=3)  # pyright: ignore[reportArgumentType]
