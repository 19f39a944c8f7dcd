"""What was measured of a model, as sections of its card, from stored facts alone."""

from collections import Counter
from collections.abc import Mapping

from core.evaluation.catalogue import METRIC, METRICS
from core.evaluation.metrics import EvaluationReport, engine_text, interval_notes
from core.evaluation.proportions import say_fraction, say_interval, say_share
from core.language import mark, tr, tr_n
from core.model.card import ModelCard
from core.services.evaluation.measurements import Measurement
from core.services.evaluation.predictions import is_selection_split
from core.services.evaluation.test_set_access import RecordedOpening
from core.services.evaluation.training_overlap import say_overlap
from core.services.registry.card_document import NOT_MEASURED, Section, Table, dataset_text
from core.services.registry.facts import ModelFacts

EACH_IMAGE_ALONE = mark("Intervals take each image for itself and are too narrow where patients have several.")
FOLD_NOTES = {
    "validation": mark("chose the epoch and, with the calibration images, the threshold: mildly optimistic"),
    "calibration": mark("fitted the probabilities and, with the validation images, chose the threshold"),
    "holdout": mark("held back, used for no choice"),
}


def figures(card: ModelCard) -> Section:
    """Return the metrics of each fold that the card reports."""
    if not card.metrics:
        return Section(tr("Performance"), (tr(NOT_MEASURED),))
    reports = list(card.metrics.values())
    rows = (
        *((metric.name, *(report.say(metric.key) for report in reports)) for metric in METRICS),
        (tr("Computed by"), *map(engine_text, reports)),
    )
    said = tuple(
        tr("The {fold} images {fold_note}.", fold=fold, fold_note=tr(FOLD_NOTES[fold]))
        for fold in card.metrics
        if fold in FOLD_NOTES
    )
    notes = (tr("In brackets 95 % intervals."), *interval_notes(reports))
    return Section(tr("Performance"), (*said, *notes), Table((tr("Figure"), *card.metrics), rows))


def runs_tried(facts: ModelFacts) -> Section:
    """Return what the other runs on the same split reached."""
    title = tr("Runs tried")
    if not facts.runs_tried:
        return Section(title, (tr("Not known."),))
    aucs = [run.validation_auc for run in facts.runs_tried if run.validation_auc is not None]
    said = [tr_n("{n} run finished on this split.", "{n} runs finished on this split.", len(facts.runs_tried))]
    if len(aucs) > 1:
        lowest, highest = say_fraction(min(aucs), 4), say_fraction(max(aucs), 4)
        said.append(tr("Their validation AUC lies between {lowest} and {highest}.", lowest=lowest, highest=highest))
    rows = tuple(
        (
            run.name,
            run.id,
            _seed(run.seed),
            METRIC["auc"].say(run.validation_auc),
            tr("yes") if run.is_part else tr("no"),
        )
        for run in facts.runs_tried
    )
    columns = (tr("Run"), tr("Id"), tr("Seed"), tr("Validation AUC"), tr("Part of this model"))
    return Section(title, (" ".join(said),), Table(columns, rows))


def evaluations(facts: ModelFacts, names: Mapping[str, str]) -> Section:
    """Return what the model reached on images that chose nothing of it, and how often they were looked at."""
    title = tr("Evaluation on other images")
    # Facts of older versions hold evaluations of folds that selected the model: those are no other images.
    accesses = [opening for opening in facts.openings if not is_selection_split(opening.split)]
    if not accesses:
        return Section(title, (tr(NOT_MEASURED),))
    counts = Counter((opening.cohort_fingerprint, opening.split) for opening in accesses)
    newest = {(opening.cohort_fingerprint, opening.split): opening for opening in accesses}
    # What came along with the model may know of training images what this desk cannot.
    known = {(one.cohort_fingerprint, one.split): one.num_training_images for one in accesses if _is_known(one)}
    rows, overlaps = [], []
    for (dataset, split), opening in newest.items():
        report = EvaluationReport.model_validate(opening.report)
        figures = [report.say(key) for key in ("auc", "sensitivity", "specificity", "ece")]
        figures.append(engine_text(report))
        named = dataset_text(dataset, names)
        trained = known.get((dataset, split))
        overlaps += [f"{split}: {said}"] if trained and (said := say_overlap(trained, report.n)) else []
        shown = (named, split, f"{report.n:,}", tr("not known") if trained is None else f"{trained:,}")
        rows.append((*shown, f"{report.threshold:.4f}", *figures, str(counts[dataset, split])))
    columns = (
        tr("Dataset"),
        tr("Split"),
        tr("Images"),
        tr("Of these trained on"),
        tr("Threshold"),
        tr("AUC"),
        tr("Sensitivity"),
        tr("Specificity"),
        tr("ECE"),
        tr("Computed by"),
        tr("Looks, by this model"),
    )
    return Section(
        title,
        (tr("Each at the threshold it was opened with; every look counts."), *overlaps),
        Table(columns, tuple(rows)),
    )


