"""The arithmetic decoder is the catalog row's table, proved for every format, and seen for every code in simulation."""

from __future__ import annotations

import pytest
from amaranth import Module
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from bitmill import BitmillError, formats
from bitmill.formats import Format
from bitmill.hdl.mac.decoder import Decoder, TableDecoder
from bitmill.hdl.mac.layouts import decoded_layout, exponent_offset

PROVED = [name for name, fmt in formats.CATALOG.items() if fmt.bits <= 8]


class Equivalence(wiring.Component):
    """Both decoders on one code: flags always agree, the number where there is one."""

    def __init__(self, fmt: Format, wrong: bool = False):
        self.fmt = fmt
        self.wrong = wrong
        super().__init__({"code": In(fmt.bits)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.arithmetic = arithmetic = Decoder(fmt=self.fmt)
        m.submodules.table = table = TableDecoder(fmt=self.fmt)
        m.d.comb += [arithmetic.code.eq(self.code ^ int(self.wrong)), table.code.eq(self.code)]
        a, t = arithmetic.decoded, table.decoded
        special = 0
        for flag in ("nan", "inf"):
            if len(getattr(a, flag)):
                m.d.comb += Assert(getattr(a, flag) == getattr(t, flag))
                special = special | getattr(t, flag)
        for field in ("sign", "significand", "exponent"):
            if len(getattr(a, field)):
                m.d.comb += Assert((getattr(a, field) == getattr(t, field)) | special)
        return m


@pytest.mark.parametrize("name", PROVED)
def test_arithmetic_decoder_equals_table(name, prove):
    prove(Equivalence(formats.get(name)))


def test_the_proof_can_fail(prove):
    with pytest.raises(BitmillError):
        prove(Equivalence(formats.get("E4M3"), wrong=True))


SIMULATED = ["E2M1", "E2M3", "E3M2", "E4M3", "E5M2", "E8M0", "INT8", "INT8_SYM", "TERNARY", "FLINT4", "E4M3FNUZ"]
# A table of 65536 entries takes longer to elaborate and prove than all of its inputs to simulate.
WIDE = [pytest.param(name, marks=pytest.mark.long) for name in ("FP16", "BF16", "INT16_SYM")]


@pytest.mark.parametrize("name", [*SIMULATED, *WIDE])
def test_every_code_in_simulation(name, every_input):
    fmt = formats.get(name)
    layout = decoded_layout(fmt)
    for code, packed in enumerate(every_input(Decoder(fmt=fmt), "code", "decoded")):
        expected, got = fmt.decode(code), layout.from_bits(packed)
        assert (int(got.nan) if fmt.has_nan else 0) == (expected.special is formats.Special.NAN)
        assert (int(got.inf) if fmt.has_inf else 0) == (expected.special is formats.Special.INF)
        if expected.special is None:
            exponent = int(got.exponent) - exponent_offset(fmt) + fmt.min_exponent
            sign = int(got.sign) if fmt.sign_bit else 0
            assert (sign, int(got.significand), exponent) == (expected.sign, expected.significand, expected.exponent)


def test_init_wrong_format():
    with pytest.raises(TypeError, match="Decoder format must be a Format, not 'E4M3'"):
        Decoder(fmt="E4M3")  # pyright: ignore[reportArgumentType]


def test_init_wrong_table_width():
    with pytest.raises(ValueError, match="at most 16 bits, not 32"):
        TableDecoder(fmt=formats.get("FP32"))
