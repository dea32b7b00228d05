"""The standard-cell libraries that people use, by short names, and where their PDKs put them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..system.errors import BitmillError
from .liberty import DEFAULT_LIBRARY, Kind, Library, read_library

CELLS_VARIABLE = "BITMILL_CELLS"
"""Environment: folders of Liberty files, at any depth, as a path list."""

PDK_VARIABLE = "PDK_ROOT"
"""Environment: where ciel, volare, open_pdks or a clone put PDKs."""

PATH_VARIABLE = "PDKPATH"
"""Environment: one PDK's own folder, as OpenLane and open_pdks set it; ``PDK`` is its name below ``PDK_ROOT``."""

_HOMES = (".ciel", ".volare")


@dataclass(frozen=True)
class KnownLibrary:
    """One row: a library that people use.

    Attributes
    ----------
    name, words
        Its short name, and what it is: process, corner.
    files
        For each file of the library the names that it goes by, perhaps with ``.gz``, as patterns.
    layouts
        Folders below ``PDK_ROOT`` where it lies, as patterns.
    get
        How people get it.
    own_name, family
        Patterns of its own name in its files, and of that of its other corners.
    node_nm
        The process.
    dont_use
        Patterns of cells that its PDK's own flow does not map either, beside those that say so themselves.
    as_it_is
        Whether tools read its text unchanged.
    square_microns
        Of a unit of area.
    gate_adders
        Whether full adders of gates are tried as well: where the cell is slow.
    sizing
        How recipes for area size cells, of ``standard_recipes``.
    """

    name: str
    words: str
    files: tuple[tuple[str, ...], ...]
    layouts: tuple[str, ...]
    get: str
    own_name: str
    family: str
    node_nm: int
    dont_use: tuple[str, ...] = ()
    as_it_is: bool = False
    square_microns: float = 1.0
    gate_adders: bool = True
    sizing: str = "buffered"

    def kind(self, key: str) -> Kind:
        """What reading it needs to know; ``key`` is what records call it."""
        return Kind(key, self.dont_use, self.square_microns, self.node_nm, self.as_it_is, self.gate_adders, self.sizing)


def _managed(pdk: str, variants: Sequence[str], below: str) -> tuple[str, ...]:
    """Where open_pdks, ciel and volare put a PDK, the newest version first by name."""
    homes = ("", "share/pdk/", f"ciel/{pdk}/versions/*/", f"volare/{pdk}/versions/*/", f"{pdk}/versions/*/")
    return (*(f"{home}{variant}/{below}" for home in homes for variant in variants), below)


def _flow_scripts(folder: str) -> tuple[str, ...]:
    """Where OpenROAD-flow-scripts have a platform's library, from their root, from ``flow``, ``platforms`` or the platform."""
    return f"flow/platforms/{folder}", f"platforms/{folder}", folder, folder.partition("/")[2] or "."


_LIBRARIES = (
    KnownLibrary(
        name="sky130",
        words="SkyWater 130 nm, sky130_fd_sc_hd, typical, 25 C, 1.8 V",
        files=(("sky130_fd_sc_hd__tt_025C_1v80.lib", "sky130hd_tt.lib"),),
        layouts=(
            *_managed("sky130", ("sky130A", "sky130B"), "libs.ref/sky130_fd_sc_hd/lib"), *_flow_scripts("sky130hd/lib"),
            "libraries/sky130_fd_sc_hd/*/timing", "skywater-pdk/libraries/sky130_fd_sc_hd/*/timing",
        ),
        get="`pip install ciel` and `ciel enable --pdk-family sky130 VERSION`",
        own_name="sky130_fd_sc_hd__tt_025C_1v80",
        family="sky130_fd_sc_*",
        node_nm=130,
        # Delay cells are for clock trees and hold times, probes for measuring, the others for power domains.
        dont_use=("*__dly*", "*__clkdly*", "*__probe*", "*__lpflow_*", "*__macro_*"),
    ),
    KnownLibrary(
        name="ihp-sg13g2",
        words="IHP SG13G2 130 nm, typical, 25 C, 1.2 V",
        files=(("sg13g2_stdcell_typ_1p20V_25C.lib",),),
        layouts=(
            *_managed("ihp-sg13g2", ("ihp-sg13g2",), "libs.ref/sg13g2_stdcell/lib"), *_flow_scripts("ihp-sg13g2/lib"),
        ),
        get="`git clone https://github.com/IHP-GmbH/IHP-Open-PDK`",
        own_name="sg13g2_stdcell_typ_1p20V_25C",
        family="sg13g2_stdcell*",
        node_nm=130,
        dont_use=("*_dlygate*",),
    ),
    KnownLibrary(
        name="asap7",
        words="ASAP7 7 nm predictive, regular threshold, slow, 100 C, 0.63 V",
        files=tuple((f"asap7sc7p5t_{part}_RVT_SS_nldm_*.lib",) for part in ("SIMPLE", "INVBUF", "AO", "OA", "SEQ")),
        layouts=(*_flow_scripts("asap7/lib/NLDM"), "asap7sc7p5t_28/LIB/NLDM", "LIB/NLDM"),
        get="`git clone https://github.com/The-OpenROAD-Project/OpenROAD-flow-scripts` (flow/platforms/asap7/lib/NLDM)",
        own_name="asap7sc7p5t_*_RVT_SS_nldm_*",
        family="asap7sc7p5t_*",
        node_nm=7,
        # HB are hold buffers.
        dont_use=("HB?xp67_*",),
        sizing="sized",
    ),
    KnownLibrary(
        name="osu018",
        words="Oklahoma State University 180 nm, typical",
        files=(("osu018_stdcells.lib",),),
        layouts=(),
        get="`apt-get install qflow-tech-osu018`",
        own_name="osu018_stdcells",
        family="osu018_stdcells",
        node_nm=180,
        # 32 cells, every one of which maps or is passed over by all tools; the first records were made with the text as it is.
        as_it_is=True,
        # The first records were made without.
        gate_adders=False,
    ),
)  # fmt: skip
LIBRARIES: Mapping[str, KnownLibrary] = {row.name: row for row in _LIBRARIES}


