"""The model card as a document: sections of sentences and one table each, from stored facts alone.

Its items follow CLAIM 2024 and TRIPOD+AI; where nothing is stored, the document says that it was not measured.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InputNotFoundError
from core.evaluation.catalogue import METRIC, METRICS
from core.evaluation.metrics import EvaluationReport, engine_text, interval_notes
from core.evaluation.proportions import say_fraction, say_interval, say_share
from core.language import mark, tr, tr_n
from core.model.card import ModelCard
from core.model.checkpoint import read_card
from core.services.datasets.known_datasets import dataset_names
from core.services.desk import Desk
from core.services.evaluation.measurements import Measurement
from core.services.evaluation.predictions import is_selection_split
from core.services.evaluation.test_set_access import RecordedOpening
from core.services.evaluation.training_overlap import say_overlap
from core.services.models.lookup import VERSION_NAME, active_model, model_folder, resolve_model
from core.services.registry.facts import ModelFacts, model_facts
from core.services.registry.promotion import get_version
from core.services.registry.shown_figures import count_card_looks
from core.services.runs.record import say_facts
from core.settings import NOTICE

NOT_MEASURED = mark("Not measured.")
EACH_IMAGE_ALONE = mark("Intervals take each image for itself and are too narrow where patients have several.")
FOLD_NOTES = {
    "validation": mark("chose the epoch and, with the calibration images, the threshold: mildly optimistic"),
    "calibration": mark("fitted the probabilities and, with the validation images, chose the threshold"),
    "holdout": mark("held back, used for no choice"),
}


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One item of the card."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class ModelDocument:
    """A whole model card."""

    model: str
    is_active: bool
    sections: tuple[Section, ...]
    notice: str = NOTICE

    def document(self) -> dict[str, Any]:
        """Return everything as one JSON document."""
        return asdict(self)


def describe_model(desk: Desk, name: str, *, record: bool = True) -> ModelDocument:
    """Return the card of a model as a document, counted as a look unless `record` is false.

    Raises InputNotFoundError.
    """
    name = resolve_model(desk, name)
    folder = model_folder(desk, name)
    card = read_card(folder)
    facts = model_facts(desk, card, folder)
    names = dataset_names(desk)
    if record:
        count_card_looks(desk, card, "looked at", facts.openings)
    sections = (
        Section(tr("Intended use"), (card.intended_use or tr("Not stated."), tr(NOTICE))),
        _data(card, names),
        _training(card),
        _runs_tried(facts),
        _figures(card),
        _openings(facts, names),
        _subgroups(facts),
        _point(card),
        _stress(facts.stress, names),
        _gate(card, facts.gate, names),
        Section(tr("Limits"), card.limits or (tr("None were written down; that does not mean that there are none."),)),
        _lineage(desk, name, card),
    )
    return ModelDocument(name, name == active_model(desk), sections)


def dataset_text(fingerprint: str | None, names: Mapping[str, str]) -> str:
    """Return what this desk calls a dataset, with the beginning of its fingerprint, which every desk knows it by."""
    if not fingerprint:
        return tr("not known")
    name = names.get(fingerprint) or tr("not on this desk")
    return f"{name} ({fingerprint[:12]})"


def _data(card: ModelCard, names: Mapping[str, str]) -> Section:
    facts = [
        (tr("Dataset"), dataset_text(card.cohort_fingerprint, names)),
        (tr("Dataset fingerprint"), card.cohort_fingerprint or tr("not known")),
        (tr("Split fingerprint"), card.split_fingerprint or tr("not known")),
        *((tr("{fold} images", fold=fold), _counts(report)) for fold, report in card.metrics.items()),
        (
            tr("Input"),
            f"{card.preprocessing.image_size} × {card.preprocessing.image_size}, {card.preprocessing.resize}",
        ),
    ]
    return Section(tr("Data"), (), Table((tr("Fact"), tr("Value")), tuple(facts)))


def _counts(report: EvaluationReport) -> str:
    patients = (
        tr("of {num_patients:,} patients", num_patients=report.num_patients)
        if report.num_patients < report.n
        else tr("each taken for a patient")
    )
    return tr(
        "{n:,} images, {patients}, {num_positive:,} labelled pneumonia",
        n=report.n,
        patients=patients,
        num_positive=report.num_positive,
    )


def _training(card: ModelCard) -> Section:
    origin = card.origin or tr("Where the first weights came from is not stated.")
    if card.ensemble:
        rows = tuple(
            (member.name, member.architecture.value, str(member.image_size), f"{member.weight:.3f}")
            for member in card.ensemble.members
        )
        said = tr(
            "An ensemble of {num_members} members, {voting} voting.",
            num_members=len(rows),
            voting=card.ensemble.voting.value,
        )
        return Section(
            tr("Training"), (said, origin), Table((tr("Member"), tr("Architecture"), tr("Input"), tr("Weight")), rows)
        )
    rows = tuple((name.replace("_", " "), str(value)) for name, value in card.config.items() if value is not None)
    settings = Table((tr("Setting"), tr("Value")), rows) if rows else None
    said = tr("Architecture {architecture}.", architecture=card.architecture.value)
    if not rows:
        said = " ".join((said, tr("The training's settings are not known.")))
    return Section(tr("Training"), (said, origin), settings)


def _figures(card: ModelCard) -> Section:
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


def _runs_tried(facts: ModelFacts) -> Section:
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


def _openings(facts: ModelFacts, names: Mapping[str, str]) -> Section:
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


def _subgroups(facts: ModelFacts) -> Section:
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


def _point(card: ModelCard) -> Section:
    point = card.operating_point
    if point is None:
        return Section(tr("Operating point"), (tr("None was chosen: the threshold is 0.5, which rests on no data."),))
    rows = (
        (tr("Name"), point.name),
        (tr("Threshold"), f"{point.threshold:.4f}"),
        (
            tr("Indeterminate range"),
            tr(
                "{uncertain_low:.4f} to {uncertain_high:.4f}",
                uncertain_low=point.uncertain_low,
                uncertain_high=point.uncertain_high,
            ),
        ),
        (tr("Chosen on"), point.chosen_on or tr("not stated")),
    )
    said = (point.rule or tr("Why it was chosen is not stated."), tr("It holds for these weights alone."))
    return Section(tr("Operating point"), said, Table((tr("Fact"), tr("Value")), rows))


def _stress(found: Measurement | None, names: Mapping[str, str]) -> Section:
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


def _gate(card: ModelCard, found: Measurement | None, names: Mapping[str, str]) -> Section:
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


def _lineage(desk: Desk, name: str, card: ModelCard) -> Section:
    rows = [
        (tr("Weights (SHA-256)"), card.weights_hash),
        (tr("Run"), card.run_id or tr("made by no run of this desk")),
        (tr("Computed on"), say_facts(card.computing) or tr("not known")),
        (tr("Code"), card.code_version or tr("not known")),
        (
            tr("Made"),
            tr("{created_at:%Y-%m-%d %H:%M} UTC", created_at=card.created_at) if card.created_at else tr("not known"),
        ),
    ]
    notes: tuple[str, ...] = ()
    if VERSION_NAME.fullmatch(name):
        try:
            version = get_version(desk, name)
        except InputNotFoundError:
            # A folder that came with a restored home and has no row.
            return Section(tr("Lineage"), (), Table((tr("Fact"), tr("Value")), tuple(rows)))
        rows += [
            (tr("Promoted from"), version.source),
            (
                tr("Promoted by"),
                tr(
                    "{promoted_by}, {created_at:%Y-%m-%d %H:%M} UTC",
                    promoted_by=version.promoted_by,
                    created_at=version.created_at,
                ),
            ),
            (tr("Card (SHA-256)"), version.card_hash),
        ]
        notes = (version.notes,) if version.notes else ()
    return Section(tr("Lineage"), notes, Table((tr("Fact"), tr("Value")), tuple(rows)))


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    bounds = f" ({say_interval(interval)})" if interval else ""
    return tr("undefined") if value is None else f"{say_fraction(value)}{bounds}"


def _change(value: float | None) -> str:
    """Return a difference with its sign; what rounds to nothing has none."""
    return tr("undefined") if value is None else "0.0000" if abs(value) < 5e-5 else f"{value:+.4f}"


def _seed(seed: int | None) -> str:
    return tr("not known") if seed is None else str(seed)
