"""The options of the full study, and what is there when its time is up."""

from bitmill.studies import committed
from bitmill.studies.committed import committed_records
from bitmill.studies.full.plan import planned, studies
from bitmill.studies.records import FULL, Record, Records
from bitmill.studies.sweep import engine
from bitmill.studies.sweep.taken import Committed
from bitmill.system.files.inputs import guarding_inputs, input_at


def test_when_the_time_is_up_only_what_is_known_is_there(monkeypatch):
    records = committed_records(FULL)
    monkeypatch.setattr(engine, "known", lambda _task: None)
    monkeypatch.setattr(engine, "measure", lambda task: Record(id=task.key, topic="new", config={}, metrics={}))
    new, old = (
        next(task for task in planned(studies())[0] if (task.key in records) is there) for there in (False, True)
    )
    assert [record.id for record in engine.run_tasks([new, old], taken=Committed(), seconds=0)] == [old.key]
    assert [record.id for record in engine.run_tasks([new, old], taken=Committed(), seconds=60)] == [new.key, old.key]


def test_full_takes_no_layer_and_no_shortcut(refuses):
    assert refuses("report", "int-vs-fp", "--full", "--quick", "-o", "out").startswith(
        "--quick must not be given with --full"
    )
    assert "--fresh must be given with --full" in refuses("report", "int-vs-fp", "--fresh", "-o", "out")
    assert "--dask must be given with --full" in refuses("report", "int-vs-fp", "--dask", "tcp://x:1", "-o", "out")
    assert "--hours must be given with --full" in refuses("report", "int-vs-fp", "--hours", "1", "-o", "out")
    far = ("--full", "--hours", "1", "--dask", "tcp://x:1")
    assert "--hours must not be given with --dask" in refuses("report", "int-vs-fp", *far, "-o", "out")


def test_a_study_goes_on_in_the_directory_that_it_takes_records_from():
    path = committed.RESULTS / FULL / "records.json"
    with guarding_inputs():
        assert committed_records(FULL)
        assert input_at(path) is None
        assert Records.load(path, study=FULL)
        assert input_at(path) is not None