def kind_named(name: str) -> Kind:
    """What reading a known library needs."""
    return LIBRARIES[name].kind(name)


def kind_of(own_name: str) -> Kind:
    """The same for a library by its own name: one of another corner keeps its name and has the known one's cells not to use."""
    for row in _LIBRARIES:
        if fnmatch.fnmatchcase(own_name, row.own_name):
            return row.kind(row.name)
        if fnmatch.fnmatchcase(own_name, row.family):
            return row.kind(own_name)
    return Kind()


def find_library(cells: str | Path | Sequence[str | Path] | None = None) -> Library:
    """A library by its short name, or by the paths of its files; osu018 where nothing is named.

    Parameters
    ----------
    cells
        One of ``LIBRARIES``, looked for in the folders of ``BITMILL_CELLS``, then below ``PDK_ROOT``; or paths of Liberty files,
        plain or ``.gz``, or of a folder of them.

    Raises
    ------
    BitmillError
        If it is not found, or as ``liberty.read_library``.
    """
    given = [cells] if isinstance(cells, str | Path) else list(cells or ["osu018"])
    row = LIBRARIES.get(str(given[0])) if len(given) == 1 else None
    if row is None:
        return read_library(*_paths(given))
    return read_library(*_found(row), kind=row.kind(row.name))


def _paths(given: Sequence[str | Path]) -> list[Path]:
    short = [str(one) for one in given if str(one) in LIBRARIES]
    if short and len(given) > 1:
        raise BitmillError(
            "cells must be one short name, or paths of Liberty files that belong together, not "
            f"{' and '.join(repr(str(one)) for one in given)}"
        )
    for one in given:
        if not str(one) or (
            not Path(one).exists() and os.sep not in str(one) and not str(one).endswith((".lib", ".gz"))
        ):
            raise BitmillError(
                f"cells must be {', '.join(LIBRARIES)} or paths of Liberty files that belong together, not {str(one)!r}"
            )
    return [Path(one) for one in given]


def _found(row: KnownLibrary) -> list[Path]:
    """The row's files, all from one folder."""
    looked: list[str] = []
    stated = _stated_roots()
    for folder in _folders(row):
        below = (
            f" ({row.layouts[0]} and {len(row.layouts) - 1} more layouts)" if row.layouts and folder in stated else ""
        )
        looked.append(f"{folder}{below}")
        found = [_first(folder, names) for names in row.files]
        if all(found):
            return [path for path in found if path is not None]
    variables = [name for name in (CELLS_VARIABLE, PDK_VARIABLE) if not os.environ.get(name)]
    unset = f" ({' and '.join(variables)} not set)" if variables else ""
    where = f"looked in {_few(looked)}{unset}" if looked else f"{' and '.join(variables)} are not set"
    raise BitmillError(
        f"missing library {row.name}: {where}; get it with {row.get}, then set {PDK_VARIABLE} or {CELLS_VARIABLE}, or give "
        f"its {'file' if len(row.files) == 1 else f'{len(row.files)} files'} with --cells"
    )


def _stated_roots() -> list[Path]:
    """Of PDKs, by the environment: one PDK's own folder before the folder of all."""
    root, name, own = (os.environ.get(variable) for variable in (PDK_VARIABLE, "PDK", PATH_VARIABLE))
    below = [Path(root) / name] if root and name and (Path(root) / name).is_dir() else []
    return list(dict.fromkeys([*([Path(own)] if own else []), *below, *([Path(root)] if root else [])]))


def _few(folders: Sequence[str], most: int = 6) -> str:
    return ", ".join(folders[:most]) + (f" and {len(folders) - most} more folders" if len(folders) > most else "")


def _folders(row: KnownLibrary) -> Iterator[Path]:
    """Where a library may lie, in the order in which it is looked for; the variables' own folders even if they do not exist."""
    for text in filter(None, os.environ.get(CELLS_VARIABLE, "").split(os.pathsep)):
        yield Path(text)
        yield from sorted(path for path in Path(text).rglob("*") if path.is_dir())
    if row.name == "osu018":
        yield DEFAULT_LIBRARY.parent
    stated = _stated_roots()
    for root in stated or [Path.home() / home for home in _HOMES]:
        if stated:
            yield root
        for layout in row.layouts:
            yield from sorted(root.glob(layout), reverse=True)


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    """A row's file in a folder: by its names in order, plain before compressed, the newest of several by name."""
    for name in names:
        for pattern in (name, f"{name}.gz"):
            found = sorted(path for path in folder.glob(pattern) if path.is_file())
            if found:
                return found[-1]
    return None
