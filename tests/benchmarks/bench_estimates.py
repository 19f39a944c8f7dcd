"""What a trial foretells of a run's time, memory and disk, against what the run then takes; one small run of each kind.

Run: python tests/benchmarks/bench_estimates.py [--films 600]
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from films import data_folder, line

from core.dataset.splitting import SplitConfig, propose_split
from core.services.datasets import indexing
from core.services.desk import Desk, open_desk
from core.services.runs.cost_estimate import estimate_run
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.supervision import variables_of
from core.settings import PROJECT_ROOT, AppSettings
from core.training.config import TrainingConfig
from core.training.presets import PRESETS

SECONDS_BETWEEN_READINGS = 0.2


def ward(folder: Path, num_films: int) -> Path:
    """Return a dataset of links to some training images of both kinds."""
    for label in ("NORMAL", "PNEUMONIA"):
        (folder / "train" / label).mkdir(parents=True)
        for film in sorted((data_folder() / "chest_xray" / "train" / label).iterdir())[: num_films // 2]:
            (folder / "train" / label / film.name).symlink_to(film)
    return folder


def carried_out(desk: Desk, run_id: str) -> tuple[float, int, int]:
    """Return the seconds, the most memory of the process and the most bytes on disk of a run."""
    words = [sys.executable, "-m", "core.services.workers.run", run_id]
    variables = {**dict(psutil.Process().environ()), **variables_of(desk), "PYTHONPATH": str(PROJECT_ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(words, cwd=PROJECT_ROOT, env=variables, stderr=subprocess.DEVNULL)
    most = {"memory": 0, "disk": 0}
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(SECONDS_BETWEEN_READINGS):
            try:
                most["memory"] = max(most["memory"], psutil.Process(process.pid).memory_info().rss)
                sizes = [path.stat().st_size for path in (desk.settings.runs / run_id).rglob("*") if path.is_file()]
            except (psutil.NoSuchProcess, FileNotFoundError):
                continue
            most["disk"] = max(most["disk"], sum(sizes))

    reader = threading.Thread(target=read)
    reader.start()
    process.wait()
    seconds = time.perf_counter() - began
    ended.set()
    reader.join()
    return seconds, most["memory"], most["disk"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, default=600)
    num_films = parser.parse_args().films
    with tempfile.TemporaryDirectory() as folder:
        desk = open_desk(AppSettings(home=Path(folder) / "home"))
        root = ward(Path(folder) / "ward", num_films)
        cohort = indexing.index(desk, root)
        counts = propose_split(cohort, SplitConfig()).assignments.value_counts()
        configs = {
            "quick look": PRESETS["quick_look"].config,
            "strong, 2 epochs": PRESETS["strong"].config.model_copy(update={"epochs": 2}),
        }
        for name, config in configs.items():
            compare(desk, root, name, config, counts)


def compare(desk: Desk, root: Path, name: str, config: TrainingConfig, counts) -> None:
    estimate = estimate_run(desk, config, int(counts["train"]), int(counts["validation"]))
    run_id = record_run(desk, TrainRequest(data=root, config=config))
    seconds, memory, disk = carried_out(desk, run_id)
    line(f"{name}: time foretold / taken", estimate.seconds / seconds, "times", f"{seconds:.0f} s taken")
    line(f"{name}: memory foretold / taken", estimate.memory / memory, "times", f"{memory / 1e6:,.0f} MB taken")
    line(f"{name}: disk foretold / taken", estimate.disk / disk, "times", f"{disk / 1e6:,.0f} MB taken")


if __name__ == "__main__":
    main()
