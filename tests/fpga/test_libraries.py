"""Libraries by their short names: where they are looked for, and what is said when they are not there."""

from __future__ import annotations

import gzip
import shutil

import pytest

from bitmill import BitmillError
from bitmill.fpga.liberty import DEFAULT_LIBRARY
from bitmill.fpga.libraries import LIBRARIES, find_library, kind_of


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("BITMILL_CELLS", raising=False)
    for variable in ("PDK_ROOT", "PDK", "PDKPATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def stand_in(folder, name="sky130_fd_sc_hd__tt_025C_1v80.lib", *, packed=False):
    """Another library under the name of sky130's file."""
    folder.mkdir(parents=True)
    text = DEFAULT_LIBRARY.read_bytes()
    (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(text) if packed else text)


@pytest.mark.parametrize(
    "layout",
    [
        "sky130A/libs.ref/sky130_fd_sc_hd/lib",
        "ciel/sky130/versions/0fe599b/sky130A/libs.ref/sky130_fd_sc_hd/lib",
        "volare/sky130/versions/0fe599b/sky130B/libs.ref/sky130_fd_sc_hd/lib",
        "flow/platforms/sky130hd/lib",
        "libs.ref/sky130_fd_sc_hd/lib",
        "platforms/sky130hd/lib",
        "sky130hd/lib",
        "lib",
        "share/pdk/sky130A/libs.ref/sky130_fd_sc_hd/lib",
        "libraries/sky130_fd_sc_hd/latest/timing",
        "skywater-pdk/libraries/sky130_fd_sc_hd/v0.0.2/timing",
    ],
)
def test_layouts_below_the_root_of_pdks(tmp_path, monkeypatch, layout):
    stand_in(tmp_path / layout)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert find_library("sky130").key == "sky130"


def test_a_pdk_of_its_own_name_or_folder(tmp_path, monkeypatch):
    for variant in ("sky130A", "sky130B"):
        stand_in(tmp_path / variant / "libs.ref/sky130_fd_sc_hd/lib")
    (file,) = (tmp_path / "sky130B").rglob("*.lib")
    file.write_text(file.read_text().replace("library(osu018_stdcells", "library(of_b"))
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert find_library("sky130").name == "osu018_stdcells"
    monkeypatch.setenv("PDK", "sky130B")
    assert find_library("sky130").name == "of_b"
    monkeypatch.setenv("PDKPATH", str(tmp_path / "sky130A"))
    assert find_library("sky130").name == "osu018_stdcells"
    monkeypatch.delenv("PDK_ROOT")
    assert find_library("sky130").name == "osu018_stdcells"


def test_homes_of_pdks_without_a_variable(tmp_path):
    stand_in(tmp_path / "home/.volare/sky130A/libs.ref/sky130_fd_sc_hd/lib")
    assert find_library("sky130").node_nm == 130


@pytest.mark.parametrize("packed", [False, True])
def test_any_depth_of_the_folders_of_cells(tmp_path, monkeypatch, packed):
    stand_in(tmp_path / "b/deep/er", packed=packed)
    monkeypatch.setenv("BITMILL_CELLS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert find_library("sky130").flip_flop == find_library("osu018").flip_flop


def test_what_is_said_of_one_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "pdk"))
    with pytest.raises(BitmillError) as caught:
        find_library("ihp-sg13g2")
    assert str(caught.value) == (
        f"missing library ihp-sg13g2: looked in {tmp_path / 'pdk'} (ihp-sg13g2/libs.ref/sg13g2_stdcell/lib and 9 more "
        "layouts) (BITMILL_CELLS not set); get it with `git clone "
        "https://github.com/IHP-GmbH/IHP-Open-PDK`, then set PDK_ROOT or BITMILL_CELLS, or give its file with --cells"
    )
    monkeypatch.delenv("PDK_ROOT")
    with pytest.raises(
        BitmillError, match=r"^missing library asap7: BITMILL_CELLS and PDK_ROOT are not set; get .*5 files"
    ):
        find_library("asap7")


@pytest.mark.parametrize("name", ["sky13", "SKY130", ""])
def test_names_that_are_none(name):
    with pytest.raises(BitmillError) as caught:
        find_library(name)
    assert str(caught.value) == (
        f"cells must be sky130, ihp-sg13g2, asap7, osu018 or paths of Liberty files that belong together, not {name!r}"
    )


def test_paths_files_and_folders_give_the_same_library(tmp_path):
    shutil.copy(DEFAULT_LIBRARY, tmp_path)
    by_path, by_folder = find_library(str(tmp_path / DEFAULT_LIBRARY.name)), find_library(tmp_path)
    assert by_path == by_folder == find_library() == find_library(["osu018"])
    assert by_path.key == "osu018", "known by its own name"
    (tmp_path / "empty").mkdir()
    with pytest.raises(BitmillError, match=r"must be a folder with \.lib or \.lib\.gz files, not one without$"):
        find_library(tmp_path / "empty")


def test_other_corners_of_a_known_library_keep_their_names_and_its_cells_not_to_use():
    slow = kind_of("sky130_fd_sc_hd__ss_100C_1v60")
    assert (slow.key, slow.node_nm, slow.dont_use) == (
        "sky130_fd_sc_hd__ss_100C_1v60",
        130,
        LIBRARIES["sky130"].dont_use,
    )
    assert kind_of("sky130_fd_sc_hd__tt_025C_1v80").key == "sky130"
    assert kind_of("mine").dont_use == ()
