"""What makes a model another reader, and what does not."""

import pytest

from core.evaluation.calibration import PlattScaling
from core.model.checkpoint import read_card
from core.model.identity import reader_identity
from core.services.models.lookup import STARTER_FOLDER

CARD = read_card(STARTER_FOLDER)


@pytest.mark.parametrize(
    "change",
    [
        {"weights_hash": "0" * 64},
        {"extras_hash": "0" * 64},
        {"calibration": PlattScaling(slope=0.05, intercept=-6.0)},
        {"preprocessing": CARD.preprocessing.model_copy(update={"image_size": 160})},
        {"gate": CARD.gate.model_copy(update={"threshold": 99.0})},
        {"gate": None},
    ],
)
def test_what_decides_a_reading_is_part_of_the_identity(change) -> None:
    """Any change that can change what is said of an image makes another reader."""
    assert reader_identity(CARD.model_copy(update=change)) != reader_identity(CARD)


@pytest.mark.parametrize("change", [{"name": "ours@2"}, {"origin": "elsewhere"}, {"metrics": {}}, {"limits": ("x",)}])
def test_names_and_notes_are_not(change) -> None:
    """A promoted copy under another name is the same reader."""
    assert reader_identity(CARD.model_copy(update=change)) == reader_identity(CARD)
