"""Training learns, reproduces itself, and says when it cannot continue."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Generator

from core.errors import TrainingError
from core.training.config import Balancing, OptimizerName, Recipe, Schedule, Selection, TrainingConfig
from core.training.films import FilmSet, in_batches, num_steps, training_order
from core.training.loop import FitResult, Watchers, evaluate, fit, smoothed_loss
from core.training.optimisation import cosine_factor, warm_average
from core.training.precision import resolve_device
from tests.tiny_network import tiny_network
from tests.unit.training.easy_task import TINY, easy_films

CPU = torch.device("cpu")
THREE_EPOCHS = TINY.model_copy(update={"epochs": 3})


def run(config: TrainingConfig, watchers: Watchers | None = None) -> FitResult:
    torch.manual_seed(config.seed)
    return fit(tiny_network(config.dropout), easy_films(96, 0), easy_films(32, 1), config, CPU, watchers)


def test_an_easy_task_is_learnt() -> None:
    """A few epochs tell bright from dark, and the loss goes down."""
    result = run(TINY.model_copy(update={"epochs": 5, "learning_rate": 1e-2}))
    assert result.epochs[-1].train_loss < 0.5 * result.epochs[0].train_loss
    assert len(result.epochs) == 5


@pytest.mark.parametrize("recipe", [Recipe.NONE, Recipe.STRONG])
def test_the_same_seed_gives_the_same_weights(recipe: Recipe) -> None:
    """Two runs of one config end in identical weights and losses; another seed ends elsewhere."""
    config = TINY.model_copy(update={"recipe": recipe, "epochs": 2, "ema_decay": 0.9, "dropout": 0.2})
    first, again, other = run(config), run(config), run(config.model_copy(update={"seed": 1}))
    assert [result.train_loss for result in first.epochs] == [result.train_loss for result in again.epochs]
    assert all(
        torch.equal(one, two)
        for one, two in zip(first.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    )
    assert first.epochs[0].train_loss != other.epochs[0].train_loss


def test_the_chosen_epoch_is_the_best_by_the_rule() -> None:
    """The kept weights are those of the epoch with the lowest validation loss, and score that loss again."""
    config = TINY.model_copy(update={"selection": Selection.LOWEST_LOSS, "epochs": 4})
    result = run(config)
    losses = [epoch.validation_loss for epoch in result.epochs]
    assert result.best_epoch == int(np.argmin(losses))
    films = easy_films(32, 1)
    logits_N = evaluate(result.model, films, config, CPU)
    expected = F.binary_cross_entropy_with_logits(
        torch.from_numpy(logits_N), torch.from_numpy(films.labels_N.astype(np.float32))
    )
    assert losses[result.best_epoch] == pytest.approx(float(expected), rel=1e-5)


def test_early_stopping_waits_as_long_as_its_patience() -> None:
    """A run that never betters its first epoch ends after that epoch and its patience."""
    # At so high a rate later epochs only get worse.
    config = TINY.model_copy(update={"epochs": 30, "learning_rate": 5.0, "early_stopping_patience": 2})
    result = run(config)
    best = int(np.argmin([epoch.validation_loss for epoch in result.epochs]))
    assert len(result.epochs) - 1 - best == 2


def test_a_watcher_may_end_the_run() -> None:
    """A run that is asked to stop ends after its epoch, keeps its weights and says that it was stopped."""
    result = run(TINY.model_copy(update={"epochs": 9}), Watchers(should_stop=lambda: True))
    assert result.stopped and len(result.epochs) == 1


def test_steps_are_reported() -> None:
    """Every step is told to the watcher, with the number of all steps."""
    seen = []
    run(THREE_EPOCHS, Watchers(on_step=seen.append))
    assert [progress.step for progress in seen] == list(range(1, 19))
    assert {progress.num_steps for progress in seen} == {18}


def test_a_loss_that_is_not_finite_stops_the_run_in_words() -> None:
    """A run whose loss explodes names the epoch, the step and the learning rate."""
    config = THREE_EPOCHS.model_copy(update={"optimizer": OptimizerName.SGD, "schedule": Schedule.CONSTANT})
    model = tiny_network()
    torch.nn.init.constant_(model[-2].weight, float("inf"))
    with pytest.raises(TrainingError, match=r"epoch 1, step 1.*smaller learning rate than 0\.002"):
        fit(model, easy_films(32, 0), easy_films(32, 1), config, CPU)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_two_class_cross_entropy(smoothing: float, weighted: bool) -> None:
    """The one-logit loss equals PyTorch's cross-entropy of the logits (0, z), where that defines it alike."""
    logits_B = torch.tensor([-2.0, 0.3, 1.7, 0.0])
    labels_B = torch.tensor([0.0, 1.0, 1.0, 0.0])
    weights = torch.tensor([1.5, 0.5]) if weighted else None
    if weighted and smoothing:
        pytest.skip("PyTorch weights the smoothed part by the other class's weight; ours by the image's own")
    pairs_B2 = torch.stack([torch.zeros(4), logits_B], dim=1)
    expected = F.cross_entropy(pairs_B2, labels_B.long(), weight=weights, label_smoothing=smoothing)
    assert float(smoothed_loss(logits_B, labels_B, smoothing, weights)) == pytest.approx(float(expected), rel=1e-6)


