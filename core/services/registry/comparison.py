"""Models side by side: their figures with intervals on each fold, differing settings, paired tests on common images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.errors import EvaluationError
from core.evaluation.catalogue import METRICS
from core.evaluation.metrics import EvaluationReport, engine_text, interval_notes
from core.language import mark, tr
from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.evaluation.paired_tests import Contender, compare_pairs, differing_fields
from core.services.evaluation.predictions import PredictedFilms, load_predictions
from core.services.evaluation.test_set_access import count_looks
from core.services.models.lookup import model_card, resolve_model
from core.services.models.operating_points import operating_point_of
from core.services.registry.shown_figures import figures_of_card

FOLD = "validation"
MOST_MODELS = 8


@dataclass(frozen=True)
class ModelComparison:
    """What two or more models have in common and what not; `words` hold the paired tests against the first,
    `notes` how intervals and tests treat a patient's images."""

    models: tuple[str, ...]
    figures: tuple[dict[str, str], ...]
    config_differences: dict[str, tuple[Any, ...]]
    words: tuple[str, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        return {
            "models": list(self.models),
            "figures": list(self.figures),
            "config_differences": {name: list(values) for name, values in self.config_differences.items()},
            "tests": list(self.words),
            "notes": list(self.notes),
        }


def compare_models(desk: Desk, names: Sequence[str], *, record: bool = True) -> ModelComparison:
    """Compare two to eight models by what is stored of them; their cards count as looked at unless `record` is false.

    Raises EvaluationError and InputNotFoundError.
    """
    models = tuple(dict.fromkeys(resolve_model(desk, name) for name in names))
    if not 2 <= len(models) <= MOST_MODELS:
        raise EvaluationError(
            tr(
                "A comparison needs 2 to {most} different models; {num_given} were given.",
                most=MOST_MODELS,
                num_given=len(models),
            )
        )
    cards = [model_card(desk, name) for name in models]
    if record:
        count_looks(desk, [figures for card in cards for figures in figures_of_card(card)], "compared")
    return ModelComparison(
        models=models,
        figures=_figures(models, cards),
        config_differences=_differences(cards),
        words=_tests(desk, models, cards),
        notes=interval_notes([report for card in cards for report in card.metrics.values()]),
    )


def _figures(models: Sequence[str], cards: Sequence[ModelCard]) -> tuple[dict[str, str], ...]:
    folds = dict.fromkeys(fold for card in cards for fold in card.metrics)
    figures = {metric.name: partial(EvaluationReport.say, key=metric.key) for metric in METRICS}
    return tuple(
        {
            "figure": f"{label}, {fold}",
            **{
                model: say(card.metrics[fold]) if fold in card.metrics else mark("not measured")
                for model, card in zip(models, cards, strict=True)
            },
        }
        for fold in folds
        for label, say in {**figures, mark("Computed by"): engine_text}.items()
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
                "split_fingerprint": (card.split_fingerprint or mark("not known"))[:12],
            }
            for card in cards
        ]
    )


def _tests(desk: Desk, models: Sequence[str], cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Return each model against the first on the validation images, p-values corrected (Holm), or why there is none."""
    with desk.reading() as session:
        kept = load_predictions(session, [card.weights_hash for card in cards], FOLD)
    sets = [kept.get(card.weights_hash) for card in cards]
    first = sets[0]
    others, words = [], []
    for name, one, card in zip(models[1:], sets[1:], cards[1:], strict=True):
        if first is None or one is None or one.films.fingerprint != first.films.fingerprint:
            words.append(
                tr(
                    "{name} and {models}: no predictions on the same {fold} images are kept, so nothing is tested.",
                    name=name,
                    models=models[0],
                    fold=FOLD,
                )
            )
        else:
            others.append((name, one, card))
    if first is None or not others:
        return tuple(words)
    reference = _contender(models[0], first, cards[0])
    tests = compare_pairs(first.films, [(_contender(name, one, card), reference) for name, one, card in others])
    return (*(test.words for test in tests), *words)


def _contender(name: str, predicted: PredictedFilms, card: ModelCard) -> Contender:
    """Return a model with the threshold that it reads at."""
    return Contender(name, predicted.probabilities, operating_point_of(card).threshold, predicted.engine)
