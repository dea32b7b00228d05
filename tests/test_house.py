"""The rules of the house, read from its files: which way imports go, sizes, dependencies, packages, generated text."""

import ast
import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bitmill.config import MacConfig
from bitmill.config.family import FAMILIES, Absent, Table
from bitmill.config.presets import UNITS
from bitmill.system.errors import BitmillError

from .questions import questions

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["setuptools"]["packages"]

FLOORS: dict[str, tuple[str, ...]] = {"system": (), "formats": ("system",), "config": ("system", "formats")}
BASE = tuple(FLOORS)
FLOORS |= {
    "golden": BASE,
    "hdl": BASE,
    "fpga": (*BASE, "golden", "hdl"),
    "models": (*BASE, "golden"),
    "sim": (*BASE, "golden", "hdl", "fpga", "models"),
    "studies": (*BASE, "golden", "hdl", "fpga", "models", "sim"),
}
FLOORS["reports"] = (*FLOORS["studies"], "studies")
FLOORS["commands"] = (*FLOORS["reports"], "reports")
FLOORS |= {"cli": (*FLOORS["commands"], "commands"), "__main__": ("cli",)}
"""What each floor may import from inside the package, besides itself."""


def _tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:  # Not a checkout: a source archive has nothing but sources.
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
    else:
        names = listed.stdout.decode().split("\0")
    return [
        ROOT / name for name in names if name and not name.startswith((".venv", "build")) and (ROOT / name).is_file()
    ]


