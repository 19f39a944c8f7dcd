"""The figures on a model's card that may not select: whatever shows or writes a card counts as a look at them."""

from collections.abc import Sequence

from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.evaluation.test_set_access import AccessReason, RecordedOpening, ShownFigures, count_looks
from core.services.models.lookup import model_card


def count_card_looks(
    desk: Desk, card: ModelCard, occasion: AccessReason, openings: Sequence[RecordedOpening] = ()
) -> None:
    """Count that a card is shown, with what is shown beside it of evaluations on other images."""
    count_looks(desk, figures_of_card(card, openings), occasion)


def figures_of_card(card: ModelCard, openings: Sequence[RecordedOpening] = ()) -> list[ShownFigures]:
    """Return the figures of every fold on a card, and of every evaluation beside it."""
    dataset, hash_ = card.cohort_fingerprint or "", card.weights_hash
    return [
        *(ShownFigures(hash_, dataset, fold, report) for fold, report in card.metrics.items()),
        *(ShownFigures(hash_, one.cohort_fingerprint or "", one.split, one.report) for one in openings),
    ]


def show_card(desk: Desk, name: str) -> ModelCard:
    """Return a model's card to anyone who asks for it, counted as a look; raises PneumoDeskError."""
    card = model_card(desk, name)
    count_card_looks(desk, card, "looked at")
    return card
