"""Sweeps: what is done is never done again, whoever is killed; a cluster gives the same records as this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.fpga import cache
from bitmill.studies.sweep import cluster, counted, measurement
from bitmill.studies.sweep.engine import run_tasks
from bitmill.studies.sweep.measurement import known, measure
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of
from bitmill.system import tools

STUDY = """
title = "small units"
[[grid]]
pairs = ["INT2", "INT3", "E1M1", "UINT2"]
k_max = [4]
[targets]
generic = true
ecp5 = ["logic"]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(STUDY)
    return path


def tasks_in(study):
    parsed = StudyFile.from_toml(study)
    return list(tasks_of(parsed.expand(), parsed.targets))


@pytest.fixture(scope="module")
def records(study):
    """As this machine measures them, from the cache of all tests."""
    return run_tasks(tasks_in(study), workers=2)


def test_a_record_says_what_was_measured(study, records):
    by_id = {record.id: record for record in records}
    assert len(by_id) == 8
    gates, luts = by_id["int3-k1-exact-max4/generic"], by_id["int3-k1-exact-max4/ecp5"]
    assert (gates.topic, gates.part) == ("area", "int3-k1-exact-max4")
    assert gates.config["weight"] == "INT3"
    assert gates.config["target"] == "generic"
    assert gates.number("accumulator_bits") == 8  # 64, four products of 16, and a sign
    assert gates.number("logic_per_mac") == gates.number("logic") > luts.number("logic") > 10
    assert gates.flow["verilog_sha256"] == luts.flow["verilog_sha256"]
    assert gates.tool_versions == {"yosys": tools.yosys_release()}


