"""Each choice of a config changes the training as it says, and nothing else."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from core.errors import SettingsError
from core.model.catalogue import Architecture, WeightsSource
from core.model.pretrained import build_classifier
from core.training.config import Balancing, FineTuning, Recipe, TrainingConfig
from core.training.films import FilmSet
from core.training.frozen import compute_features, fit_head
from core.training.loop import Watchers, begin, evaluate, train_one_epoch
from core.training.preparing import prepared_batches
from core.training.presets import PRESETS
from tests.unit.training.easy_task import TINY, easy_films

CPU = torch.device("cpu")


def variant(**choices: object) -> TrainingConfig:
    return TrainingConfig.model_validate({**TINY.model_dump(), **choices})


def network() -> nn.Module:
    torch.manual_seed(0)
    return build_classifier(TINY.architecture, dropout=0.0)


def moved(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    """Which parts of a network are no longer what they were."""
    return {name.split(".")[0] for name, tensor in model.state_dict().items() if not torch.equal(before[name], tensor)}


def copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_head_first_moves_only_the_head_until_its_epochs_are_over() -> None:
    """In the first epoch weights and statistics of the backbone stay as they are; in the second they move."""
    config, films, model = (
        variant(fine_tuning="head_first", head_epochs=1, weight_decay=0.1),
        easy_films(48, 0),
        network(),
    )
    state, before = begin(model, films, config, CPU), copied(model)
    train_one_epoch(state, films, config, CPU, 0, Watchers())
    assert moved(before, model) == {"head"}
    state.step, state.losses = 0, []
    train_one_epoch(state, films, config, CPU, 1, Watchers())
    assert moved(before, model) == {"head", "features"}


def test_frozen_features_are_the_networks_own_embeddings() -> None:
    """A head on the features says what the whole network says, and learning leaves the backbone alone."""
    config, films, model = variant(fine_tuning="frozen"), easy_films(40, 0), network()
    heard: list[int] = []
    features = compute_features(model, films, config, CPU, heard.append)
    assert heard == [16, 32, 40]
    before = copied(model)
    fitted = fit_head(model, features, features, config, CPU)
    assert moved(before, fitted.model) == {"head"}
    whole_N = evaluate(fitted.model, films, config, CPU)
    assert model.head(features.features_ND).squeeze(1).detach().numpy() == pytest.approx(whole_N, abs=1e-5)
    loss = np.mean(np.logaddexp(0, whole_N) - films.labels_N * whole_N)
    assert fitted.epochs[-1].validation_loss == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("recipe", [Recipe.NONE, Recipe.STRONG])
def test_batches_are_the_same_however_many_threads_prepare_them(recipe: Recipe) -> None:
    """Threads change neither order nor variation, and an epoch can be entered at any step."""
    films = easy_films(70, 0)
    alone = list(prepared_batches(films, variant(recipe=recipe), CPU, 3))
    ahead = list(prepared_batches(films, variant(recipe=recipe, workers=3), CPU, 3))
    later = list(prepared_batches(films, variant(recipe=recipe, workers=1), CPU, 3, first_step=2))
    assert len(alone) == len(ahead) == 5
    for (inputs, labels_B, _), (others, other_labels_B, _) in zip(alone, ahead, strict=True):
        assert torch.equal(inputs, others)
        assert torch.equal(labels_B, other_labels_B)
    assert torch.equal(later[0][0], alone[2][0])
    assert len(later) == 3


def test_an_epoch_that_is_left_early_leaves_no_thread_behind() -> None:
    """Leaving the batches in the middle ends the threads that prepared them."""
    batches = prepared_batches(easy_films(70, 0), variant(workers=2), CPU, 0)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("films")]


def test_varied_films_differ_from_epoch_to_epoch() -> None:
    """The same image looks otherwise in the next epoch and under another seed."""
    films, config = easy_films(16, 0), variant(recipe=Recipe.STRONG)
    drawn = [
        next(prepared_batches(films, settings, CPU, epoch))[0].sum().item()
        for settings, epoch in ((config, 0), (config, 1), (config.model_copy(update={"seed": 1}), 0))
    ]
    assert len(set(drawn)) == 3


def test_half_precision_on_a_processor_is_refused_in_words() -> None:
    """fp16 is for GPUs: on a CPU it would take hours, so the run does not begin."""
    with pytest.raises(SettingsError, match="fp16 is for GPUs"):
        begin(network(), easy_films(16, 0), variant(precision="fp16"), CPU)


def test_class_weights_weigh_by_rarity() -> None:
    """Three images against one: the rare class weighs three times as much."""
    films = FilmSet(np.zeros((4, 32, 32), np.uint8), np.arange(4), np.array([1, 1, 1, 0], np.uint8))
    state = begin(network(), films, variant(balancing=Balancing.CLASS_WEIGHTS), CPU)
    assert state.class_weights_2.tolist() == pytest.approx([2.0, 2 / 3])


def test_weights_from_a_file_become_the_backbone(tmp_path: Path) -> None:
    """A network built from a file carries that file's features."""
    source = network()
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    built = build_classifier(
        TINY.architecture, source=WeightsSource.FILE, weights_file=tmp_path / "weights.safetensors"
    )
    assert all(
        torch.equal(tensor, built.features.state_dict()[name]) for name, tensor in source.features.state_dict().items()
    )


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"fine_tuning": "frozen", "recipe": "strong"}, "choose recipe `none`"),
        ({"device": "quantum"}, "no kind of device"),
        ({"weights": "file"}, "give both or neither"),
    ],
)
def test_choices_that_do_not_go_together_are_said_in_words(choices: dict[str, str], words: str) -> None:
    """A config that cannot be trained is refused when it is made."""
    with pytest.raises(ValidationError, match=words):
        variant(**choices)


def test_a_config_of_an_older_version_is_still_read() -> None:
    """A document without the choices that came later takes their defaults."""
    later = {"fine_tuning", "head_epochs", "device", "workers"}
    document = {name: value for name, value in TINY.model_dump(mode="json").items() if name not in later}
    assert TrainingConfig.model_validate(document) == TINY


def test_every_choice_can_be_shown_in_a_form() -> None:
    """Each field says what it means and under which heading it stands."""
    for name, field in TrainingConfig.model_fields.items():
        assert field.description, name
        assert field.json_schema_extra["group"], name


def test_the_presets_are_what_they_are_called() -> None:
    """The quick look is frozen, the original study is ResNet18 with Adam, strong varies strongly."""
    assert PRESETS["quick_look"].config.fine_tuning is FineTuning.FROZEN
    assert PRESETS["original_study"].config.architecture is Architecture.RESNET18
    assert PRESETS["strong"].config.recipe is Recipe.STRONG
