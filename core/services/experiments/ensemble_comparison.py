"""An ensemble against each of its members: paired tests, and what it costs in time and memory."""

from dataclasses import asdict, dataclass
from typing import Any

from core.errors import EvaluationError
from core.evaluation.metrics import EvaluationReport, interval_notes
from core.language import tr
from core.services.desk import Desk
from core.services.evaluation.paired_tests import Contender, PairwiseTest, compare_pairs
from core.services.evaluation.predictions import PredictedFilms, load_predictions
from core.services.evaluation.test_set_access import count_looks, openings_of
from core.services.evaluation.training_overlap import TrainingOverlaps, say_overlap
from core.services.experiments.ensembles import EnsembleSummary, ensemble_predictions, show_ensemble
from core.services.models.inference_cost import ModelCost, measure_cost


@dataclass(frozen=True)
class MemberVerdict(PairwiseTest):
    """The ensemble against one member."""

    member: str
    run_id: str | None
    weight: float
    report: EvaluationReport
    cost: ModelCost | None


@dataclass(frozen=True)
class EnsembleComparison:
    """What a comparison found; cost is None where it was not asked for."""

    name: str
    split: str
    num_films: int
    num_openings: int
    report: EvaluationReport
    cost: ModelCost | None
    members: tuple[MemberVerdict, ...]
    note: str
    num_training_images: int | None
    """Images that the ensemble was trained on, or of patients of such; None where that is not known."""

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        document = asdict(self)
        document["interval_notes"] = list(interval_notes([self.report, *(one.report for one in self.members)]))
        document["report"] = self.report.model_dump(mode="json")
        for entry, verdict in zip(document["members"], self.members, strict=True):
            entry["report"] = verdict.report.model_dump(mode="json")
        return document


def compare_ensemble(
    desk: Desk, name: str, split: str = "validation", *, with_cost: bool = False, record: bool = True
) -> EnsembleComparison:
    """Compare an ensemble with each member on images that all read; images that may not select count as looked at.

    With `with_cost` each is timed in a process of its own. Raises EvaluationError where predictions are missing.
    """
    ensemble = show_ensemble(desk, name)
    members = _member_predictions(desk, ensemble, split)
    whole = ensemble_predictions(ensemble.card, ensemble.recipe, members)
    names = [entry.name for entry in ensemble.recipe.members]
    contenders = [_contender(entry, one) for entry, one in zip(names, members, strict=True)]
    tests = compare_pairs(whole.films, [(_contender(name, whole), member) for member in contenders])
    costs = _costs(desk, ensemble) if with_cost else [None] * (1 + len(members))
    verdicts = tuple(
        MemberVerdict(
            **vars(test),
            member=entry.name,
            run_id=entry.run_id,
            weight=entry.weight,
            report=members[place].report,
            cost=costs[1 + place],
        )
        for place, (entry, test) in enumerate(zip(ensemble.recipe.members, tests, strict=True))
    )
    if record:
        count_looks(desk, [whole, *members], "compared")
    num_training_images = TrainingOverlaps(desk).of(whole)
    return EnsembleComparison(
        name=name,
        split=split,
        num_films=len(whole.films.files),
        num_openings=openings_of(desk, [whole]),
        report=whole.report,
        cost=costs[0],
        members=verdicts,
        note=" ".join(filter(None, (_note(split), say_overlap(num_training_images, len(whole.films.files))))),
        num_training_images=num_training_images,
    )


def _contender(name: str, predicted: PredictedFilms) -> Contender:
    return Contender(name, predicted.probabilities, predicted.report.threshold, predicted.engine)


def _costs(desk: Desk, ensemble: EnsembleSummary) -> list[ModelCost]:
    folders = [ensemble.folder, *(ensemble.folder / member.folder for member in ensemble.recipe.members)]
    return [measure_cost(desk, str(folder)) for folder in folders]


def _member_predictions(desk: Desk, ensemble: EnsembleSummary, split: str) -> list[PredictedFilms]:
    hashes = [member.source_hash for member in ensemble.recipe.members]
    with desk.reading() as session:
        kept = load_predictions(session, hashes, split)
    if lacking := [member.name for member in ensemble.recipe.members if member.source_hash not in kept]:
        raise EvaluationError(
            tr(
                "Of {lacking} no predictions on {split!r} are kept on this desk.",
                lacking=", ".join(lacking),
                split=split,
            )
        )
    members = [kept[one] for one in hashes]
    if len({one.films.fingerprint for one in members}) > 1:
        raise EvaluationError(
            tr("The members were evaluated on different {split} images: nothing is compared.", split=split)
        )
    return members


def _note(split: str) -> str:
    if split == "validation":
        return tr(
            "These images chose each member's epoch and the weights of a weighted mean: mildly optimistic for all."
        )
    if split == "calibration":
        return tr("These images fitted each member's probabilities and the ensemble's own.")
    return tr("Each comparison on images that may not select is recorded as a look at them.")
