"""What watching a run costs: what one look reads at 100,000 steps, and what tabs take of a training run's speed."""

import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from films import line
from sqlalchemy import insert

from core.model.catalogue import WeightsSource
from core.model.pretrained import build_classifier
from core.services.desk import Desk, open_desk
from core.services.runs.host_usage import read_machine
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.status import ended_since, get_detail, read_log, read_steps
from core.settings import AppSettings
from core.training.config import TrainingConfig
from core.training.films import FilmSet
from core.training.loop import Watchers, begin, train_one_epoch
from db import models as tables
from db.base import utc_now
from db.states import State

NUM_STEPS = 100_000
NUM_EPOCHS = 100
SECONDS_BETWEEN_LOOKS = 2
BATCH = 16


def long_run(desk: Desk) -> str:
    run_id = record_run(desk, TrainRequest(data=desk.settings.home, name="long"), State.STOPPED)
    names = ("train_loss", "validation_loss", "validation_auc", "validation_accuracy", "learning_rate", "seconds")
    with desk.transaction() as session:
        steps = [
            {"run_id": run_id, "step": step, "epoch": step // 1000, "loss": 0.5, "learning_rate": 1e-3}
            for step in range(1, NUM_STEPS + 1)
        ]
        session.execute(insert(tables.RunStep), steps)
        metrics = [
            {"run_id": run_id, "epoch": epoch, "name": name, "value": 0.5}
            for epoch in range(1, NUM_EPOCHS + 1)
            for name in names
        ]
        session.execute(insert(tables.RunMetric), metrics)
    return run_id


def look(desk: Desk, run_id: str, after: int) -> float:
    """Processor seconds of all that one look of the run's page reads: what it takes from the training."""
    began = process_time()
    get_detail(desk, run_id)
    ended_since(desk, utc_now())
    read_steps(desk, run_id, after=after)
    read_machine(desk)
    read_log(desk, run_id, 40)
    return process_time() - began


def training_speed(num_steps: int = 12) -> float:
    config = TrainingConfig(architecture="resnet18", recipe="none", batch_size=BATCH, epochs=1)
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH * num_steps, 224, 224), dtype=np.uint8)
    films = FilmSet(pixels, np.arange(len(pixels)), (np.arange(len(pixels)) % 2).astype(np.uint8))
    device = torch.device("cpu")
    state = begin(build_classifier(config.architecture, source=WeightsSource.NONE), films, config, device)
    marks: list[float] = []
    train_one_epoch(state, films, config, device, 0, Watchers(on_step=lambda progress: marks.append(perf_counter())))
    return (len(marks) - 2) * BATCH / (marks[-1] - marks[1])


def watched_speed(desk: Desk, run_id: str, num_tabs: int) -> float:
    """Speed while so many tabs look every two seconds; only what a look reads, not what the browser draws."""
    ended = threading.Event()

    def tab() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            look(desk, run_id, NUM_STEPS - 20)

    tabs = [threading.Thread(target=tab) for _ in range(num_tabs)]
    for thread in tabs:
        thread.start()
    speed = training_speed()
    ended.set()
    for thread in tabs:
        thread.join()
    return speed


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = open_desk(AppSettings(home=Path(folder)))
        run_id = long_run(desk)
        whole = median(look(desk, run_id, 0) for _ in range(5))
        new = median(look(desk, run_id, NUM_STEPS - 20) for _ in range(20))
        line(f"first look at {NUM_STEPS:,} steps", 1000 * whole, "ms", "must stay under 100")
        line(f"each later look at {NUM_STEPS:,} steps", 1000 * new, "ms", "must stay under 100")
        line("share of one core, one tab", 100 * new / SECONDS_BETWEEN_LOOKS, "%", "at most 2")
        line("share of one core, ten tabs", 1000 * new / SECONDS_BETWEEN_LOOKS, "%")
        if "--speed" in sys.argv:
            alone = median(training_speed() for _ in range(3))
            for num_tabs in (1, 10):
                share = median(watched_speed(desk, run_id, num_tabs) for _ in range(3)) / alone
                line(f"training speed with {num_tabs} looking / alone", share, "of 1", "one: at least 0.98")


if __name__ == "__main__":
    main()
