"""Every sentence of docs/numerics.md, on golden and on the generated circuit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from bitmill import (
    BitmillError,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    MacConfig,
    WindowAccumulator,
)
from bitmill.golden import Result, decode, dot, encode, to_float
from bitmill.hdl import build
from bitmill.sim.payload import Output, PayloadLayout
from bitmill.sim.scaled_stimulus import codes_of_steps

PAGE = Path(__file__).resolve().parents[1] / "docs" / "numerics.md"
TESTED: dict[str, list[str]] = {}
EXACT = ExactAccumulator()
FP16, FP16_DOWN = FloatAccumulator(format="FP16"), FloatAccumulator(format="FP16", rounding="truncate")
INF, NAN = float("inf"), float("nan")


def sentence(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test is one of these sentences."""

    def noted(test: Callable[..., None]) -> Callable[..., None]:
        for name in names:
            TESTED.setdefault(name, []).append(test.__name__)
        return test

    return noted


def unit(pair: str | tuple[str, str], accumulator: Any = EXACT, *, lanes: int = 1, **fields: Any) -> Any:
    weight, activation = (pair, pair) if isinstance(pair, str) else pair
    return MacConfig(
        weight=weight, activation=activation, unit="mac" if lanes == 1 else "dot", lanes=lanes, accumulator=accumulator,
        **{"k_max": 64 * lanes, **fields},
    )  # fmt: skip


def both(
    config: MacConfig,
    weights: Sequence[Sequence[int]],
    activations: Sequence[Sequence[int]],
    scales: tuple[Any, Any] | None = None,
) -> Result:
    """Golden's results of dot products of codes, any lengths, which the circuit gave as well, one after the other."""
    found = []
    named = {} if scales is None else {"weight_scales": scales[0], "activation_scales": scales[1]}
    for row, (w, a) in enumerate(zip(weights, activations, strict=True)):
        of_row = {name: np.asarray(codes)[row : row + 1] for name, codes in named.items()}
        found.append(dot(config, np.array([w]), np.array([a]), **of_row))
    flags = [one.saturated for one in found if one.saturated is not None]
    result = Result(
        value=np.concatenate([one.value for one in found]),
        invalid=np.concatenate([one.invalid for one in found]),
        too_long=np.concatenate([one.too_long for one in found]),
        saturated=np.concatenate(flags) if flags else None,
    )
    expected = [
        Output(int(result.value[row]), bool(result.invalid[row]), bool(result.too_long[row]),
               None if result.saturated is None else bool(result.saturated[row]))
        for row in range(len(found))
    ]  # fmt: skip
    assert circuit(config, weights, activations, scales) == expected
    return result


