"""Models side by side: their figures with intervals on each fold, differing settings, paired tests on common films."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import EvaluationError
from core.evaluation.delong import delong_test
from core.evaluation.mcnemar import holm_correction, mcnemar_test
from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.evaluation.comparison_text import say_verdict
from core.services.evaluation.paired_tests import differing_fields
from core.services.evaluation.predictions import PredictedFilms, load_predictions
from core.services.models.lookup import model_card, resolve_model
from core.services.models.operating_points import operating_point_of
from core.services.registry.model_card import FIGURES, interval_text

FOLD = "validation"
MOST_MODELS = 8


@dataclass(frozen=True)
class ModelComparison:
    """What two or more models have in common and what not; `words` hold the paired tests against the first."""

    models: tuple[str, ...]
    figures: tuple[dict[str, str], ...]
    config_differences: dict[str, tuple[Any, ...]]
    words: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        return {
            "models": list(self.models),
            "figures": list(self.figures),
            "config_differences": {name: list(values) for name, values in self.config_differences.items()},
            "tests": list(self.words),
        }


def compare_models(desk: Desk, names: Sequence[str]) -> ModelComparison:
    """Compare two to eight models by what is stored of them; raises EvaluationError and InputNotFoundError."""
    models = tuple(dict.fromkeys(resolve_model(desk, name) for name in names))
    if not 2 <= len(models) <= MOST_MODELS:
        raise EvaluationError(f"A comparison needs 2 to {MOST_MODELS} different models; {len(models)} were given.")
    cards = [model_card(desk, name) for name in models]
    return ModelComparison(models, _figures(models, cards), _differences(cards), _tests(desk, models, cards))


def _figures(models: Sequence[str], cards: Sequence[ModelCard]) -> tuple[dict[str, str], ...]:
    folds = dict.fromkeys(fold for card in cards for fold in card.metrics)
    return tuple(
        {
            "figure": f"{label}, {fold}",
            **{
                model: interval_text(card.metrics[fold], figure) if fold in card.metrics else "not measured"
                for model, card in zip(models, cards, strict=True)
            },
        }
        for fold in folds
        for figure, label in FIGURES.items()
    )


def _differences(cards: Sequence[ModelCard]) -> dict[str, tuple[Any, ...]]:
    return differing_fields(
        [
            {
                **card.config,
                "architecture": "ensemble" if card.ensemble else card.architecture.value,
                "image_size": card.preprocessing.image_size,
                "operating_point": operating_point_of(card).name,
                "threshold": round(operating_point_of(card).threshold, 4),
                "weights_hash": card.weights_hash[:12],
                "split_fingerprint": (card.split_fingerprint or "not known")[:12],
            }
            for card in cards
        ]
    )


def _tests(desk: Desk, models: Sequence[str], cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Return each model against the first on the validation films, p-values corrected (Holm), or why there is none."""
    with desk.reading() as session:
        kept = load_predictions(session, [card.weights_hash for card in cards], FOLD)
    sets = [kept.get(card.weights_hash) for card in cards]
    first = sets[0]
    others, words = [], []
    for name, one, card in zip(models[1:], sets[1:], cards[1:], strict=True):
        if first is None or one is None or one.films.fingerprint != first.films.fingerprint:
            words.append(
                f"{name} and {models[0]}: no predictions on the same {FOLD} films are kept, so nothing is tested."
            )
        else:
            others.append((name, one, card))
    if first is None or not others:
        return tuple(words)
    labels_N = first.films.labels_N.astype(bool)
    wrong_N, patients_N = _wrong(first, cards[0]), first.films.known_patients
    aucs = [delong_test(labels_N, one.probabilities, first.probabilities, patients_N) for _, one, _ in others]
    errors = [mcnemar_test(_wrong(one, card), wrong_N, patients_N) for _, one, card in others]
    auc_p = holm_correction([auc.p_value for auc in aucs])
    errors_p = holm_correction([error.p_value for error in errors])
    said = [
        say_verdict(name, models[0], aucs[at], errors[at], auc_p[at], errors_p[at], len(labels_N))
        for at, (name, _, _) in enumerate(others)
    ]
    return (*said, *words)


def _wrong(predicted: PredictedFilms, card: ModelCard) -> Any:
    """Return which films are read wrongly at the model's own threshold [N]."""
    return (predicted.probabilities >= operating_point_of(card).threshold) != predicted.films.labels_N.astype(bool)
