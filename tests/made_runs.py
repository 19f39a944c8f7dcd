"""Finished runs made up from random numbers, for tests and benchmarks that need many of them and no training."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from core.evaluation.calibration import PlattScaling
from core.evaluation.metrics import EvaluationReport, evaluate_probabilities
from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.model.catalogue import Architecture
from core.model.checkpoint import save_checkpoint
from core.services.desk import Desk, open_desk
from core.services.evaluation.predictions import LabelledFilms, PredictedFilms, keep_predictions
from core.settings import AppSettings
from core.training.config import TrainingConfig
from core.triage.gate import fit_gate
from db import models as tables

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def made_films(num_films: int, seed: int = 0, prefix: str = "train", first: int = 0) -> LabelledFilms:
    """Return images of which six in ten show pneumonia, two of each patient."""
    labels_N = (np.random.default_rng(seed).random(num_films) < 0.6).astype(np.uint8)
    labels_N[:2] = (0, 1)
    numbers = range(first, first + num_films)
    return LabelledFilms(
        files=tuple(f"{prefix}/film{number}.png" for number in numbers),
        labels_N=labels_N,
        patients=tuple(f"patient {number // 2}" for number in numbers),
        subtypes=tuple(
            "viral" if label and number % 2 else "" for number, label in zip(numbers, labels_N, strict=True)
        ),
        content_hashes=tuple(f"{prefix}-{number:060d}" for number in numbers),
    )


def made_logits(films: LabelledFilms, skill: float, seed: int) -> np.ndarray:
    """Return logits that tell the classes apart by `skill` standard deviations, alike between runs."""
    shared_N = np.random.default_rng(0).normal(size=len(films.files))
    own_N = np.random.default_rng(seed + 1).normal(size=len(films.files))
    return skill * (films.labels_N.astype(float) - 0.5) + 0.7 * shared_N + 0.7 * own_N


def predicted(checkpoint: str, split: str, films: LabelledFilms, logits_N: np.ndarray, **report: int) -> PredictedFilms:
    """Return predictions with their report at 0.5."""
    calibration = PlattScaling(slope=1.0, intercept=0.0)
    return PredictedFilms(
        checkpoint_hash=checkpoint,
        split=split,
        cohort_fingerprint="cohort",
        engine="made up",
        films=films,
        logits_N=logits_N,
        calibration=calibration,
        report=evaluate_probabilities(
            films.labels_N, calibration.apply(logits_N), 0.5, patients_N=films.known_patients, **report
        ),
    )


def add_run(
    desk: Desk,
    run_id: str,
    *,
    name: str = "made up",
    skill: float = 2.0,
    seed: int = 0,
    films: LabelledFilms | None = None,
    state: str = "completed",
    splits: Sequence[str] = ("validation",),
    day: int = 0,
    **config: object,
) -> PredictedFilms | None:
    """Record a run; a completed one with two epochs and its predictions on each split. Returns those on the first."""
    films = films or made_films(60)
    checkpoint = f"{run_id}-checkpoint" if state == "completed" else None
    kept = [predicted(checkpoint, split, films, made_logits(films, skill, seed)) for split in splits if checkpoint]
    with desk.transaction() as session:
        session.add(
            tables.Run(
                id=run_id,
                name=name,
                state=state,
                config=TrainingConfig(seed=seed, **config).model_dump(mode="json"),
                cohort_fingerprint="cohort",
                split_fingerprint="split",
                environment={"code": "abc", "packages": {}},
                folder=str(desk.settings.runs / run_id),
                summary=summary_of(kept[0].report) if kept else {},
                checkpoint_hash=checkpoint,
                created_at=EPOCH + timedelta(days=day),
                finished_at=EPOCH + timedelta(days=day, hours=1) if kept else None,
            )
        )
        session.flush()
        for one in kept:
            keep_predictions(session, one)
            for epoch, auc in ((1, 0.8), (2, one.report.auc)):
                session.merge(tables.RunMetric(run_id=run_id, name="validation_auc", epoch=epoch, value=auc))
    return kept[0] if kept else None


def summary_of(report: EvaluationReport) -> dict[str, object]:
    """Return what a run's record says of its figures."""
    return {"best_epoch": 2, "num_epochs": 2, "metrics": {"validation": report.model_dump(mode="json")}}


def give_checkpoint(desk: Desk, run_id: str, size: int, seed: int) -> None:
    """Give a completed run a small network with random weights, and its predictions that network's hash."""
    import torch

    from core.model.classifier import PneumoniaClassifier
    from core.model.loading import default_preprocessing, weights_of

    torch.manual_seed(seed)
    card = ModelCard(
        name=run_id,
        architecture=Architecture.MOBILENET_V2,
        preprocessing=default_preprocessing(Architecture.MOBILENET_V2, size),
        run_id=run_id,
        operating_point=OperatingPoint(
            name="youden", threshold=0.5, uncertain_low=0.5, uncertain_high=0.5, rule="", chosen_on=""
        ),
    )
    embeddings_ND = np.abs(np.random.default_rng(seed).normal(size=(40, 1280)))
    gate = replace(fit_gate(embeddings_ND, embeddings_ND), threshold=1e6)
    folder = desk.settings.runs / run_id / "checkpoint"
    saved = save_checkpoint(folder, weights_of(PneumoniaClassifier(Architecture.MOBILENET_V2)), card, gate.arrays())
    with desk.transaction() as session:
        session.get_one(tables.Run, run_id).checkpoint_hash = saved.hash
        for row in session.query(tables.PredictionSet).filter_by(checkpoint_hash=f"{run_id}-checkpoint"):
            kept = {
                column: getattr(row, column)
                for column in ("split", "film_set_id", "cohort_fingerprint", "engine", "slope", "intercept", "report")
            }
            session.add(tables.PredictionSet(checkpoint_hash=saved.hash, logits=row.logits, **kept))


def desk_with_network(home: Path) -> Desk:
    """Return a desk of its own with the untrained network of a run, `first0`."""
    desk = open_desk(AppSettings(home=home, device="cpu"))
    add_run(desk, "first0")
    give_checkpoint(desk, "first0", 32, 0)
    return desk
