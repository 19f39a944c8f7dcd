"""What a sweep of many trivial runs costs beyond the runs, and what a page that shows it costs.

Run: python tests/benchmarks/bench_sweep.py [--runs 200] [--seconds 1.2] [--processes 12]

Scheduling: a supervisor in this process begins made-up runs as threads, so that nothing but scheduling is shown beside
them; the limit is 5 % of wall time. A run takes as long as the shortest real process does, its start included.
Processes: the same with real processes of this project's interpreter that train nothing, against the same processes
begun one after another without a supervisor; what each needs until it works is told apart. Page: the sweep's page and
the run list with all runs of a sweep, limit 300 ms.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("STREAMLIT_LOGGER_LEVEL", "error")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.chdir(ROOT)

from streamlit.testing.v1 import AppTest  # noqa: E402

from core.runs.process_identity import ProcessIdentity  # noqa: E402
from core.runs.supervisor import supervise  # noqa: E402
from core.services.desk import Desk, open_desk  # noqa: E402
from core.services.runs import control as run_control  # noqa: E402
from core.services.runs.supervision import LOCK_FILE, variables_of  # noqa: E402
from core.services.sweeps import control as sweep_control  # noqa: E402
from core.services.sweeps.request import SweepAxis, SweepKind, SweepRequest  # noqa: E402
from core.services.sweeps.search_loop import SweepTender  # noqa: E402
from core.services.sweeps.status import get_sweep  # noqa: E402
from core.settings import AppSettings, get_settings  # noqa: E402
from core.training.config import TrainingConfig  # noqa: E402
from tests.trivial_runs import executor_of, work  # noqa: E402

LIMIT_SHARE, LIMIT_PAGE_SECONDS = 0.05, 0.3
NUM_EPOCHS = 2


class Threads:
    """Carries runs out as threads of this process."""

    def __init__(self, desk: Desk, seconds: float) -> None:
        self.desk, self.seconds = desk, seconds

    schedules_devices = False

    def start(self, run_id: str, place: str, num_devices: int) -> ProcessIdentity:
        threading.Thread(target=work, args=(self.desk, run_id, self.seconds / NUM_EPOCHS)).start()
        return ProcessIdentity.current()

    def ask_to_end(self, worker: ProcessIdentity) -> None: ...

    def kill(self, worker: ProcessIdentity) -> None: ...

    def is_alive(self, worker: ProcessIdentity) -> bool:
        return worker.is_alive()


def request(data: Path, kind: SweepKind, num_runs: int) -> SweepRequest:
    base = TrainingConfig(epochs=NUM_EPOCHS)
    if kind is SweepKind.SEEDS:
        return SweepRequest(data=data, kind=kind, base=base, seeds=tuple(range(num_runs)))
    axes = (
        SweepAxis(field="dropout", low=0, high=0.8),
        SweepAxis(field="learning_rate", low=1e-5, high=1, is_log=True),
    )
    return SweepRequest(data=data, kind=kind, base=base, axes=axes, num_trials=num_runs, pruning="none")


def new_desk(folder: Path) -> Desk:
    desk = open_desk(AppSettings(home=folder))
    desk.settings.runs.mkdir(parents=True, exist_ok=True)
    return desk


def drain(desk: Desk, executor: object) -> float:
    began = time.perf_counter()
    supervise(desk.reading, desk.transaction, executor, desk.settings.runs / LOCK_FILE, SweepTender(desk))
    return time.perf_counter() - began


def scheduling(folder: Path, kind: SweepKind, num_runs: int, seconds: float) -> str:
    desk = new_desk(folder / kind)
    sweep_id = sweep_control.start_sweep(desk, request(folder, kind, num_runs))
    wall = drain(desk, Threads(desk, seconds))
    sweep = get_sweep(desk, sweep_id)
    assert sweep.line.counts.num_completed == num_runs
    bare = sweep.seconds_of_runs
    share = (wall - bare) / wall
    print(
        f"scheduling, {kind.value} of {num_runs} runs of {bare / num_runs:.2f} s: wall {wall:.1f} s / bare sum "
        f"{bare:.1f} s = {wall / bare:.3f}; scheduling {share:.1%} of wall, "
        f"{1000 * (wall - bare) / num_runs:.0f} ms a run / limit {LIMIT_SHARE:.0%}: "
        f"{'holds' if share < LIMIT_SHARE else 'MISSED'}",
        flush=True,
    )
    return str(desk.settings.home)


def processes(folder: Path, num_runs: int) -> None:
    desk = new_desk(folder / "supervised")
    sweep_id = sweep_control.start_sweep(desk, request(folder, SweepKind.SEEDS, num_runs))
    wall = drain(desk, executor_of(desk))
    sweep = get_sweep(desk, sweep_id)
    assert sweep.line.counts.num_completed == num_runs
    bare_desk = new_desk(folder / "bare")
    bare_id = sweep_control.start_sweep(bare_desk, request(folder, SweepKind.SEEDS, num_runs))
    runs = [trial.run_id for trial in get_sweep(bare_desk, bare_id).trials]
    began = time.perf_counter()
    for run_id in runs:
        subprocess.run(
            [sys.executable, "-m", "tests.trivial_runs", run_id],
            env={**os.environ, **variables_of(bare_desk)},
            check=True,
        )
    bare = time.perf_counter() - began
    inside = get_sweep(bare_desk, bare_id).seconds_of_runs
    print(
        f"processes, {num_runs} runs: wall {wall:.1f} s / the same processes one after another {bare:.1f} s = "
        f"{wall / bare:.3f}; of the latter the runs themselves {inside:.1f} s, starting and ending processes "
        f"{bare - inside:.1f} s ({(bare - inside) / num_runs:.2f} s each)",
        flush=True,
    )


def page(home: str, num_runs: int) -> None:
    os.environ["PNEUMODESK_HOME"] = home
    get_settings.cache_clear()
    desk = open_desk()
    grid = sweep_control.start_sweep(desk, request(Path(home), SweepKind.SEEDS, num_runs))
    done = next(line.id for line in sweeps_of(desk) if line.id != grid)
    for name, query in {
        f"sweep of {num_runs} complete runs": {"sweep": done},
        f"sweep of {num_runs} waiting runs": {"sweep": grid},
        f"run list beside {num_runs} waiting runs": {"view": "runs"},
        "list of sweeps": {"view": "sweeps"},
    }.items():
        test = AppTest.from_file(str(ROOT / "core" / "ui" / "desk.py"), default_timeout=60).run()
        for key, value in query.items():
            test.query_params[key] = value
        test.switch_page("../../pages/training.py")
        test.run()
        assert not test.exception, test.exception
        seconds = []
        for _ in range(9):
            began = time.perf_counter()
            test.run()
            seconds.append(time.perf_counter() - began)
        middle = median(seconds)
        print(
            f"page, {name}: {1000 * middle:.0f} ms / limit {1000 * LIMIT_PAGE_SECONDS:.0f} ms = "
            f"{middle / LIMIT_PAGE_SECONDS:.2f}: {'holds' if middle < LIMIT_PAGE_SECONDS else 'MISSED'}",
            flush=True,
        )


def sweeps_of(desk: Desk) -> list:
    from core.services.sweeps.status import list_sweeps

    return list_sweeps(desk)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--processes", type=int, default=12)
    asked = parser.parse_args()
    # Nothing here is to begin a supervisor of its own.
    sweep_control.start_supervisor = run_control.start_supervisor = run_control.ensure_supervisor = lambda desk: None
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        home = scheduling(folder, SweepKind.SEEDS, asked.runs, asked.seconds)
        scheduling(folder, SweepKind.SEARCH, asked.runs, asked.seconds)
        if asked.processes:
            processes(folder, asked.processes)
        page(home, asked.runs)


if __name__ == "__main__":
    main()
