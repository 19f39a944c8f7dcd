"""A training config refuses what makes no sense and comes back from JSON as it was."""

import pytest
from pydantic import ValidationError

from core.training.config import ORIGINAL_STUDY, TrainingConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"learning_rate": 0},
        {"dropout": 1.0},
        {"batch_size": 1},
        {"architecture": "alexnet"},
        {"weights": "file"},
        {"weights_file": "somewhere.pth"},
        {"learnig_rate": 0.1},
    ],
)
def test_senseless_values_are_refused(wrong: dict) -> None:
    """Values out of bounds, unknown names and misspelt fields raise."""
    with pytest.raises(ValidationError):
        TrainingConfig(**wrong)


def test_a_config_cannot_change() -> None:
    """A config is frozen once it is made."""
    with pytest.raises(ValidationError):
        TrainingConfig().epochs = 3


def test_json_and_back() -> None:
    """A config survives being written as JSON."""
    assert TrainingConfig.model_validate_json(ORIGINAL_STUDY.model_dump_json()) == ORIGINAL_STUDY


def test_every_field_says_what_it_is() -> None:
    """Every field has a help text, since form, command line and documents show it."""
    assert all(field.description for field in TrainingConfig.model_fields.values())
