"""What a fitted network says of each fold: from its images, or from features that were computed once."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from core.model.catalogue import Architecture, WeightsSource
from core.model.pretrained import build_classifier
from core.runs.fold_outputs import fit_and_read, predict
from core.training.config import FineTuning, Recipe, TrainingConfig
from core.training.films import FilmSet
from core.training.loop import Watchers

CPU = torch.device("cpu")
CONFIG = TrainingConfig(
    architecture=Architecture.MOBILENET_V2,
    weights=WeightsSource.NONE,
    recipe=Recipe.NONE,
    epochs=3,
    batch_size=8,
    image_size=32,
    precision="fp32",
    fine_tuning=FineTuning.FROZEN,
)


@dataclass(frozen=True)
class CountedFilms(FilmSet):
    """Images that note how often each was read."""

    reads: Counter = field(default_factory=Counter)

    def inputs(self, positions_B: np.ndarray, device: torch.device) -> torch.Tensor:
        self.reads.update(positions_B.tolist())
        return super().inputs(positions_B, device)


def counted(count: int, seed: int) -> CountedFilms:
    draw = np.random.default_rng(seed)
    pixels_NHW = draw.integers(0, 255, (count, 32, 32)).astype(np.uint8)
    return CountedFilms(pixels_NHW, np.arange(count), (np.arange(count) % 2).astype(np.uint8))


@pytest.mark.parametrize(("tuning", "reads"), [("frozen", [1, 1, 1]), ("full", [1, 4, 1])])
def test_each_fold_is_read_no_oftener_than_needed_and_told_as_triage_tells(tuning: str, reads: list[int]) -> None:
    """Frozen, every image goes through the network once; its outputs are those that a reading of the images gives."""
    config = CONFIG.model_copy(update={"fine_tuning": FineTuning(tuning)})
    torch.manual_seed(0)
    model = build_classifier(config.architecture, dropout=0.2)
    folds = {name: counted(20, seed) for seed, name in enumerate(("train", "validation", "calibration"))}
    stages: list[tuple[str, int, int]] = []
    fitted, outputs = fit_and_read(
        model, folds, config, CPU, Watchers(), lambda now: stages.append((now.stage, now.num_done, now.num_all))
    )
    # Three epochs evaluate the validation images, and the whole network reads every fold once more; training varies
    # images.
    assert [set(films.reads.values()) for films in folds.values()] == [{number} for number in reads]
    for name, films in folds.items():
        read = predict(fitted.model, films, config, CPU)
        assert outputs[name].logits_N == pytest.approx(read.logits_N, abs=1e-5)
        assert outputs[name].embeddings_ND == pytest.approx(read.embeddings_ND, abs=1e-5)
    # Computing features is training too: without it a frozen network seemed to learn in no time.
    assert (fitted.seconds > sum(epoch.seconds for epoch in fitted.epochs)) is (tuning == "frozen")
    assert stages[-1][1:] == ((60, 60) if tuning == "frozen" else (2, 3))