def test_balanced_sampling_draws_both_classes_alike() -> None:
    """With one image in ten of a class, balanced drawing shows it about half of the time."""
    films = FilmSet(np.zeros((2000, 1, 1), np.uint8), np.arange(2000), (np.arange(2000) % 10 == 0).astype(np.uint8))
    drawn = list(training_order(films, Balancing.SAMPLER, Generator().manual_seed(0)))
    assert len(drawn) == 2000
    assert 0.45 < films.labels_N[drawn].mean() < 0.55


def test_without_balancing_each_film_comes_once() -> None:
    """Plain order is a permutation of the fold."""
    films = easy_films(50, 0)
    assert sorted(training_order(films, Balancing.NONE, Generator().manual_seed(0))) == list(range(50))


@pytest.mark.parametrize(("count", "size", "expected"), [(10, 5, 2), (11, 5, 2), (12, 5, 3), (3, 5, 1), (1, 5, 0)])
def test_a_last_batch_of_one_film_is_left_out(count: int, size: int, expected: int) -> None:
    """Steps are counted as batches come, and no batch holds a single image."""
    batches = list(in_batches(range(count), size))
    assert len(batches) == expected == num_steps(count, size)
    assert all(len(batch) > 1 for batch in batches)


def test_the_cosine_schedule_by_hand() -> None:
    """A tenth of warm-up rises in even steps; half way through the rest the rate is half, at the end nothing."""
    assert cosine_factor(0, 100, 0.1) == pytest.approx(1 / 11)
    assert cosine_factor(9, 100, 0.1) == pytest.approx(10 / 11)
    assert cosine_factor(10, 100, 0.1) == pytest.approx(1.0)
    assert cosine_factor(55, 100, 0.1) == pytest.approx(0.5)
    assert cosine_factor(100, 100, 0.1) == pytest.approx(0.0)


def test_the_moving_average_by_hand() -> None:
    """The share of the new value is 9/10 at first, and never less than one minus the decay."""
    average, current = [torch.tensor([0.0]), torch.tensor([3])], [torch.tensor([1.0]), torch.tensor([7])]
    update = warm_average(0.9)
    update(average, current, 0)
    assert average[0].item() == pytest.approx(0.9) and average[1].item() == 7
    update([late := torch.tensor([0.0])], [torch.tensor([1.0])], 10_000)
    assert late.item() == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["cuda:9", "quantum"])
def test_a_device_that_is_not_there_is_a_sentence(name: str) -> None:
    """Asking for a device this machine has not says what to use instead."""
    from core.errors import SettingsError

    with pytest.raises(SettingsError, match="auto"):
        resolve_device(name)
