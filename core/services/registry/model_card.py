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

NOT_MEASURED = "Not measured."
EACH_IMAGE_ALONE = "Intervals take each image for itself and are too narrow where patients have several."
FOLD_NOTES = {
    "validation": "chose the epoch and, with the calibration images, the threshold: mildly optimistic",
    "calibration": "fitted the probabilities and, with the validation images, chose the threshold",
    "holdout": "held back, used for no choice",
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
        Section("Intended use", (card.intended_use or "Not stated.", NOTICE)),
        _data(card, names),
        _training(card),
        _runs_tried(facts),
        _figures(card),
        _openings(facts, names),
        _subgroups(facts),
        _point(card),
        _stress(facts.stress, names),
        _gate(card, facts.gate, names),
        Section("Limits", card.limits or ("None were written down; that does not mean that there are none.",)),
        _lineage(desk, name, card),
    )
    return ModelDocument(name, name == active_model(desk), sections)


def dataset_text(fingerprint: str | None, names: Mapping[str, str]) -> str:
    """Return what this desk calls a dataset, with the beginning of its fingerprint, which every desk knows it by."""
    if not fingerprint:
        return "not known"
    return f"{names.get(fingerprint, 'not on this desk')} ({fingerprint[:12]})"


def _data(card: ModelCard, names: Mapping[str, str]) -> Section:
    facts = [
        ("Dataset", dataset_text(card.cohort_fingerprint, names)),
        ("Dataset fingerprint", card.cohort_fingerprint or "not known"),
        ("Split fingerprint", card.split_fingerprint or "not known"),
        *((f"{fold} images", _counts(report)) for fold, report in card.metrics.items()),
        ("Input", f"{card.preprocessing.image_size} × {card.preprocessing.image_size}, {card.preprocessing.resize}"),
    ]
    return Section("Data", (), Table(("Fact", "Value"), tuple(facts)))


def _counts(report: EvaluationReport) -> str:
    patients = f"of {report.num_patients:,} patients" if report.num_patients < report.n else "each taken for a patient"
    return f"{report.n:,} images, {patients}, {report.num_positive:,} labelled pneumonia"


def _training(card: ModelCard) -> Section:
    origin = card.origin or "Where the first weights came from is not stated."
    if card.ensemble:
        rows = tuple(
            (member.name, member.architecture.value, str(member.image_size), f"{member.weight:.3f}")
            for member in card.ensemble.members
        )
        said = f"An ensemble of {len(rows)} members, {card.ensemble.voting.value} voting."
        return Section("Training", (said, origin), Table(("Member", "Architecture", "Input", "Weight"), rows))
    rows = tuple((name.replace("_", " "), str(value)) for name, value in card.config.items() if value is not None)
    settings = Table(("Setting", "Value"), rows) if rows else None
    said = f"Architecture {card.architecture.value}." + ("" if rows else " The training's settings are not known.")
    return Section("Training", (said, origin), settings)


def _figures(card: ModelCard) -> Section:
    if not card.metrics:
        return Section("Performance", (NOT_MEASURED,))
    reports = list(card.metrics.values())
    rows = (
        *((metric.name, *(report.say(metric.key) for report in reports)) for metric in METRICS),
        ("Computed by", *map(engine_text, reports)),
    )
    said = tuple(f"The {fold} images {FOLD_NOTES[fold]}." for fold in card.metrics if fold in FOLD_NOTES)
    notes = ("In brackets 95 % intervals.", *interval_notes(reports))
    return Section("Performance", (*said, *notes), Table(("Figure", *card.metrics), rows))


def _runs_tried(facts: ModelFacts) -> Section:
    title = "Runs tried"
    if not facts.runs_tried:
        return Section(title, ("Not known.",))
    aucs = [run.validation_auc for run in facts.runs_tried if run.validation_auc is not None]
    spread = (
        f" Their validation AUC lies between {say_fraction(min(aucs), 4)} and {say_fraction(max(aucs), 4)}."
        if len(aucs) > 1
        else ""
    )
    many = "One run was" if len(facts.runs_tried) == 1 else f"{len(facts.runs_tried)} runs were"
    rows = tuple(
        (run.name, run.id, _seed(run.seed), METRIC["auc"].say(run.validation_auc), "yes" if run.is_part else "no")
        for run in facts.runs_tried
    )
    columns = ("Run", "Id", "Seed", "Validation AUC", "Part of this model")
    return Section(title, (f"{many} finished on this split.{spread}",), Table(columns, rows))


def _openings(facts: ModelFacts, names: Mapping[str, str]) -> Section:
    title = "Evaluation on other images"
    # Facts of older versions hold evaluations of folds that selected the model: those are no other images.
    accesses = [opening for opening in facts.openings if not is_selection_split(opening.split)]
    if not accesses:
        return Section(title, (NOT_MEASURED,))
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
        shown = (named, split, f"{report.n:,}", "not known" if trained is None else f"{trained:,}")
        rows.append((*shown, f"{report.threshold:.4f}", *figures, str(counts[dataset, split])))
    columns = (
        "Dataset",
        "Split",
        "Images",
        "Of these trained on",
        "Threshold",
        "AUC",
        "Sensitivity",
        "Specificity",
        "ECE",
        "Computed by",
        "Looks, by this model",
    )
    return Section(
        title,
        ("Each at the threshold it was opened with; every look counts.", *overlaps),
        Table(columns, tuple(rows)),
    )


