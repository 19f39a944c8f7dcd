"""A short trial foretells what a run needs."""

from pathlib import Path

import pytest

from core.errors import PneumoDeskError
from core.services.runs import cost_estimate
from core.services.runs.cost_estimate import copies_of_weights, estimate_run
from core.training.config import TrainingConfig
from tests.small_desk import small_desk

TINY = TrainingConfig(architecture="mobilenet_v2", weights="none", image_size=64, batch_size=8, recipe="none")


def test_a_longer_run_takes_longer_and_a_small_one_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the epochs are about twice the time; a small network fits into memory and onto the disk."""
    trials: list[dict[str, object]] = []
    try_out = cost_estimate._try_out

    def try_once(config: TrainingConfig, many: int) -> dict[str, object]:
        # Two trials on a busy machine may differ by more than the epochs do.
        if not trials:
            trials.append(try_out(config, many))
        return trials[0]

    monkeypatch.setattr(cost_estimate, "_try_out", try_once)
    monkeypatch.setattr(cost_estimate, "MOST_SECONDS", 280)
    desk = small_desk(tmp_path)
    estimate, twice = (
        estimate_run(desk, TINY.model_copy(update={"epochs": epochs}), num_train=800, num_judged=200)
        for epochs in (20, 40)
    )
    # What comes once, reading all images at the end, is less than a tenth of twenty epochs.
    assert 1.8 * estimate.seconds < twice.seconds < 2 * estimate.seconds
    assert estimate.fits_in_memory
    assert estimate.fits_on_disk
    assert estimate.largest_batch_size >= 8
    # Some 2.2 million weights of four bytes: three states of weights, best and two moments each, and the model.
    assert estimate.disk == pytest.approx(2.225e6 * 4 * 13, rel=0.02)


@pytest.mark.parametrize(("free", "largest"), [(804, 64), (803, 32), (122, 2), (100, 2), (10**9, 1024)])
def test_the_largest_batch_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, largest: int) -> None:
    """100 bytes fixed and 11 an image, told from four and eight images: 64 images need 804, 2 need 122."""
    trial = {"few": 4, "many": 8, "memory_with_few": 144, "memory_with_many": 188, "num_parameters": 1}
    trial |= {"seconds_per_step": 2.0, "seconds_per_judged_film": 0.5, "device": "cpu"}
    monkeypatch.setattr(cost_estimate, "_try_out", lambda config, many: trial)
    monkeypatch.setattr(cost_estimate, "free_memory", lambda device: free)
    estimate = estimate_run(small_desk(tmp_path), TINY.model_copy(update={"epochs": 3}), 80, 10)
    assert estimate.largest_batch_size == largest
    # Three epochs of ten steps of 2 s and ten images of 0.5 s, then 90 images of 0.5 s and 80 turned ones.
    assert estimate.seconds == pytest.approx(3 * (10 * 2 + 10 * 0.5) + 90 * 0.5 + 80 * 0.5)


@pytest.mark.parametrize(
    ("choices", "copies"),
    [({}, 13), ({"ema_decay": 0.9}, 16), ({"optimizer": "sgd"}, 10), ({"fine_tuning": "frozen"}, 1)],
)
def test_copies_on_disk_by_hand(choices: dict[str, object], copies: int) -> None:
    """Three states hold weights, best, average and moments; a frozen network is kept only once, as the model."""
    assert copies_of_weights(TrainingConfig.model_validate({**TINY.model_dump(), **choices})) == copies


def test_a_trial_that_fails_says_why(tmp_path: Path) -> None:
    """A device that is not there is a sentence, not a stack trace."""
    with pytest.raises(PneumoDeskError, match="no such GPU"):
        estimate_run(small_desk(tmp_path), TINY.model_copy(update={"device": "cuda:9"}), 80, 10)
