"""Dot products of two-level weights: the scheme's own codes against fractions, widths, traffic within INT8, what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.family import config_of
from bitmill.config.two_level import GREATEST_SCALE, TwoLevelConfig
from bitmill.golden.asymmetric import quantize_asymmetric
from bitmill.golden.two_level_dot import two_level_total
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.golden.weights.two_level import second_level
from bitmill.hdl.emit import verilog
from bitmill.hdl.two_level.unit import TwoLevelDot
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.two_level_traffic import TwoLevelTraffic


def test_a_total_is_the_product_of_what_codes_stand_for():
    rng = np.random.default_rng(11)
    found = quantize_weights("two-level4", rng.normal(size=(1, 64)).astype(np.float32), group=16)
    x = quantize_asymmetric(rng.exponential(size=(1, 64)) - 0.3)
    assert found.group_scales is not None
    assert found.zero_points is not None
    assert found.channel_scales is not None
    steps = {
        "weights": found.codes.astype(np.int64).reshape(4, 16), "scale": found.group_scales[0].astype(np.int64),
        "zero_point": found.zero_points[0].astype(np.int64), "activations": x.codes.reshape(4, 16),
        "activation_zero": np.repeat(x.zero_points, 4),
    }  # fmt: skip
    total = two_level_total(TwoLevelConfig(), steps)["total"]
    pairs = zip(dequantize(found)[0], x.values()[0], strict=True)
    exact = sum(Fraction(float(one)) * Fraction(float(other)) for one, other in pairs)
    assert total * Fraction(float(found.channel_scales[0])) * Fraction(float(x.scales[0])) == exact


def test_scales_of_the_scheme_are_those_of_the_unit():
    greatest = max(int(second_level(np.array([[low, high]]))[1][0]) for low in (-119, 0) for high in (0, 119))
    assert greatest == GREATEST_SCALE


def test_the_greatest_total_fits_and_no_bit_is_spare():
    config = TwoLevelConfig(lanes=8, k_max=16)
    steps = {
        "weights": np.zeros((2, 8), np.int64), "scale": np.full(2, 16), "zero_point": np.full(2, 8),
        "activations": np.zeros((2, 8), np.int64), "activation_zero": np.full(2, 255),
    }  # fmt: skip
    assert two_level_total(config, steps) == {"total": 2 * 8 * 128 * 255}
    assert 1 << config.total_bits - 2 <= 2 * 8 * 128 * 255 < 1 << config.total_bits - 1


def test_a_step_a_cycle_and_all_of_it_within_int8():
    config = TwoLevelConfig(lanes=2, k_max=8)
    traffic = TwoLevelTraffic(config)
    work = traffic.stimuli(np.random.default_rng(2), count=12, corner_steps=8)
    work = [item for item in work if len(item) <= 4]
    reached = []
    for item in work:
        fields = item.fields(config)
        reached += ((fields["weights"] - fields["zero_point"][:, None]) * fields["scale"][:, None]).ravel().tolist()
        assert fields["weights"].min() >= 0
        assert fields["weights"].max() <= 15
    assert min(reached) == -128
    assert 119 < max(reached) <= 127
    layout = traffic.layout
    simulation = CompiledSimulation(
        verilog.emit(config), verilog.TOP, input_bits=layout.input_bits, output_bits=layout.output_bits
    )
    expected = [payload for item in traffic.expected(work) for payload in item]
    job = Job(layout.input_bits, layout.output_bits, (Phase("all", traffic.inputs(work), expected),))
    (counts,) = simulation.run(job).phases
    assert (counts.mismatches, counts.cycles) == (0, sum(map(len, work)) + TwoLevelDot(config=config).LATENCY)


@pytest.mark.parametrize(("fields", "message"), [
    ({"lanes": 0}, "lanes: must be at least 1, not 0"), ({"k_max": 1 << 21}, "k_max: must be at most 1048576, not 2097152"),
])  # fmt: skip
def test_what_is_refused(fields, message):
    with pytest.raises(BitmillError) as error:
        config_of({"unit": "two-level", **fields})
    assert str(error.value).endswith(message)
    with pytest.raises(TypeError, match="TwoLevelDot config must be a TwoLevelConfig, not 3"):
        TwoLevelDot(config=3)  # pyright: ignore[reportArgumentType]