def _is_known(opening: RecordedOpening) -> bool:
    return opening.num_training_images is not None


def _subgroups(facts: ModelFacts) -> Section:
    # Facts of older versions hold groups by the letters of file names, which tell nothing of patients.
    groups = [group for group in facts.subgroups if group.kind == "subtype"]
    if not groups:
        return Section("Subgroups", (NOT_MEASURED,))
    rows = tuple(
        (group.name, str(group.num_films), _share(group.share_right, group.share_interval))
        for group in groups
        if not group.is_small
    )
    said = f"The validation images at the threshold {facts.subgroups_threshold:.4f}; groups under 5 images left out."
    is_clustered = all(group.num_patients is not None for group in groups)
    note = "Intervals count the images of one patient together." if is_clustered else EACH_IMAGE_ALONE
    return Section(
        "Subgroups", (said, note), Table(("Subtype", "Images", "Classified correctly"), rows) if rows else None
    )


def _point(card: ModelCard) -> Section:
    point = card.operating_point
    if point is None:
        return Section("Operating point", ("None was chosen: the threshold is 0.5, which rests on no data.",))
    rows = (
        ("Name", point.name),
        ("Threshold", f"{point.threshold:.4f}"),
        ("Uncertain band", f"{point.uncertain_low:.4f} to {point.uncertain_high:.4f}"),
        ("Chosen on", point.chosen_on or "not stated"),
    )
    said = (point.rule or "Why it was chosen is not stated.", "It holds for these weights alone.")
    return Section("Operating point", said, Table(("Fact", "Value"), rows))


def _stress(found: Measurement | None, names: Mapping[str, str]) -> Section:
    if found is None:
        return Section("Robustness", (NOT_MEASURED,))
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
    return Section("Robustness", said, Table(("Change to the images", "AUC", "Change", "Decisions changed"), rows))


def _measured_on(found: Measurement, names: Mapping[str, str]) -> str:
    engine = found.result.get("engine") or "an engine not recorded"
    return (
        f"Images of the split {found.split} of the dataset {dataset_text(found.cohort_fingerprint, names)}, computed "
        "by "
        f"{engine}, {found.created_at:%Y-%m-%d}."
    )


def _gate(card: ModelCard, found: Measurement | None, names: Mapping[str, str]) -> Section:
    title = "Gate: what is no frontal chest image"
    said = [f"{card.gate.rule[:1].upper()}{card.gate.rule[1:]}."] if card.gate else ["This model has no gate."]
    if found is None:
        roc = card.gate.roc if card.gate else None
        if roc is None:
            return Section(title, (*said, NOT_MEASURED))
        said.append(
            f"Measured on {roc['num_pictures']} other pictures and {roc['num_films']} images: it stops "
            f"{say_share(roc['pictures_stopped'])} of the former and {say_share(roc['films_stopped'])} of the latter."
        )
        return Section(title, tuple(said))
    kinds = {"all other pictures": found.result["other_pictures"], **found.result["kinds"]}
    rows = tuple(
        (
            kind,
            str(one["num_pictures"]),
            f"{say_share(one['stopped'])} ({say_share(one['stopped_ci'][0])} to {say_share(one['stopped_ci'][1])})",
        )
        for kind, one in kinds.items()
    )
    said += [_measured_on(found, names), "Intervals take each picture for itself."]
    return Section(title, tuple(said), Table(("Kind", "Pictures", "Stopped"), rows))


def _lineage(desk: Desk, name: str, card: ModelCard) -> Section:
    rows = [
        ("Weights (SHA-256)", card.weights_hash),
        ("Run", card.run_id or "made by no run of this desk"),
        ("Computed on", say_facts(card.computing) or "not known"),
        ("Code", card.code_version or "not known"),
        ("Made", f"{card.created_at:%Y-%m-%d %H:%M} UTC" if card.created_at else "not known"),
    ]
    notes: tuple[str, ...] = ()
    if VERSION_NAME.fullmatch(name):
        try:
            version = get_version(desk, name)
        except InputNotFoundError:
            # A folder that came with a restored home and has no row.
            return Section("Lineage", (), Table(("Fact", "Value"), tuple(rows)))
        rows += [
            ("Promoted from", version.source),
            ("Promoted by", f"{version.promoted_by}, {version.created_at:%Y-%m-%d %H:%M} UTC"),
            ("Card (SHA-256)", version.card_hash),
        ]
        notes = (version.notes,) if version.notes else ()
    return Section("Lineage", notes, Table(("Fact", "Value"), tuple(rows)))


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    bounds = f" ({say_interval(interval)})" if interval else ""
    return "undefined" if value is None else f"{say_fraction(value)}{bounds}"


def _change(value: float | None) -> str:
    """Return a difference with its sign; what rounds to nothing has none."""
    return "undefined" if value is None else "0.0000" if abs(value) < 5e-5 else f"{value:+.4f}"


def _seed(seed: int | None) -> str:
    return "not known" if seed is None else str(seed)
