"""A model described in full: what it is for, what it was made from, what was measured of it and where it came from.

Its items follow CLAIM 2024 and TRIPOD+AI; where nothing is stored, the document says that it was not measured.
"""

from collections.abc import Mapping

from core.errors import InputNotFoundError
from core.evaluation.metrics import EvaluationReport
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import read_card
from core.services.datasets.known_datasets import dataset_names
from core.services.desk import Desk
from core.services.models.lookup import VERSION_NAME, active_model, model_folder, resolve_model
from core.services.registry import card_evidence
from core.services.registry.card_document import ModelDocument, Section, Table, dataset_text
from core.services.registry.facts import model_facts
from core.services.registry.promotion import get_version
from core.services.registry.shown_figures import count_card_looks
from core.services.runs.record import say_facts
from core.settings import NOTICE


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
        card_evidence.runs_tried(facts),
        card_evidence.figures(card),
        card_evidence.evaluations(facts, names),
        card_evidence.subgroups(facts),
        _point(card),
        card_evidence.robustness(facts.stress, names),
        card_evidence.gate(card, facts.gate, names),
        Section(tr("Limits"), card.limits or (tr("None were written down; that does not mean that there are none."),)),
        _lineage(desk, name, card),
    )
    return ModelDocument(name, name == active_model(desk), sections)


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
