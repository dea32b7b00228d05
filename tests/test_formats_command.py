"""``bitmill formats`` on blocks."""

from __future__ import annotations


def test_formats_says_what_a_block_is(cli):
    facts = dict(line.split(maxsplit=1) for line in cli("formats", "NVFP4").out.splitlines())
    assert (facts["bits"], facts["group"], facts["scale"], facts["elements"]) == ("4.5", "16", "E4M3", "E2M1")
    # A format of the same name, in whatever case, comes first.
    assert cli("formats", "int4").out.splitlines()[1].split() == ["name", "INT4"]
