"""A sweep on a cluster of two worker processes, one of which is killed in the middle; run by a test, in a process of its own."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from distributed import LocalCluster

from bitmill.studies.sweep.engine import run_tasks
from bitmill.studies.sweep.measurement import known
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of


def main(study, here, there, out):
    os.environ["BITMILL_CACHE"] = there
    parsed = StudyFile.from_toml(study)
    tasks = list(tasks_of(parsed.expand(), parsed.targets))
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as started:
        cluster: Any = started
        os.environ["BITMILL_CACHE"] = here
        victim = next(iter(cluster.workers.values())).pid
        killed_after = []

        def kill():
            while not any(known(task) for task in tasks):
                time.sleep(0.05)
            killed_after.append(sum(known(task) is not None for task in tasks))
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        records = run_tasks(tasks, dask=cluster.scheduler_address)
        killer.join()
        last = next(iter(cluster.workers.values())).pid
    result = {
        "records": [[record.id, record.number("logic")] for record in records],
        "killed_after": killed_after[0],
        "tasks": len(tasks),
        "restarted": last != victim,
        "kept": sum(known(task) is not None for task in tasks),
    }
    Path(out).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
