"""The tables of the report, built from the records alone."""

from __future__ import annotations

from ...models.captured.rows import UNITS, Unit
from ...studies.nonlinear.contenders import IDEAL
from ...studies.nonlinear.synthetic import LENGTHS
from ...studies.records import Record, Records
from .. import shown
from ..libraries import words_of
from ..published import claims_table
from ..shown import Cell, Table, of_config, of_records
from . import view

ERROR_DIGITS = 5
REFUSED = "refused"
"""Where a rule takes no such scale, length or parameters."""


def figures(records: Records) -> list[Table]:
    """What the answer rests on: the worst errors, and every unit at its widest."""
    return [summary_table(records), widest_table(records)]


def all_tables(records: Records) -> list[Table]:
    """Every table."""
    return [
        *(cells_table(records, library) for library in view.cell_libraries(records)),
        hardware_table(records),
        cycle_table(records),
        *(captured_table(records, unit) for unit in UNITS),
        input_table(records),
        curve_table(records),
        replication_table(records),
    ]


def summary_table(records: Records) -> Table:
    """One row per unit and contender: the worst of all scales and lengths, made up and captured."""
    rows: list[tuple[Cell, ...]] = []
    for unit in UNITS:
        for contender, title in view.titles(records, unit).items():
            cells: list[Cell] = []
            for captured in (False, True):
                for metric, digits in (("max", 3), ("mean", ERROR_DIGITS), ("over_ideal", 2), ("steps", 2)):
                    found = view.worst(records, unit, contender, metric, captured=captured)
                    cells.append(shown.DASH if found is None else shown.number(records, found.id, metric, digits))
            refused = view.worst(records, unit, contender, "refused", captured=True)
            cells.append(shown.DASH if refused is None else shown.number(records, refused.id, "refused"))
            rows.append((view.unit_title(unit), title, *cells))
    return Table(
        "The worst of all scales and row lengths",
        "Greatest and mean error of the unit's own output against the real function; then of its output rounded to 8 bits: mean "
        "error over that of the ideal 8-bit quantizer, and the greatest error in output steps. First on made-up rows, then on "
        "what all layers of a real encoder give the unit. A step is 1/256 for softmax, else a 127th of the largest output. "
        "Refused: places whose scale or parameters the rule does not take, which are left out.",
        (
            "unit", "profile",
            *(f"{name}, {where}" for where in ("made up", "captured") for name in ("max", "mean", "mean over ideal", "steps")),
            "refused",
        ),
        tuple(rows),
    )  # fmt: skip


_ERRORS = (
    ("max", 4), ("mean", ERROR_DIGITS), ("cosine", 6), ("max_8bit", 4), ("mean_8bit", ERROR_DIGITS), ("cosine_8bit", 6),
    ("steps", 2), ("over_ideal", 2),
)  # fmt: skip
_ERROR_COLUMNS = (
    "max", "mean", "cosine", "max, 8 bits", "mean, 8 bits", "cosine, 8 bits", "steps, 8 bits", "mean over ideal",
)  # fmt: skip


def _errors(records: Records, record: Record) -> list[Cell]:
    return [shown.number(records, record.id, metric, digits) for metric, digits in _ERRORS]


def captured_table(records: Records, unit: Unit) -> Table:
    """Every contender on captured rows: all layers, then layer by layer."""
    found = [record for record in records.of_kind("accuracy") if record.config["unit"] == unit]
    found = [record for record in found if record.config["kind"] == "captured"]
    rows: list[tuple[Cell, ...]] = []
    for source in view.sources(found):
        here = [record for record in found if record.config["source"] == source]
        places = dict.fromkeys(record.config["place"] for record in here if view.is_place(record))
        for place in (None, *places):
            for contender, title in view.titles(records, unit).items():
                match = [r for r in here if r.config["contender"] == contender and _place(r) == place]
                cells = _errors(records, match[0]) if match else [REFUSED, *[shown.DASH] * (len(_ERRORS) - 1)]
                rows.append((view.source_title(source), place or "all", title, *cells))
    return Table(
        f"{view.unit_title(unit)} on captured rows",
        "Inputs of the encoder's units on texts that did not calibrate the scales, rounded to int8; scales by place are in the "
        "table of inputs. Errors against the real function of the codes' values; all: every place that is not refused.",
        ("rows", "place", "profile", *_ERROR_COLUMNS),
        tuple(rows),
    )


def _place(record: Record) -> str | None:
    return record.config["place"] if view.is_place(record) else None


def input_table(records: Records) -> Table:
    """What captured inputs are like."""
    return of_records(
        records, records.of_kind("inputs"), "Captured inputs",
        "Scale: max|x| / 127 on the calibrating texts. Deviation and largest magnitude of the codes; mean change of the real "
        "unit's output by rounding its inputs to these codes, which is no error of the units.",
        {
            "unit": lambda record: view.unit_title(record.part), "place": of_config("place"), "scale": ("scale", 4),
            "deviation / steps": ("deviation", 2), "largest / steps": "largest",
            "rounding of inputs": ("input_error", ERROR_DIGITS), "elements": "elements",
        },
    )  # fmt: skip


