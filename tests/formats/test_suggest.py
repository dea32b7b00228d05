"""Names that other libraries and people use get the rows that they mean."""

import pytest

from bitmill import formats
from bitmill.config.presets import PRESETS, any_preset
from bitmill.system.errors import BitmillError

MEANT = {
    "FP8": "E4M3, E5M2", "fp8": "E4M3, E5M2", "float8": "E4M3, E5M2", "FP6": "E3M2, E2M3", "f4": "E2M1", "float4": "E2M1",
    "float16": "FP16, BF16", "half": "FP16", "bfloat16": "BF16", "float32": "FP32", "single": "FP32", "double": "FP32",
    "float": "FP32", "TF32": "FP32, FP16, BF16", "fp8_e4m3": "E4M3", "fp8_e5m2": "E5M2", "float8_e4m3fn": "E4M3",
    "torch.float8_e5m2": "E5M2", "float8_e4m3fnuz": "E4M3FNUZ, E4M3", "float6_e2m3fn": "E2M3", "float4_e2m1fn_x2": "E2M1",
    "INT": "INT4, INT8", "int": "INT4, INT8", "integer": "INT4, INT8", "UINT": "UINT4, UINT8", "i8": "INT8", "s4": "INT4",
    "u8": "UINT8", "uint8_t": "UINT8", "int8_t": "INT8", "INT4SYM": "INT4_SYM", "INT4-SYM": "INT4_SYM", "e4m3 ieee": "E4M3_IEEE",
    "ternary158": "TERNARY", "bitnet": "TERNARY", "NF3": "NF4", "BITMOD": "BITMOD_FP4, BITMOD_FP3", "ANT4": "FLINT4",
    "E4M9": "E4M3, E4M2, E4M1, E4M0",
    "INT88": "INT8, UINT8, INT9, INT6",
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant(name):
    with pytest.raises(BitmillError) as told:
        formats.get(name)
    text = str(told.value)
    if name == "INT88":
        assert "did you mean INT8, " in text
    else:
        assert f"(did you mean {MEANT[name]}?), not '{name}'" in text
    for suggested in MEANT[name].split(", "):
        assert formats.get(suggested).name == suggested


@pytest.mark.parametrize(("name", "elements"), [("MXFP4", "E2M1"), ("mxfp6", "E3M2 or E2M3"), ("MXFP8", "E4M3 or E5M2"),
                                                ("nvfp4", "E2M1"), ("MXINT8", "INT8"), ("mxfp4_e2m1", "E2M1")])  # fmt: skip
def test_blocks_are_elements_and_a_scale(name, elements):
    with pytest.raises(BitmillError, match=f"a block of {elements} elements, which is the format, with a shared scale"):
        formats.get(name)


@pytest.mark.parametrize(
    "name", ["", " ", "posit<8,1>", "\x00", "A" * 100_000, "FP", "FP" + "9" * 1000, "-", "E99999M1", "INT" + "1" * 50]
)
def test_anything_is_one_short_line(name):
    with pytest.raises(BitmillError, match=r"^format must be a known name \(.*\), not .*$") as told:
        formats.get(name)
    assert len(str(told.value)) < 300


def test_case_does_not_matter():
    for name in formats.names():
        assert formats.get(f" {name.lower()} ").name == name
    for name in PRESETS:
        assert any_preset(name.upper()) is PRESETS[name]