SOURCES = [path for path in _tracked() if path.suffix == ".py"]
INSIDE = [path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"]


def _module(path):
    """Dotted name under ``bitmill`` as a tuple, and whether the file is a package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    return (parts[:-1] if is_package else parts), is_package


def _imports(path):
    """Inside imports as tuples under ``bitmill``, and outside ones by their first name, wherever they stand."""
    module, is_package = _module(path)
    inside, outside = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            outside |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            home = module if is_package else module[:-1]
            base = home[: len(home) - node.level + 1] + tuple((node.module or "").split(".") if node.module else ())
            # `from .. import x`: x may be a module, or a name of the package itself such as __version__.
            inside |= {base} if base else {(alias.name,) for alias in node.names}
    return inside, outside


def _id(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", INSIDE, ids=_id)
def test_imports_go_one_way(path):
    module, _ = _module(path)
    inside, outside = _imports(path)
    assert "bitmill" not in outside, "inside the package imports are relative"
    if not module:
        assert {name[0] for name in inside} <= {"formats", "system", "config"}
        return
    floor = module[0]
    assert floor in FLOORS, f"{floor} is on no floor"
    allowed = {floor, *FLOORS[floor], "__version__"}
    assert {name[0] for name in inside} <= allowed
    if floor == "golden":
        assert "amaranth" not in outside
    if floor == "formats":
        assert outside <= set(sys.stdlib_module_names)


def test_the_import_rule_sees_every_way_to_import():
    found, outside = _imports(Path(__file__))
    assert found == {("tests", "questions")}
    assert {"ast", "pytest", "bitmill"} <= outside
    reached = {name[0] for path in INSIDE for name in _imports(path)[0]}
    assert {"formats", "config", "golden", "hdl", "sim", "fpga", "studies", "reports"} <= reached


def test_nothing_but_the_command_line_imports_reports():
    importing = {_id(path) for path in INSIDE if any(name[0] == "reports" for name in _imports(path)[0])}
    assert any(name.startswith("commands") for name in importing)
    assert all(name.startswith(("reports", "commands", "cli.py")) for name in importing), importing


@pytest.mark.parametrize("path", [path for path in INSIDE if path.relative_to(ROOT).parts[0] != "config"], ids=_id)
def test_nobody_asks_what_a_configuration_is(path):
    module, is_package = _module(path)
    found = list(questions(path.read_text(encoding="utf-8"), (*module, "__init__") if is_package else module))
    assert not found, (
        "look it up in a table of config.family, or under kind or KEY, or ask a property of the configuration"
    )


@pytest.mark.parametrize(
    "asked",
    [
        "from ..config import MacConfig\nisinstance(x, MacConfig)",
        "from ..config import bit_serial\nisinstance(x, (int, bit_serial.BitSerialConfig))",
        "from ..config import FloatAccumulator as Spec\nissubclass(x, Spec)",
        "from ..config.nonlinear import ShiftmaxRule\nmatch x:\n    case ShiftmaxRule(): pass",
        "from ..hdl.accumulators.fused_accumulator import FusedAccumulator\nisinstance(x, FusedAccumulator)",
        "match config.unit:\n    case 'mac': pass",
        "match type(x):\n    case _: pass",
        "config.unit == 'array'",
        "'array' != self.config.unit",
        "config.unit in ('mac', 'dot')",
        "config.accumulator.kind is 'exact'",
        "x = (config.unit, 1) == ('mac', 1)",
        "rule.KEY == 'shiftmax'",
        "kind = config.accumulator.kind\nkind == 'exact'",
        "hasattr(config, 'window')",
        "type(config) is MacConfig",
        "type(config) == type(other)",
        "type(config).__name__ == 'MacConfig'",
        "TABLE[type(config)]",
        "TABLE[config.__class__]",
        "from functools import singledispatch",
        "import functools\n@functools.singledispatch\ndef f(x): pass",
    ],
)
def test_the_rule_finds_every_way_to_ask(asked):
    assert list(questions(asked, ("sim", "made_up")))


@pytest.mark.parametrize(
    "other",
    [
        "TABLE[config.unit](config)",
        "TABLE.of(config)(config)",
        "ACCUMULATORS[config.accumulator.kind]",
        "isinstance(x, int)",
        "from ..formats import Minifloat\nisinstance(fmt, Minifloat)",
        "type(size) is int",
        "array.dtype.kind not in 'iu'",
        "self.kind == 'none'",
        "import os\nhasattr(os, 'geteuid')",
        "match fmt.top:\n    case TopExponent.FN: pass",
        "f'{type(self).__name__} config'",
        "__name__ == '__main__'",
    ],
)
def test_the_rule_finds_nothing_else(other):
    assert not list(questions(other, ("sim", "made_up")))


def _tables():
    """Every ``Table`` of families that a module has, by its name."""
    for path in INSIDE:
        text = path.read_text(encoding="utf-8")
        if "Table(" in text and "config.family import" in text.replace("from .family import", "config.family import"):
            module = importlib.import_module(".".join(("bitmill", *_module(path)[0])))
            yield from ((name, value) for name, value in vars(module).items() if isinstance(value, Table))


def test_every_table_has_a_row_or_a_reason_for_every_family():
    tables = dict(_tables())
    assert {"GOLDEN", "HARDWARE", "TRAFFIC", "DESCRIBED", "GEMM"} <= set(tables)
    for name, table in tables.items():
        assert list(table) == list(FAMILIES), name
        for unit, row in table.items():
            assert not isinstance(row, Absent) or len(row.reason) > 10, f"{name} of {unit}"


def test_a_table_refuses_what_it_has_nothing_for():
    rows = {**dict.fromkeys(FAMILIES, 1), "array": Absent("it is made up")}
    table = Table("tried", rows)
    assert table.of(UNITS["int8-mac"]) == 1
    with pytest.raises(BitmillError, match=r"^unit must be 'mac', .* to be tried, not 'array': it is made up$"):
        table.of(UNITS["int8-4x4"])
    del rows["dot"]
    assert Table("tried", rows, others=2).of(UNITS["int8-dot32"]) == 2
    with pytest.raises(ValueError, match="rows must be of every family"):
        Table("tried", rows)
    with pytest.raises(ValueError, match="rows must be of every family"):
        Table("tried", {"none": 1}, others=2)


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_files_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_every_dependency_has_bounds_and_a_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    project = PYPROJECT["project"]
    wanted = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    assert len(wanted) > 20
    for dependency in wanted:
        (number,) = (number for number, line in enumerate(lines) if line.strip().startswith(f'"{dependency}"'))
        comment = lines[number].partition('",')[2].strip() or lines[number - 1].strip()
        assert comment.startswith("# "), dependency
        assert len(comment) > 6, dependency
        requirement = dependency.split(";")[0]
        assert ("<" in requirement and ">=" in requirement) or "==" in requirement, f"{dependency} has no bounds"


def _pinned(lock: str) -> set[str]:
    lines = (ROOT / lock).read_text().lower().replace("_", "-").splitlines()
    return {line.split("==")[0].strip() for line in lines if "==" in line}


def _name(dependency: str) -> str:
    return dependency.replace(">", "=").replace("<", "=").split("=")[0].strip().lower().replace("_", "-")


def test_the_locks_pin_every_dependency():
    project, runtime = PYPROJECT["project"], _pinned("requirements.lock")
    assert {_name(dependency) for dependency in project["dependencies"]} <= runtime
    assert {_name(dependency) for dependency in project["optional-dependencies"]["dev"]} <= runtime | _pinned(
        "requirements-dev.lock"
    )


def test_packages_are_listed_and_listed_ones_exist():
    there = {".".join(("bitmill", *_module(path)[0])) for path in INSIDE if path.name == "__init__.py"}
    assert set(PACKAGES) == there
    for path in INSIDE:
        home = ".".join(("bitmill", *path.relative_to(ROOT).parent.parts))
        assert home in PACKAGES, f"{_id(path)} is in no listed package"


def test_data_files_are_listed():
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]
    data = [path for path in _tracked() if path.suffix != ".py" and path.parent != ROOT]
    for path in data:
        folder = path.relative_to(ROOT).parent
        package = next(
            (".".join(("bitmill", *parent.parts)) for parent in (folder, *folder.parents)
             if ".".join(("bitmill", *parent.parts)) in patterns),
            None,
        )  # fmt: skip
        if package is None or "results" in folder.parts:
            continue
        inner = path.relative_to(ROOT / Path(*package.split(".")[1:]))
        assert any(inner.match(pattern) for pattern in patterns[package]), f"{_id(path)} is not in the wheel"


@pytest.mark.parametrize("name", UNITS)
def test_presets_are_valid_and_say_what_they_are(name):
    config = UNITS[name]
    assert MacConfig.from_dict(config.to_dict()) == config
    if config.scale != "none":
        elements = {
            "mxfp4": "E2M1",
            "mxfp6": "E2M3",
            "mxfp8": "E4M3",
            "mxint8": "INT8",
            "nvfp4": "E2M1",
            "bfp4-16": "INT4_SYM",
        }
        block, size = name.rsplit("-", 1)
        assert (config.weight, config.activation) == (elements[block],) * 2
        assert (config.scale, config.block_size) == {"nvfp4": ("E4M3", 16), "bfp4-16": ("E8M0", 16)}.get(
            block, ("E8M0", 32)
        )
        assert size == (f"dot{config.block_size}" if config.unit == "dot" else "4x4")
        if config.unit == "dot":
            prefix = "E4M3-scaled" if block == "nvfp4" else "MX"
            assert config.title == f"{prefix} {config.weight} {size}, FP32 accumulator"
        return
    weight, activation = config.weight.lower(), config.activation.lower()
    name = name.removeprefix("" if config.product_rule == "exact" else f"{config.product_rule}-")
    assert name.split("-")[0] == (weight if weight == activation else f"{weight}x{activation}")
    assert (
        name.split("-")[1]
        == {
            "mac": "mac",
            "dot": f"dot{config.lanes}",
            "array": f"{config.rows}x{config.cols}",
        }[config.unit]
    )
    assert name.endswith("-fp32") == (config.accumulator.kind == "float")


def test_the_readme_shows_every_room():
    text = (ROOT / "README.md").read_text()
    house = text[text.index("## The house") :].split("```")[1]
    rooms = {path.relative_to(ROOT).parts[0] for path in SOURCES if len(path.relative_to(ROOT).parts) > 1}
    assert {line.split("/")[0] for line in house.splitlines() if not line.startswith(" ")} - {"", "docs"} == rooms - {
        "tests"
    }
    assert "docs/" in house
    assert "tests/" in house


def test_readme_is_generated_from_the_catalog_and_the_records():
    path = os.pathsep.join(entry for entry in sys.path if entry)
    checked = subprocess.run(
        [sys.executable, "-m", "bitmill.reports.readme", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_reports_and_studies_stay_small():
    lines = {
        floor: sum(len(path.read_text().splitlines()) for path in INSIDE if path.relative_to(ROOT).parts[0] == floor)
        for floor in ("reports", "studies")
    }
    assert 0 < lines["reports"] < 9_500
    assert lines["reports"] + lines["studies"] < 13_000
