"""Words of the report, and its findings as sentences whose numbers are the records'."""

from __future__ import annotations

from collections.abc import Iterator

from ...config.nonlinear import PROFILES
from ...models.captured.rows import UNITS
from ...studies.nonlinear.contenders import IDEAL
from ...studies.records import Record, Records
from ..shown import shown
from . import view
from .claims import ITA_LANES, ITA_LINES


def subject(records: Records) -> str:
    """What was measured, in a phrase."""
    captured = [record for record in records.of_kind("inputs") if record.part == "softmax"]
    profiles = [title for title in view.titles(records, "softmax").values() if title in PROFILES]
    named = f"Profile{'s' * (len(profiles) > 1)} {', '.join(profiles)}"
    return f"{named}; made-up rows, and inputs of all {len(captured)} layers of a real encoder"


def answer(records: Records) -> list[str]:
    """The findings that the records allow."""
    return [*_softmax(records), *_steps(records), *_refused(records), *_hardware(records)]


def _softmax(records: Records) -> Iterator[str]:
    for captured, where in ((False, "made-up rows"), (True, "real attention logits")):
        parts = []
        for contender, title in view.titles(records, "softmax").items():
            mean, steps = (
                view.worst(records, "softmax", contender, metric, captured=captured)
                for metric in ("over_ideal", "steps")
            )
            if contender != IDEAL and mean is not None and steps is not None:
                parts.append(
                    f"{title} {_number(mean, 'over_ideal', 2)} times the ideal's and {_number(steps, 'steps', 1)} steps"
                )
        if parts:
            yield f"Softmax rounded to 8 bits, mean error and greatest error on {where}, the worst case: {'; '.join(parts)}."


def _steps(records: Records) -> Iterator[str]:
    for unit in ("gelu", "layernorm"):
        parts = []
        for contender, title in view.titles(records, unit).items():
            made_up, real = (view.worst(records, unit, contender, "steps", captured=where) for where in (False, True))
            if contender != IDEAL and made_up is not None and real is not None:
                cosine = _number(real, "cosine", 3)
                parts.append(
                    f"{title} {_number(made_up, 'steps', 1)} steps on made-up rows, {_number(real, 'steps', 1)} on real ones "
                    f"(cosine {cosine})"
                )
        if parts:
            yield f"{view.unit_title(unit)}, greatest error of the 8-bit output: {'; '.join(parts)}."


def _refused(records: Records) -> Iterator[str]:
    for unit in UNITS:
        for contender, title in view.titles(records, unit).items():
            found = view.worst(records, unit, contender, "refused", captured=True)
            if found is not None and found.number("refused"):
                yield (
                    f"{view.unit_title(unit)} of {title} refuses the parameters or scale of {_number(found, 'refused')} of the "
                    "encoder's places."
                )


def _hardware(records: Records) -> Iterator[str]:
    for record in view.hardware(records, "osu018"):
        config = record.config
        peer = ITA_LINES.get((config["unit"], "osu018", "logic"))
        if peer is None or config["lanes"] not in ITA_LANES[config["unit"]]:
            continue
        lut4 = f"{config['key']}/x{config['lanes']}/ecp5"
        fpga = f" and {_number(records[lut4], 'logic')} LUT4" if lut4 in records else ""
        lanes = f"{config['lanes']} lane{'s' * (config['lanes'] > 1)}"
        yield (
            f"{config['title']}, {lanes}: {_number(record, 'logic')} gate equivalents of logic{fpga}; ITA's takes "
            f"{shown(peer)} gate equivalents."
        )


def _number(record: Record, metric: str, digits: int = 0) -> str:
    return shown(record.number(metric), digits)
