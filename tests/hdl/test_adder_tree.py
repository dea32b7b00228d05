"""The adder tree alone, with terms at the ends of their range, whatever their number."""

import random

import pytest
from amaranth.sim import Simulator

from bitmill import formats
from bitmill.formats import Product
from bitmill.hdl.sums.adder_tree import AdderTree
from bitmill.hdl.sums.aligner import aligned_bits, term_has_carry, term_is_biased


def _sums(product, lanes, steps):
    """What the tree makes of each step's ``(significand, carry)`` of every lane, as value of sum plus carry."""
    tree = AdderTree(product=product, lanes=lanes)
    bias = 1 << (aligned_bits(product) - 1) if term_is_biased(product) else 0
    results = []

    async def bench(ctx):
        ctx.set(tree.enable, 1)
        for step in steps:
            for lane, (significand, carry) in enumerate(step):
                # A bias of half the range, modulo the range: the sign bit inverted.
                inverted = significand - bias if significand >= 0 else significand + bias
                ctx.set(tree.term(lane).significand, inverted)
                if term_has_carry(product):
                    ctx.set(tree.term(lane).carry, carry)
            await ctx.tick().repeat(AdderTree.latency(lanes))
            total = ctx.get(tree.sum.significand)
            results.append(total + (ctx.get(tree.sum.carry) if term_has_carry(product) else 0))

    simulator = Simulator(tree)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return results


@pytest.mark.parametrize("lanes", [2, 3, 4, 5, 6, 7, 8, 11])
@pytest.mark.parametrize("names", [("E2M1", "E2M1"), ("E4M3", "E2M1"), ("INT4", "INT8"), ("UINT4", "UINT4")])
def test_sum_is_exact_for_any_number_of_terms(names, lanes):
    product = Product(*(formats.get(name) for name in names))
    carry = int(term_has_carry(product))
    low, high = product.fixed_min, product.fixed_max
    rng = random.Random(lanes)
    # A term is its significand plus its carry.
    ends = [[(low - carry, carry)] * lanes, [(high - carry, carry)] * lanes, [(low, 0)] * lanes, [(high, 0)] * lanes]
    steps = [*ends, [(-carry, carry)] * lanes]
    for _ in range(30):
        carries = [rng.randint(0, carry) for _ in range(lanes)]
        steps.append([(rng.choice([low, high, 0, rng.randint(low, high)]) - one, one) for one in carries])
    expected = [sum(significand + one for significand, one in step) for step in steps]
    assert _sums(product, lanes, steps) == expected