def test_what_is_known_needs_no_tool(study, records, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("a tool was run")

    monkeypatch.setattr(tools, "run_yosys", refuse)
    monkeypatch.setattr(counted, "verilog_of", refuse)
    assert run_tasks(tasks_in(study)) == records


def test_a_spoilt_entry_is_measured_again(study, records):
    one = tasks_in(study)[3]
    path = cache.entry_path(measurement.cache_key(one))
    whole = path.read_bytes()
    for spoilt in (whole[:-9], b"", whole[:20] + b"\0" + whole[21:]):
        path.write_bytes(spoilt)
        assert known(one) is None
        assert measure(one) == records[3]
        assert path.read_bytes() == whole


def test_other_sources_are_measured_again(study, records, monkeypatch):
    one = tasks_in(study)[0]
    assert known(one) == records[0]
    monkeypatch.setattr(measurement, "source_digest", lambda _module: "other")
    assert known(one) is None


SWEEP = """
import os, sys
from bitmill.studies.sweep.engine import run_tasks
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep import measurement
from bitmill.studies.sweep.targets import tasks_of
import bitmill.studies.sweep.engine as engine

def say(*words):
    # A whole line at once: another thread may speak as well.
    os.write(1, (" ".join(words) + "\\n").encode())

def told(one):
    say("begin", one.key)
    record = measurement.measure(one)
    say("measured", one.key)
    return record

def known(one):
    record = measurement.known(one)
    if record is not None:
        say("kept", one.key)
    return record

engine.measure, engine.known = told, known
parsed = StudyFile.from_toml(sys.argv[1])
run_tasks(list(tasks_of(parsed.expand(), parsed.targets)), workers=2)
"""


def sweep(study, folder):
    environment = {**os.environ, "BITMILL_CACHE": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(study)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_after_a_kill_only_what_was_under_way_is_repeated(study, tmp_path):
    lines = []
    with sweep(study, tmp_path) as first:
        assert first.stdout is not None
        while sum(line.startswith("measured") for line in lines) < 3:
            lines.append(first.stdout.readline())
            assert lines[-1], "the sweep ended before it could be killed"
        os.killpg(first.pid, signal.SIGKILL)
        lines += first.stdout.readlines()
    done = {line.split()[1] for line in lines if line.startswith("measured")}
    begun = {line.split()[1] for line in lines if line.startswith("begin")}
    second = sweep(study, tmp_path)
    again = second.communicate()[0].splitlines()
    assert second.returncode == 0
    kept = {line.split()[1] for line in again if line.startswith("kept")}
    measured = {line.split()[1] for line in again if line.startswith("measured")}
    assert done <= kept
    assert len(begun & measured) <= 2
    assert not kept & measured
    assert len(kept | measured) == 8


def test_a_cluster_gives_the_same_though_a_worker_dies(study, records, tmp_path):
    script = Path(__file__).with_name("sweep_on_cluster.py")
    here, there, out = tmp_path / "here", tmp_path / "there", tmp_path / "out.json"
    command = [sys.executable, script, study, here, there, out]
    subprocess.run(command, check=True, capture_output=True, timeout=500)
    result = json.loads(out.read_text())
    assert 1 <= result["killed_after"] < result["tasks"] == 8
    assert result["kept"] == 8
    assert result["restarted"]
    assert result["records"] == [[record.id, record.number("logic")] for record in records]


def started(*arguments, **environment):
    """A command of dask's or bitmill's in a process of its own, its output in one pipe."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def cluster_of(folder, *, scheme="tcp", scheduler=(), worker=(), **environment):
    """A scheduler and a worker of one process; both processes, and the scheduler's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{free.getsockname()[1]}"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    first = started("-m", "distributed.cli.dask_scheduler", *here, "--protocol", scheme, "--port", address.rpartition(":")[2],
                    *scheduler, **environment)  # fmt: skip
    second = started("-m", "distributed.cli.dask_worker", address, *here, "--nthreads", "1", "--no-nanny", *worker,
                     BITMILL_CACHE=str(folder / "worker"), **environment)  # fmt: skip
    try:
        yield first, second, address
    finally:
        for process in (second, first):
            process.kill()
            process.communicate()


IMPATIENT = """
import sys
from bitmill.cli import main
from bitmill.studies.sweep import cluster
cluster.WORKERLESS_SECONDS = 4
sys.exit(main())
"""


def report(study, folder, address, **environment):
    return started("-c", IMPATIENT, "report", str(study), "-o", str(folder / "out"), "--fresh", "--dask", address,
                   BITMILL_CACHE=str(folder / "here"), **environment)  # fmt: skip


def wait_for(condition, seconds=120.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.05)


@pytest.mark.parametrize("whose", ["scheduler", pytest.param("worker", marks=pytest.mark.long)])
def test_who_is_killed_on_the_other_side_is_told_in_one_line(whose, study, tmp_path):
    kept = tmp_path / "here"
    with cluster_of(tmp_path) as (scheduler, worker, address):
        client = report(study, tmp_path, address)
        wait_for(lambda: list(kept.rglob("*.json.gz")) or client.poll() is not None)
        (scheduler if whose == "scheduler" else worker).kill()
        said = client.communicate(timeout=120)[0].splitlines()
    assert client.returncode == 2, said
    lost = {"scheduler": "lost the scheduler at", "worker": "no worker is left at"}[whose]
    *progress, error = said
    assert error.startswith(f"bitmill: error: dask: {lost} {address}: ")
    assert all(line.startswith("bitmill: ") and "error" not in line for line in progress), said
    count = int(error.split(f"{address}: ")[1].split()[0])
    assert f"{count} of 8 measurements are kept; run the same again when" in error
    assert 1 <= count < 8
    assert len(list(kept.rglob("*.json.gz"))) >= count


# As in the README: one certificate for all, which nobody else has.
CERTIFICATE = "req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=bitmill -keyout key.pem -out cert.pem"
DASK_YAML = """
distributed:
  comm:
    require-encryption: true
    tls:
      ca-file: cert.pem
      scheduler: {cert: cert.pem, key: key.pem}
      worker: {cert: cert.pem, key: key.pem}
      client: {cert: cert.pem, key: key.pem}
"""


@pytest.mark.long
def test_a_cluster_with_certificates_and_whoever_has_none(study, records, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["openssl", *CERTIFICATE.split()], check=True, capture_output=True)
    (tmp_path / "dask.yaml").write_text(DASK_YAML)
    with cluster_of(tmp_path, scheme="tls", DASK_CONFIG="dask.yaml") as (_, _, address):
        client = report(study, tmp_path, address, DASK_CONFIG="dask.yaml")
        said = client.communicate(timeout=300)[0]
        assert client.returncode == 0, said
        found = json.loads((tmp_path / "out" / "records.json").read_text())["records"]
        assert {row["id"]: row["metrics"]["logic"]["value"] for row in found[1:]} == {
            record.id: record.number("logic") for record in records
        }
        for other in (address, address.replace("tls", "tcp")):
            client = report(study, tmp_path, other)
            said = client.communicate(timeout=120)[0].splitlines()
            assert client.returncode == 2
            assert said[-1].startswith(f"bitmill: error: dask: cannot reach a scheduler at '{other}': "), said
            assert len(said) <= 2, said


@pytest.mark.long
def test_a_scheduler_without_workers(study, tmp_path):
    with cluster_of(tmp_path) as (_, worker, address):
        worker.kill()
        said = report(study, tmp_path, address).communicate(timeout=120)[0].splitlines()
        assert said[-1] == f"bitmill: error: dask: the scheduler at '{address}' has no worker"
        assert len(said) <= 2


def test_what_workers_raise_is_one_line():
    class Future:
        def __init__(self, error):
            self.error = error

        def result(self, timeout):
            raise self.error

    told = {
        BitmillError("dask: workers must have source a, not 'b'"): "dask: workers must have source a, not 'b'",
        ModuleNotFoundError("No module named 'bitmill'"):
            "dask: workers must have bitmill installed with its libraries: No module named 'bitmill'",
        TypeError("cannot unpickle\nTraceback\n  File"): "dask: key: TypeError: cannot unpickle",
        CancelledError("key"): "dask: lost the scheduler at where; run the same again when it is back",
        ValueError("\x1b[31m" + "long" * 500): "dask: key: ValueError: ",
    }  # fmt: skip
    for error, line in told.items():
        with pytest.raises(BitmillError) as caught:
            cluster._unwrapped(Future(error), "key", "where")
        assert str(caught.value).startswith(line)
        assert len(str(caught.value)) < 300
        assert str(caught.value).isprintable()


def test_a_scheduler_that_is_not_there(study, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nowhere", "tcp://127.0.0.1:port"):
        with pytest.raises(BitmillError, match=rf"^dask: cannot reach a scheduler at '{address}': "):
            run_tasks(tasks_in(study), dask=address)


def test_workers_must_run_the_same(study):
    one = tasks_in(study)[0]
    with pytest.raises(BitmillError, match=r"^dask: workers must have source abc, not '[0-9a-f]{64}'$"):
        cluster.measure_elsewhere(one, {**measurement.fingerprint(one), "source": "abc"})
    assert cluster.measure_elsewhere(one, measurement.fingerprint(one)).id == one.key
