"""The pictures of the full study, each a function of the records alone."""

from __future__ import annotations

from ...studies.records import Records
from ..drawing import style, to_svg
from ..sweep.curves import curves_picture
from ..sweep.energy_bars import energy_picture
from .aligner_picture import aligners_picture
from .front_picture import fronts_picture
from .length_picture import lengths_picture
from .model_picture import models_picture
from .part_picture import parts_picture
from .walk_picture import walks_picture
from .walks import WALKS


def render_pictures(records: Records) -> dict[str, str]:
    """Name to SVG text, in the order in which they are shown.

    Raises
    ------
    BitmillError
        If a record that a picture needs is missing.
    """
    by_paper = {
        "walks-van-baalen": ("van-baalen", "Why FP8 looked 183 % dearer than INT8"),
        "walks-formatscope": ("formatscope", "FormatScope's figures, one assumption at a time"),
    }
    with style():
        drawn = {
            name: walks_picture(records, [walk for walk in WALKS if walk.key.startswith(key)], title=title)
            for name, (key, title) in by_paper.items()
        }
        drawn |= {
            "aligners": aligners_picture(records),
            "fronts": fronts_picture(records),
            "curves": curves_picture(records),
            "energy": energy_picture(records),
            "lengths": lengths_picture(records),
            "parts": parts_picture(records),
            "models": models_picture(records),
        }
        return {name: to_svg(made, name) for name, made in drawn.items()}
