"""How long the history and comparisons take with 1,000 runs, 1 million metric rows and 5 million predictions in SQLite.

Prints each service time beside the limit of 300 ms, and the layout with one row for each prediction as the baseline.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from films import line
from sqlalchemy import insert, text

from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.moved_threshold import at_threshold
from core.services.desk import Desk, open_desk
from core.services.evaluation.predictions import load_predictions
from core.services.evaluation.stored_results import load_evaluation
from core.services.experiments.annotations import set_tags
from core.services.experiments.comparison import CompareRequest, compare_runs
from core.services.experiments.history import HistoryQuery, RunOrder, search_runs
from core.services.experiments.seed_groups import group_by_seed
from core.services.runs.record import get_record
from core.settings import AppSettings
from core.training.config import TrainingConfig
from db import models as tables
from tests.made_runs import EPOCH, made_films, made_logits, summary_of

NUM_RUNS = 1000
SPLITS = ("validation", "calibration", "test")
NUM_FILMS = 1667
METRICS = ("train_loss", "validation_loss", "validation_auc", "validation_accuracy", *(f"metric{n}" for n in range(6)))
NUM_EPOCHS = 100
LIMIT_MS = 300.0
REPEATS = 7


def fill(desk: Desk) -> None:
    """Record the runs, half of them alike but for the seed."""
    draw = np.random.default_rng(0)
    films = {split: made_films(NUM_FILMS, seed, prefix=split) for seed, split in enumerate(SPLITS)}
    with desk.transaction() as session:
        sets = {}
        for split, one in films.items():
            row = tables.FilmSet(fingerprint=one.fingerprint, num_films=NUM_FILMS, films=one.document())
            session.add(row)
            session.flush()
            sets[split] = row.id
        for number in range(NUM_RUNS):
            run_id, skill = f"{number:012x}", 2 + draw.normal(0, 0.3)
            logits = {split: made_logits(one, skill, number) for split, one in films.items()}
            reports = {
                split: evaluate_probabilities(
                    one.labels_N, 1 / (1 + np.exp(-logits[split])), 0.5, patients_N=one.known_patients, num_resamples=0
                )
                for split, one in films.items()
            }
            config = TrainingConfig(seed=number, dropout=0.3 if number % 2 else number % 10 / 20)
            session.execute(
                insert(tables.Run),
                {
                    "id": run_id,
                    "name": f"run {number} of the sweep",
                    "state": "completed" if number % 10 else "failed",
                    "config": config.model_dump(mode="json"),
                    "cohort_fingerprint": "cohort",
                    "split_fingerprint": "split",
                    "environment": {"code": "abc", "packages": {"torch": "2"}},
                    "folder": f"/runs/{run_id}",
                    "summary": summary_of(reports["validation"]),
                    "checkpoint_hash": f"{number:064x}",
                    "created_at": EPOCH,
                    "stop_requested": False,
                },
            )
            values = draw.random((len(METRICS), NUM_EPOCHS))
            session.execute(
                insert(tables.RunMetric),
                [
                    {"run_id": run_id, "name": name, "epoch": epoch + 1, "value": float(values[place, epoch])}
                    for place, name in enumerate(METRICS)
                    for epoch in range(NUM_EPOCHS)
                ],
            )
            session.execute(
                insert(tables.PredictionSet),
                [
                    {
                        "checkpoint_hash": f"{number:064x}",
                        "split": split,
                        "film_set_id": sets[split],
                        "cohort_fingerprint": "cohort",
                        "engine": "made up",
                        "slope": 1.0,
                        "intercept": 0.0,
                        "logits": logits[split].astype("<f8").tobytes(),
                        "report": reports[split].model_dump(mode="json"),
                    }
                    for split in SPLITS
                ],
            )
    for number in range(0, NUM_RUNS, 7):
        set_tags(desk, f"{number:012x}", ["nightly"])


def fill_rows(desk: Desk) -> None:
    """Lay the same predictions out as one row each, with the index that a lookup by checkpoint and split needs."""
    with desk.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE one_row_each (checkpoint_hash TEXT, split TEXT, film_set_id INTEGER, place INTEGER, "
                "logit REAL, PRIMARY KEY (checkpoint_hash, split, place)) WITHOUT ROWID"
            )
        )
        cursor = connection.connection.cursor()
        sets = connection.execute(
            text(
                "SELECT checkpoint_hash, split, film_set_id, logits FROM prediction_set ORDER BY checkpoint_hash, split"
            )
        )
        for checkpoint, split, films, logits in sets:
            cursor.executemany(
                "INSERT INTO one_row_each VALUES (?, ?, ?, ?, ?)",
                [(checkpoint, split, films, n, v) for n, v in enumerate(np.frombuffer(logits, "<f8").tolist())],
            )


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median time of a call; nothing is kept between calls but what SQLite's page cache holds."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def load_rows(desk: Desk, hashes: list[str]) -> None:
    with desk.reading() as session:
        for checkpoint in hashes:
            session.execute(
                text(
                    "SELECT place, logit FROM one_row_each WHERE checkpoint_hash = :h AND split = 'test' ORDER BY place"
                ),
                {"h": checkpoint},
            ).all()


def load_arrays(desk: Desk, hashes: list[str]) -> None:
    with desk.reading() as session:
        load_predictions(session, hashes, "test")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        desk = open_desk(AppSettings(home=Path(home), database_url=os.environ.get("PNEUMODESK_BENCH_URL", "")))
        begun = time.perf_counter()
        fill(desk)
        with desk.reading() as session:
            metrics = session.execute(text("SELECT count(*) FROM run_metric")).scalar()
            films = session.execute(
                text("SELECT sum(num_films) FROM prediction_set JOIN film_set ON film_set.id = film_set_id")
            ).scalar()
        size = Path(home, "pneumodesk.db").stat().st_size / 1e6 if not desk.settings.database_url else float("nan")
        print(
            f"{NUM_RUNS:,} runs, {metrics:,} metric rows, {films:,} predictions, {size:.0f} MB, "
            f"made in {time.perf_counter() - begun:.0f} s"
        )
        eight = tuple(f"{number:012x}" for number in range(101, 109))
        hashes = [f"{number:064x}" for number in range(101, 109)]
        seen = load_evaluation(desk, hashes[0], "validation").predicted
        cases: dict[str, Callable[[], object]] = {
            "history, first 100": lambda: search_runs(desk, HistoryQuery()),
            "history, by AUC": lambda: search_runs(desk, HistoryQuery(order=RunOrder.AUC)),
            "history, last 100": lambda: search_runs(desk, HistoryQuery(offset=900)),
            "history, words": lambda: search_runs(desk, HistoryQuery(text="sweep nightly 77")),
            "all 1,000 by seed": lambda: group_by_seed(
                search_runs(desk, HistoryQuery(limit=1000), with_curves=False).lines
            ),
            "one run's record": lambda: get_record(desk, eight[0]),
            "one split's figures": lambda: load_evaluation(desk, hashes[0], "validation"),
            "threshold moved": lambda: at_threshold(
                seen.report, seen.films.labels_N, seen.probabilities, 0.4, seen.films.known_patients
            ),
            "compare 2 runs": lambda: compare_runs(desk, CompareRequest(runs=eight[:2], split="test"), record=False),
            "compare 8 runs": lambda: compare_runs(desk, CompareRequest(runs=eight, split="test"), record=False),
        }
        for name, work in cases.items():
            took = milliseconds(work)
            line(name, took, "ms", f"{took / LIMIT_MS:.2f} of the limit of {LIMIT_MS:.0f} ms")
        if desk.engine.dialect.name == "sqlite":
            fill_rows(desk)
            ours, rows = milliseconds(lambda: load_arrays(desk, hashes)), milliseconds(lambda: load_rows(desk, hashes))
            print(
                f"predictions of 8 runs  ours {ours:7.1f} ms   baseline {rows:.1f} ms   ours/baseline {ours / rows:.2f}"
            )


if __name__ == "__main__":
    main()