def circuit(config: MacConfig, weights: Any, activations: Any, scales: Any) -> list[Any]:
    """What the unit's circuit gives, the last step of each dot product filled up with codes of zero."""
    layout, dut = PayloadLayout.of(config), build(config)
    zeros = config.weight_format.zero_code or 0, config.activation_format.zero_code or 0
    steps: list[int] = []
    for row, pair in enumerate(zip(weights, activations, strict=True)):
        padded = [np.pad(codes, (0, -len(codes) % config.lanes), constant_values=zero).reshape(-1, config.lanes)
                  for codes, zero in zip(pair, zeros, strict=True)]  # fmt: skip
        last = np.arange(len(padded[0])) == len(padded[0]) - 1
        of_row = None
        if scales is not None:
            of_weight, of_activation = (codes_of_steps(config, np.asarray(of)[row], len(last)) for of in scales)
            of_row = of_weight, of_activation
        steps += layout.pack_steps(padded[0], padded[1], last, of_row)
    results: list[Any] = []

    async def drive(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        for payload in steps:
            ctx.set(Value.cast(dut.i.payload), payload)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def collect(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        while len(results) < len(weights):
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, Value.cast(dut.o.payload))
            if valid:
                results.append(layout.unpack_output(payload))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(collect)
    simulator.run()
    return results


def real(
    config: MacConfig, weights: Sequence[Sequence[float]], activations: Sequence[Sequence[float]] | None = None
) -> list[float]:
    """Results as numbers of operands as numbers; activations are ones by default."""
    ones = [[1.0] * len(row) for row in weights] if activations is None else activations
    w = [encode(config.weight, row, saturate=False).tolist() for row in weights]
    a = [encode(config.activation, row, saturate=False).tolist() for row in ones]
    return to_float(config, both(config, w, a)).tolist()


def test_every_sentence_has_a_test() -> None:
    named = re.findall(r"^- \[(N\d+)\]", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == [f"N{number}" for number in range(1, len(named) + 1)]
    assert sorted(TESTED) == sorted(named)


@sentence("N1", "N3")
def test_codes_are_numbers_and_minus_zero_is_zero() -> None:
    one = 0x38
    exact = unit("E4M3")
    # The least subnormal 2**-9, the greatest one, minus zero, zero, the greatest number.
    codes = [0x01, 0x07, 0x80, 0x00, 0x7E]
    assert to_float(exact, both(exact, [[code] for code in codes], [[one]] * 5)).tolist() == [
        2.0**-9, 7 * 2.0**-9, 0, 0, 448,
    ]  # fmt: skip
    flushing = unit("E4M3_FTZ")
    assert to_float(flushing, both(flushing, [[0x07], [0x08]], [[one]] * 2)).tolist() == [0, 2.0**-6]
    for accumulator in (FP16, WindowAccumulator(width=8), FixedAccumulator(width=20, overflow="wrap")):
        config = unit("E4M3", accumulator)
        signs = both(config, [[one, 0x80, 0x80], [one, 0x00, 0x00]], [[one, 0x80, one]] * 2)
        assert signs.value[0] == signs.value[1]


@sentence("N2", "N9", "N10")
def test_reserved_codes_are_nan_and_fixed_results_are_zero_then() -> None:
    for pair, code, zero in (
        (("TERNARY", "INT8"), 2, 0),
        (("INT4_SYM", "INT4"), 8, 0),
        (("INT4", "INT8_SYM"), 1, 0x80),
    ):
        config = unit(pair)
        w = [[1, code if pair[1] != "INT8_SYM" else 0], [1, 1]]
        a = [[1, zero], [1, 1]]
        result = both(config, w, a)
        assert result.invalid.tolist() == [True, False]
        assert result.value.tolist() == [0, 2]
    for scales in ([[0xFF]], [[0x7F]]), ([[0x7F]], [[0xFF]]):
        config = unit("E2M1", FP16, scale="E8M0")
        result = both(config, [[2]], [[2]], scales)
        assert (result.value.tolist(), result.invalid.tolist()) == ([0x7E00], [True])
    # Also where it is multiplied by zero.
    assert both(unit("E5M2"), [[0x7C]], [[0x00]]).invalid.tolist() == [True]


@sentence("N4", "N11", "N12")
def test_infinities_and_nans() -> None:
    rows = [
        ([INF, 1], [0, 1], NAN), ([INF], [-2], -INF), ([INF, 3], [1, 1], INF), ([INF, -INF], [1, 1], NAN),
        ([INF, 0, -INF], [1, 0, 1], NAN), ([NAN, INF], [1, 1], NAN), ([-INF, INF], [-1, 1], INF), ([1, 2], [1, 1], 3),
    ]  # fmt: skip
    for accumulator in (FP16, WindowAccumulator(width=10)):
        for lanes in (1, 2):
            config = unit("E5M2", accumulator, lanes=lanes)
            got = real(config, [w for w, _, _ in rows], [a for _, a, _ in rows])
            np.testing.assert_array_equal(got, [value for _, _, value in rows])
    # Negative and signalling NaNs of E5M2.
    for accumulator, quiet in (
        (FloatAccumulator(), 0x7FC00000),
        (FP16, 0x7E00),
        (FloatAccumulator(format="BF16"), 0x7FC0),
    ):
        assert both(unit("E5M2", accumulator), [[0xFD], [0x7E]], [[0x3C]] * 2).value.tolist() == [quiet] * 2


@sentence("N5")
def test_order_within_a_step_does_not_matter() -> None:
    values = [448.0, -448.0, 2.0**-9, 1.0]
    orders = [values, values[::-1], [values[place] for place in (2, 0, 3, 1)]]
    for accumulator in (FP16, WindowAccumulator(width=24)):
        assert real(unit("E4M3", accumulator, lanes=4), orders) == [1.001953125] * 3
    # Cut to ten bits below 448, but in every order alike.
    narrow = real(unit("E4M3", WindowAccumulator(width=10), lanes=4), orders)
    assert narrow[0] == narrow[1] == narrow[2] != 1.001953125


@sentence("N6", "N7", "N8")
def test_ragged_ends_and_too_many_steps() -> None:
    config = unit("INT4", lanes=4, k_max=5)
    assert (config.max_steps, config.accumulator_bits) == (2, 11)  # 8 * 64 = 512
    least = 8  # -8
    lengths = [1, 4, 5, 8, 9, 32, 3]
    result = both(config, [[least] * length for length in lengths], [[least] * length for length in lengths])
    assert result.too_long.tolist() == [False, False, False, False, True, True, False]
    assert result.value.tolist() == [64, 256, 320, 512, 576, 0, 192]
    assert not result.invalid.any()
    # The zero of NF4 is code 7, not 0.
    odd = unit(("NF4", "INT4"), lanes=2)
    assert both(odd, [[7, 8, 8], [7, 8, 8, 7]], [[1] * 3, [1] * 4]).value.tolist() == [5216, 5216]


@sentence("N13", "N14", "N15", "N16", "N29")
def test_fixed_point() -> None:
    rows = [[100, 26], [127, 1], [-128, -1], [127, 27, -100]]
    codes = [[value % 256 for value in row] for row in rows]
    saturating, wrapping = (FixedAccumulator(width=8, overflow=overflow) for overflow in ("saturate", "wrap"))
    for accumulator, expected in ((saturating, [126, 127, -128, 27]), (wrapping, [126, -128, 127, 54])):
        result = both(unit("INT8", accumulator, saturated=True), codes, [[1] * len(row) for row in rows])
        assert result.value.tolist() == expected
        assert result.saturated is not None
        assert result.saturated.tolist() == [False, True, True, True]
    rounding = unit("INT4", FixedAccumulator(width=4, overflow="saturate", lsb=2), saturated=True)
    assert rounding.unit_exponent == 2
    sums = real(rounding, [[2], [6], [-2], [-6], [3], [1, 1], [7] * 4, [7] * 5])
    assert sums == [0, 8, 0, -8, 4, 0, 28, 28]
    assert unit("E2M1").unit_exponent == -2
    assert real(unit("E2M1"), [[0.5]], [[0.5]]) == [0.25]


@sentence("N17", "N19", "N20", "N21", "N22")
def test_float_rounding() -> None:
    rows = [[2048.0, 1.0], [2048.0, 3.0], [-2048.0, -1.0, -1.0], [65504.0, 15.0, -65504.0], [65504.0, 16.0, -65504.0]]
    assert real(unit("FP16", FP16), rows) == [2048, 2052, -2048, 0, INF]
    assert real(unit("FP16", FP16_DOWN), rows) == [2048, 2050, -2048, 0, 0]
    tiny = [[2.0**-12], [-(2.0**-12)], [3 * 2.0**-13], [-(2.0**-12), 0.0], [-0.0, -0.0], [2.0, -2.0]]
    factor = [[2.0**-13] * len(row) for row in tiny]
    got = real(unit("FP16", FP16), tiny, factor)
    assert [value.hex() for value in got] == [x.hex() for x in (0.0, -0.0, 2.0**-24, 0.0, 0.0, 0.0)]
    down = real(unit("FP16", FP16_DOWN), tiny, factor)
    assert [value.hex() for value in down] == [x.hex() for x in (0.0, -0.0, 0.0, 0.0, 0.0, 0.0)]


@sentence("N18")
def test_fused_groups_count_from_the_beginning() -> None:
    """256 + 1 is a tie in BF16 and lost; 1 + 1 in one group of two products is not."""
    fused = unit("BF16", FloatAccumulator(format="BF16", fused=2))
    assert real(fused, [[256, 0, 1, 1], [256, 1, 1], [256, 1, 1, 1, 1], [0, 256, 1]]) == [258, 256, 260, 256]


@sentence("N23", "N24")
def test_where_windows_cut() -> None:
    """Six bits hold the greatest product, 7 * 7 * 2**8 of E5M2; a product far below is cut."""
    big, tiny = 7 * 2.0**4, 2.0**-10
    nearest, down = (WindowAccumulator(width=6, rounding=rounding) for rounding in ("nearest-even", "truncate"))
    rows = [[big, 1.0], [big, -1.0], [-big, 1.0], [-big, -1.0]]
    activations = [[big, tiny]] * 4
    got = real(unit("E5M2", nearest, lanes=2), rows, activations)
    assert (got[0], got[1]) == (-got[3], -got[2])
    got = real(unit("E5M2", down, lanes=2), rows, activations)
    assert got == [49 * 2.0**8, 49 * 2.0**8, -49 * 2.0**8, -49 * 2.0**8]
    # FLINT4 is sign and magnitude, TERNARY, NF4 and INT4 are two's complement: the greatest product, and one cut to nothing.
    for weight, lost in (("FLINT4", 0), ("TERNARY", 1), ("NF4", 1), ("INT4", 1)):
        config = unit((weight, "E5M2"), WindowAccumulator(width=12, rounding="truncate"), lanes=2)
        place = 2.0 ** (15 - 2 + config.weight_format.min_exponent + config.product.significand_product_bits - 12)
        below, above = real(config, [[1.0, -1.0], [1.0, 1.0]], [[32768.0, tiny]] * 2)
        assert above == 32768
        assert below == 32768 - lost * place, weight


@sentence("N25", "N31")
def test_windows_and_exact_sums_cannot_saturate() -> None:
    config = unit("E5M2", WindowAccumulator(width=6), k_max=64)
    top = 57344.0
    greatest, least = real(config, [[top] * 64, [2.0**-16]], [[top] * 64, [2.0**-16]])
    assert (greatest > 2.0**37, np.isfinite(greatest), least) == (True, True, 2.0**-32)
    for accumulator in (ExactAccumulator(), WindowAccumulator(width=6)):
        with pytest.raises(
            ValueError, match=f"saturated must be false for an accumulator of kind '{accumulator.kind}'"
        ):
            unit("E5M2", accumulator, saturated=True)


@sentence("N26")
def test_scales_are_exact() -> None:
    config = unit("E2M1", FloatAccumulator(), lanes=2, scale="E8M0")
    result = both(config, [[2, 2, 2, 4]] * 3, [[2, 2, 2, 2]] * 3,
                  ([[127, 120], [254, 0], [0, 127]], [[127, 130], [0, 254], [0, 127]]))  # fmt: skip
    assert to_float(config, result).tolist() == [2 + 3 * 2.0**-4, 5.0, 3.0]


@sentence("N9", "N27")
def test_scales_have_signs_zeros_and_specials() -> None:
    config = unit("E5M2", FloatAccumulator(), scale="E5M2")
    one, minus, zero, inf, nan = 0x3C, 0xBC, 0x00, 0x7C, 0x7D
    rows = [
        (one, inf, one, NAN, True), (one, nan, one, NAN, True), (inf, one, minus, -INF, True), (inf, minus, minus, INF, True),
        (inf, zero, one, NAN, True), (inf, one, zero, NAN, True), (one, minus, one, -1.0, False), (one, zero, minus, 0.0, False),
    ]  # fmt: skip
    scales = [[of_weight] for _, of_weight, _, _, _ in rows], [[of_activation] for _, _, of_activation, _, _ in rows]
    result = both(config, [[weight] for weight, *_ in rows], [[one]] * len(rows), scales)
    np.testing.assert_array_equal(to_float(config, result), [value for *_, value, _ in rows])
    assert result.invalid.tolist() == [flag for *_, flag in rows]


@sentence("N28")
def test_scales_of_a_block_are_those_of_its_first_step() -> None:
    config = unit("E2M1", FloatAccumulator(), lanes=1, scale="E8M0", block=2)
    # 1 + 1 under scales of 1, 1 under scales of 2 and 4; the circuit gets other codes beside the second step of a block.
    result = both(config, [[2, 2, 2], [2, 2, 2]], [[2, 2, 2]] * 2, ([[127, 128], [128, 127]], [[127, 129], [127, 127]]))
    assert to_float(config, result).tolist() == [2 + 8.0, 4 + 1.0]


@sentence("N29", "N30")
def test_saturation_of_floats_and_of_invalid_results() -> None:
    rows = [[65504.0, 65504.0, -65504.0], [65504.0, 8.0], [65504.0, 65504.0, INF], [NAN], [1.0]]
    for accumulator in (FP16, FP16_DOWN):
        config = unit("FP16", accumulator, saturated=True)
        w = [encode("FP16", row, saturate=False).tolist() for row in rows]
        result = both(config, w, [[0x3C00] * len(row) for row in rows])
        assert result.saturated is not None
        assert result.saturated.tolist() == [True, False, False, False, False]
        assert result.invalid.tolist() == [False, False, True, True, False]
    assert decode("FP16", [0x7BFF]).tolist() == [65504.0]


@sentence("N32", "N33", "N34")
def test_products_of_l_mul() -> None:
    values, others = [[-1.5], [1.5], [448], [2.0**-6], [2.0**-7], [0]], [[1.25], [1.5], [448], [2.0**-6], [9], [9]]
    for rule, carried, top in (("l-mul", 2.125, 2.625), ("l-mul-add", 2.25, 3.25)):
        expected = [-1.875, carried, top * 2**16, 1.125 * 2.0**-12, 0.0, 0.0]
        assert real(unit("E4M3", product_rule=rule), values, others) == expected
    assert real(unit("E4M3", product_rule="l-mul", product_offset="none"), [[1.5]], [[1.5]]) == [2.0]
    assert real(unit("BF16", FloatAccumulator(), product_rule="l-mul"), [[1.0]], [[1.0]]) == [1 + 2.0**-4]
    assert np.isnan(real(unit("E5M2", FloatAccumulator(), product_rule="l-mul"), [[INF]], [[2.0**-15]]))


def test_lsb_out_of_range_is_refused() -> None:
    with pytest.raises(BitmillError, match=r"accumulator\.lsb must be 0 to 6 for INT4 x INT4 and lanes = 1, not 7$"):
        MacConfig.from_dict({
            "weight": "INT4", "activation": "INT4",
            "accumulator": {"kind": "fixed", "width": 4, "overflow": "wrap", "lsb": 7},
        })  # fmt: skip
