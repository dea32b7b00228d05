"""Cache keys: every module that keeps results names itself, and its key changes with exactly the sources it depends on."""

import ast
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bitmill.studies.sweep import measurement
from bitmill.studies.sweep.task import Task
from bitmill.system import sources
from bitmill.system.sources import Sources, source_digest

ROOT = Path(__file__).parents[1]
KEEPS = ("cached", "cached_file", "cache_key")
"""Functions that keep what they are given under a key."""


def our_modules():
    skipped = ("tests", "typings", "build", "results")
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in skipped and not parts[0].startswith("."):
            yield path, ".".join(("bitmill", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def called(tree):
    """Names of the functions that a source calls, with the arguments of the calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            yield name, [ast.unparse(argument) for argument in node.args]


def keeping_modules():
    """Modules that keep results on disk, and what they ask ``source_digest`` of."""
    found = {}
    for path, name in our_modules():
        if name not in ("bitmill.system.cache", "bitmill.fpga.cache", "bitmill.system.sources"):
            calls = list(called(ast.parse(path.read_text())))
            if any(call in KEEPS for call, _ in calls):
                found[name] = [arguments for call, arguments in calls if call == "source_digest"]
    return found


KEYED = sorted(
    {
        *keeping_modules(),
        "bitmill.system.tools",
        measurement.counted.measured.__module__,
        *(made.__module__ for made in measurement._MEASURE.values()),
    }
)
"""Where following imports begins for one key or another."""


def test_every_module_that_keeps_results_is_keyed_by_its_own_sources():
    found = keeping_modules()
    assert {"bitmill.studies.int_vs_fp.emitted", "bitmill.fpga.sta", "bitmill.sim.compiled.library"} <= set(found)
    by_table = {"bitmill.studies.sweep.measurement": [["__name__"], ["_measuring(task).__module__"]]}
    for name, asked in found.items():
        assert asked == by_table.get(name, [["__name__"]]), f"{name} keeps results that are not keyed by its sources"


def test_modules_are_named_in_ways_that_can_be_followed():
    # Boards are modules of amaranth-boards, whose version is not part of any key.
    allowed = {"bitmill.fpga.board": ["board.module"]}
    for path, name in our_modules():
        dynamic = [arguments[0] for call, arguments in called(ast.parse(path.read_text()))
                   if call in ("import_module", "__import__", "exec", "eval", "spec_from_file_location")]  # fmt: skip
        assert dynamic == allowed.get(name, []), name


LOADED = """
import json, sys
found = {}
for name in sys.argv[1:]:
    import importlib
    before = set(sys.modules)
    importlib.import_module(name)
    found[name] = [module.__file__ for key, module in sys.modules.items() if key.partition(".")[0] == "bitmill"]
    for key in set(sys.modules) - before:
        if key.partition(".")[0] == "bitmill":
            del sys.modules[key]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded():
    """What Python itself loads of bitmill when a module is imported, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *KEYED], check=True, capture_output=True, text=True, env=environment
    )
    return {name: {Path(path).resolve() for path in files} for name, files in json.loads(told.stdout).items()}


def imported_in_functions(tree):
    """Modules that functions import, by the last part of their names."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom):
                    yield from [(node.module or "").split(".")[-1], *(alias.name for alias in node.names)]


@pytest.fixture(scope="module")
def imported_late():
    """Whatever some function of ours imports, and what the simulator's process does."""
    late = {name for path, _ in our_modules() for name in imported_in_functions(ast.parse(path.read_text()))}
    return {*late, "bench", "launch"}


@pytest.mark.parametrize("module", KEYED)
def test_a_key_follows_what_python_imports(module, loaded, imported_late):
    files = Sources(ROOT, "bitmill").files(module)
    assert loaded[module] <= set(files)
    # What is not loaded at once is imported by a function of something that the module depends on, or by what that imports.
    late = set(files) - loaded[module]
    doors = [path for path in late if path.stem in imported_late or path.parent.name in imported_late]
    behind = Sources(ROOT, "bitmill").files(*(name_of(path) for path in doors if path.suffix == ".py"))
    assert {path for path in late if path.suffix == ".py"} <= set(behind)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("bitmill", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def depend(module, *files):
    return {str(path.relative_to(ROOT)) for path in Sources(ROOT, "bitmill").files(module)} >= set(files)


def test_what_was_overlooked_is_followed():
    # Typed from reading the sources, by what each result is computed of.
    assert depend("bitmill.studies.int_vs_fp.emitted", "config/accumulators.py", "config/bit_serial.py", "config/mac.py",
                  "hdl/sums/window_tree.py", "formats/catalog.py")  # fmt: skip
    assert depend("bitmill.studies.int_vs_fp.verified", "golden/mac/accumulate_window.py", "sim/bench.py", "sim/launch.py",
                  "golden/bit_serial/tile.py", "sim/compiled/driver.cc", "sim/compiled/runtime/cxxrtl/cells.h")  # fmt: skip
    assert depend(
        "bitmill.studies.sweep.power", "models/sample/minilm.safetensors", "fpga/power_parts.py", "golden/scale.py"
    )
    assert depend("bitmill.models.captured.capture", "models/sample/forward.py", "models/encoder/model.py")
    assert not depend("bitmill.studies.int_vs_fp.emitted", "golden/scale.py")
    assert not depend("bitmill.studies.sweep.cells", "golden/scale.py")
    assert not depend("bitmill.fpga.sta", "formats/catalog.py")
    for module in KEYED:
        assert not depend(module, "cli.py"), module
        assert not depend(module, "reports/page.py"), module


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package without tests and results, to be changed."""
    there = tmp_path_factory.mktemp("copy") / "bitmill"
    skipped = shutil.ignore_patterns("tests", "typings", "build", "results", ".*", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, there, ignore=skipped)
    return there


def change_in_turn(copy, paths):
    """How many of the files some key depends on, having changed one after the other."""
    files, digests = {}, {}
    for module in KEYED:
        files[module] = set(Sources(copy, "bitmill").files(module))
        digests[module] = Sources(copy, "bitmill").digest(module)
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes(whole + b"\n")
        now = Sources(copy, "bitmill")
        for module in KEYED:
            assert (now.digest(module) != digests[module]) == (path in files[module]), (module, path.name)
        path.write_bytes(whole)
    return sum(any(path in found for found in files.values()) for path in paths)


def test_changing_a_file_changes_exactly_the_keys_that_depend_on_it(copy):
    # Every file at the top, and of the others every twelfth.
    top, inner = sorted(copy.glob("*.py")), sorted(path for path in copy.rglob("*/*") if path.is_file())
    assert change_in_turn(copy, [*top, *inner[::12]]) > 20


@pytest.mark.long
def test_changing_any_file_changes_exactly_the_keys_that_depend_on_it(copy):
    paths = sorted(path for path in copy.rglob("*") if path.is_file())
    assert len(paths) > 350
    assert change_in_turn(copy, paths) > 150


def test_every_data_file_that_is_packaged_is_named_by_a_module():
    named = {path for _, name in our_modules() for path in Sources(ROOT, "bitmill").files(name) if path.suffix != ".py"}
    tracked = {path for folder in ("config", "formats", "fpga", "golden", "hdl", "models", "reports", "sim", "studies")
               for path in (ROOT / folder).rglob("*") if path.is_file()}  # fmt: skip
    data = {path for path in tracked if path.suffix not in (".py", ".pyc", ".md") and "results" not in path.parts}
    assert len(data) > 20
    assert data <= named


WAYS = {
    "from . import other": True,
    "from .other import f": True,
    "from .other import *": True,
    "import pack.other": True,
    "from pack import other": True,
    "from pack.other import f as g": True,
    "def f():\n    from . import other": True,
    "class A:\n    def f(self):\n        if x:\n            with y:\n                from .other import z": True,
    "try:\n    from .other import f\nexcept ImportError:\n    f = None": True,
    "match x:\n    case 1:\n        from . import other": True,
    "TABLE = {'a': 'pack.other'}": True,
    "MODULE = f'{__package__}.other'": True,
    "TABLE = {'a': '.other'}\nimport importlib\ndef f(x): return importlib.import_module(TABLE[x], __package__)": True,
    "TABLE = {'a': 'other'}\nfrom importlib import import_module\ndef f(x): return import_module('pack.' + TABLE[x])": True,
    "from . import sub": True,
    "from .sub import inner": True,
    "from .sub.inner import f": True,
    "from pathlib import Path\nSCRIPT = Path(__file__).with_name('other.py')": True,
    "from . import unrelated": False,
    "'''from . import other'''": False,
    "NAME = 'other'": False,
    "if TYPE_CHECKING:\n    from . import other": False,
    "from .on_demand import unrelated": False,
    "from .on_demand import lazily": True,
}


PACK = {
    "__init__.py": "",
    "other.py": "def f(): ...\n",
    "unrelated.py": "",
    "sub/__init__.py": "from ..other import f\n",
    "sub/inner.py": "",
    "on_demand/__init__.py": "def __getattr__(name):\n    from ..other import f\n    return f\n",
    "on_demand/unrelated.py": "",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_import_is_followed(way, tmp_path):
    for name, text in {**PACK, "entry.py": way}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    files = Sources(tmp_path, "pack").files("pack.entry")
    assert (tmp_path / "other.py" in files) == WAYS[way]
    assert tmp_path / "__init__.py" in files


def test_unknown_modules_are_refused():
    with pytest.raises(LookupError, match="module must be one of bitmill, not 'numpy'"):
        source_digest("numpy")
    with pytest.raises(LookupError, match="nowhere"):
        source_digest("bitmill.nowhere")


def test_a_worker_with_another_file_has_another_fingerprint(copy, monkeypatch):
    monkeypatch.setattr(sources, "_sources_here", lambda: Sources(copy, "bitmill"))
    task = Task(config={"weight": "INT8", "activation": "INT8"}, target="generic")
    before = measurement.fingerprint(task)
    for name in ("config/accumulators.py", "golden/bit_serial/tile.py", "hdl/sums/window_tree.py", "studies/sweep/measurement.py",
                 "models/sample/minilm.safetensors", "sim/compiled/driver.cc"):  # fmt: skip
        path = copy / name
        whole = path.read_bytes()
        path.write_bytes(whole + b"\n")
        assert measurement.fingerprint(task)["source"] != before["source"], name
        path.write_bytes(whole)
    assert measurement.fingerprint(task) == before


def test_a_changed_accumulator_is_not_served_the_old_verilog(copy, monkeypatch):
    monkeypatch.setattr(sources, "_sources_here", lambda: Sources(copy, "bitmill"))
    task = Task(config={"weight": "INT8", "activation": "INT8"}, target="generic")
    before = measurement.cache_key(task)
    path = copy / "config/accumulators.py"
    path.write_text(
        path.read_text().replace("return self.width or product.sum_bits(terms)", "return 1 + product.sum_bits(terms)")
    )
    assert measurement.cache_key(task) != before


def test_many_threads_ask_at_the_same_time(monkeypatch):
    # Trees of sources made by several threads at once are a SystemError in CPython 3.11.
    for _ in range(3):
        sources._facts.cache_clear()
        fresh = Sources(ROOT, "bitmill")
        monkeypatch.setattr(sources, "_sources_here", lambda fresh=fresh: fresh)
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(source_digest, ["bitmill.hdl.emit.verilog", "bitmill.golden"] * 8))) == 2


def test_following_imports_is_fast():
    # 0.2 s on an idle core; a whole report takes eleven.
    script = "import time, bitmill.system.sources as s; t = time.process_time(); s.source_digest('bitmill.hdl.emit.verilog');"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    took = subprocess.run([sys.executable, "-c", f"{script} print(time.process_time() - t)"], check=True,
                          capture_output=True, text=True, env=environment)  # fmt: skip
    assert float(took.stdout) < 1