def curve_table(records: Records) -> Table:
    """Errors of the functions point by point."""
    return of_records(
        records, (record for record in records.of_kind("curve") if record.config["contender"] != IDEAL),
        "The functions, code by code",
        "exp(d) as the ratio of both outputs of softmax on the row (0, d), d from 0 to -127 steps; GELU of all int8 codes as one "
        "row, the unit's own output.",
        {
            "function": lambda record: "exp" if record.config["function"] == "exp" else "GELU",
            "scale": lambda record: view.scale_name(record.config["scale"]),
            "profile": lambda record: view.title_of(record.config["title"]),
            "greatest error": ("max", 4), "mean error": ("mean", ERROR_DIGITS),
        },
    )  # fmt: skip


def widest_table(records: Records) -> Table:
    """Every unit with as many lanes as were measured, a column per library."""
    widest: dict[str, tuple[str, int]] = {}
    for key, title, _, lanes in _parts(records):
        widest[key] = max(widest.get(key, (title, 0)), (title, lanes), key=lambda found: found[1])
    libraries = view.cell_libraries(records)
    rows = [
        (
            title, f"{lanes}", *(shown.optional(records, f"{key}/x{lanes}/{library}", "logic") for library in libraries),
            shown.optional(records, f"{key}/x{lanes}/ecp5", "logic"), shown.optional(records, f"{key}/x{lanes}/clock", "fmax"),
        )
        for key, (title, lanes) in widest.items()
    ]  # fmt: skip
    return Table(
        "What units cost at their widest", "Gate equivalents of logic before layout; LUT4 and clock on ECP5 without DSP blocks.",
        ("unit", "lanes", *(f"GE of logic, {words_of(library)}" for library in libraries), "LUT4", "Fmax / MHz"), tuple(rows),
    )  # fmt: skip


def cells_table(records: Records, library: str) -> Table:
    """Every unit in every width on one cell library."""
    return of_records(
        records, view.cells(records, library), f"The units on {words_of(library)}",
        "Gate equivalents of the smallest recipe that meets the period, before layout. Memories of rows and of channels are left "
        "out where a unit's name says so.",
        {
            "unit": of_config("title"), "profile": _profile, "lanes": of_config("lanes"), "GE of logic": "logic",
            "GE of registers": "registers", "delay / ns": ("delay", 2), "period asked / ns": ("period", 2),
            "bits of memory left out": lambda record: shown.optional(records, record.id, "memory_outside"),
        },
    )  # fmt: skip


def hardware_table(records: Records) -> Table:
    """Every unit in every width in gates and on ECP5."""
    rows = []
    for key, title, profile, lanes in _parts(records):
        name = f"{key}/x{lanes}"
        rows.append((
            title,
            view.title_of(profile),
            f"{lanes}",
            *(shown.optional(records, f"{name}/generic", metric) for metric in ("logic", "registers")),
            *(shown.optional(records, f"{name}/ecp5", metric) for metric in ("logic", "logic_dsp", "dsp", "registers")),
            *(shown.optional(records, f"{name}/clock", metric, 1) for metric in ("fmax", "fmax_min", "fmax_max")),
        ))  # fmt: skip
    return Table(
        "The units in gates and on an FPGA",
        "Generic: NAND2-equivalents of logic and plain D flip-flops, memories left out as above. ECP5: LUT4 + 2 CCU2C without "
        "and with DSP blocks; Fmax is the median, the lowest and the highest of three placements of the units that were routed.",
        (
            "unit", "profile", "lanes", "NAND2-eq.", "FF", "LUT4", "LUT4 with DSP", "DSP", "FF on ECP5", "Fmax / MHz", "lowest",
            "highest",
        ),
        tuple(rows),
    )  # fmt: skip


def cycle_table(records: Records) -> Table:
    """Cycles a row and latency."""
    return of_records(
        records, view.hardware(records, "cycles"), "Cycles",
        "From a row's first beat to the next row's, back to back and without stalls, and the latency; the units' tests assert "
        "both.",
        {
            "unit": of_config("title"), "profile": _profile, "lanes": of_config("lanes"),
            "cycles a row": lambda record: record.flow["formula"],
            **{f"L = {length}": f"row_{length}" for length in LENGTHS}, "latency": "latency",
        },
    )  # fmt: skip


def _profile(record: Record) -> str:
    return view.title_of(record.config["profile"])


def _parts(records: Records) -> list[tuple[str, str, str, int]]:
    configs = [record.config for record in view.hardware(records)]
    return list(dict.fromkeys((c["key"], c["title"], c["profile"], c["lanes"]) for c in configs))


def replication_table(records: Records) -> Table:
    """Published figures beside ours, with a digit more than they were stated with."""
    return claims_table(
        records, "I-ViT, I-BERT and ITA: their figures and ours",
        "Errors of published algorithms on rows of one generator, as they were computed from the papers' formulas, and hardware "
        "of the authors as it was synthesized by the flow that ours goes through.",
        lambda record, name: record.config["digits"] + (name == "ours"), stated="stated",
    )  # fmt: skip
