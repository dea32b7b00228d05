"""Liberty files that include others: what is read, and what cannot be."""

from __future__ import annotations

import gzip
import re

import pytest

from bitmill import BitmillError
from bitmill.fpga.liberty import Kind, read_library

from .odd_library import odd_library

KIND = Kind(dont_use=("SPARE_*",))


def test_files_are_included_where_they_are_named(tmp_path):
    files = odd_library()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    whole = read_library(*(tmp_path / name for name in files), kind=KIND)
    text = files["others.lib"]
    start = text.index("cell (LATR)")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "rest.lib").write_text("include_file (last.inc); // include_file (gone.lib);\n")
    (tmp_path / "more" / "last.inc").write_bytes(gzip.compress(text[start:].encode()))
    (tmp_path / "others.lib").write_text(f'/* include_file (gone.lib) */ {text[:start]} include_file ("more/rest.lib")')
    included = read_library(*(tmp_path / name for name in files), kind=KIND)
    assert (included.areas, included.text) == (whole.areas, whole.text)
    (tmp_path / "more" / "last.inc").write_text(text[start:].replace("area : 8", "area : 9"))
    assert read_library(*(tmp_path / name for name in files), kind=KIND).sha256 != whole.sha256


@pytest.mark.parametrize(("inner", "message"), [
    ("include_file (gone.lib);", r"gone\.lib: cannot be read: No such file or directory$"),
    ("include_file (outer.lib);", r"outer\.lib: must not include itself, as it does by include_file$"),
    ("include_file (twice.lib);" * 40, r"outer\.lib: must include at most 1000 files of \d+ bytes together, not more$"),
])  # fmt: skip
def test_includes_that_cannot_be_read(tmp_path, inner, message):
    (tmp_path / "outer.lib").write_text("library (x) { include_file (inner.lib); }")
    (tmp_path / "inner.lib").write_text(inner)
    (tmp_path / "twice.lib").write_text("include_file (leaf.lib);" * 40)
    (tmp_path / "leaf.lib").write_text("")
    with pytest.raises(BitmillError, match=rf"^liberty {re.escape(str(tmp_path))}/{message}"):
        read_library(tmp_path / "outer.lib")