def _is_known(opening: RecordedOpening) -> bool:
    return opening.num_training_images is not None


def subgroups(facts: ModelFacts) -> Section:
    """Return how many images of each subtype were classified correctly."""
    # Facts of older versions hold groups by the letters of file names, which tell nothing of patients.
    groups = [group for group in facts.subgroups if group.kind == "subtype"]
    if not groups:
        return Section(tr("Subgroups"), (tr(NOT_MEASURED),))
    rows = tuple(
        (group.name, str(group.num_films), _share(group.share_right, group.share_interval))
        for group in groups
        if not group.is_small
    )
    said = tr(
        "The validation images at the threshold {threshold:.4f}; groups under 5 images left out.",
        threshold=facts.subgroups_threshold,
    )
    is_clustered = all(group.num_patients is not None for group in groups)
    note = tr("Intervals count the images of one patient together.") if is_clustered else tr(EACH_IMAGE_ALONE)
    return Section(
        tr("Subgroups"),
        (said, note),
        Table((tr("Subtype"), tr("Images"), tr("Classified correctly")), rows) if rows else None,
    )


def robustness(found: Measurement | None, names: Mapping[str, str]) -> Section:
    """Return how the answers move when images are changed."""
    if found is None:
        return Section(tr("Robustness"), (tr(NOT_MEASURED),))
    rows = tuple(
        (
            one.get("description", name),
            METRIC["auc"].say(one.get("auc")),
            _change(one.get("auc_change")),
            say_share(one["decision_flips"]),
        )
        for name, one in found.result["stresses"].items()
    )
    # A measurement of before training images were counted says nothing of them.
    overlap = (
        say_overlap(found.result["num_training_images"], found.result["n"])
        if "num_training_images" in found.result
        else ""
    )
    said = (_measured_on(found, names), *((overlap,) if overlap else ()))
    return Section(
        tr("Robustness"), said, Table((tr("Change to the images"), "AUC", tr("Change"), tr("Decisions changed")), rows)
    )


def _measured_on(found: Measurement, names: Mapping[str, str]) -> str:
    engine = found.result.get("engine") or tr("an engine not recorded")
    return tr(
        "Images of the split {split} of the dataset {dataset}, computed by {engine}, {created_at:%Y-%m-%d}.",
        split=found.split,
        dataset=dataset_text(found.cohort_fingerprint, names),
        engine=engine,
        created_at=found.created_at,
    )


def gate(card: ModelCard, found: Measurement | None, names: Mapping[str, str]) -> Section:
    """Return what is stopped before a probability is given."""
    title = tr("Gate: what is no frontal chest image")
    said = [f"{card.gate.rule[:1].upper()}{card.gate.rule[1:]}."] if card.gate else [tr("This model has no gate.")]
    if found is None:
        roc = card.gate.roc if card.gate else None
        if roc is None:
            return Section(title, (*said, tr(NOT_MEASURED)))
        said.append(
            tr(
                "Measured on {num_pictures} other pictures and {num_films} images: it stops {pictures_stopped} of the "
                "former and {films_stopped} of the latter.",
                num_pictures=roc["num_pictures"],
                num_films=roc["num_films"],
                pictures_stopped=say_share(roc["pictures_stopped"]),
                films_stopped=say_share(roc["films_stopped"]),
            )
        )
        return Section(title, tuple(said))
    kinds = {tr("all other pictures"): found.result["other_pictures"], **found.result["kinds"]}
    rows = tuple(
        (
            kind,
            str(one["num_pictures"]),
            tr(
                "{stopped} ({low} to {high})",
                stopped=say_share(one["stopped"]),
                low=say_share(one["stopped_ci"][0]),
                high=say_share(one["stopped_ci"][1]),
            ),
        )
        for kind, one in kinds.items()
    )
    said += [_measured_on(found, names), tr("Intervals take each picture for itself.")]
    return Section(title, tuple(said), Table((tr("Kind"), tr("Pictures"), tr("Stopped")), rows))


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    bounds = f" ({say_interval(interval)})" if interval else ""
    return tr("undefined") if value is None else f"{say_fraction(value)}{bounds}"


def _change(value: float | None) -> str:
    """Return a difference with its sign; what rounds to nothing has none."""
    return tr("undefined") if value is None else "0.0000" if abs(value) < 5e-5 else f"{value:+.4f}"


def _seed(seed: int | None) -> str:
    return tr("not known") if seed is None else str(seed)
