"""Checkpoints come back as they were saved, or not at all."""

import os
import pickle

import numpy as np
import pytest
import torch
import torchvision

from core.errors import CheckpointError
from core.model.card import ModelCard
from core.model.catalogue import Architecture
from core.model.checkpoint import CARD_FILE, GATE_FILE, WEIGHTS_FILE, load_checkpoint, save_checkpoint
from core.model.classifier import PneumoniaClassifier
from core.model.loading import classifier_from, default_preprocessing, import_original_study, weights_of


def card(architecture: Architecture = Architecture.MOBILENET_V2) -> ModelCard:
    return ModelCard(name="test", architecture=architecture, preprocessing=default_preprocessing(architecture))


def test_a_saved_network_gives_the_same_logits(tmp_path) -> None:
    """Saving and loading a network leaves every logit exactly as it was."""
    model = PneumoniaClassifier(Architecture.MOBILENET_V2).eval()
    save_checkpoint(tmp_path, weights_of(model), card(), {"mean": np.arange(3.0)})
    loaded = load_checkpoint(tmp_path)
    images_B1HW = torch.rand(3, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(classifier_from(loaded)(images_B1HW), model(images_B1HW))
    assert np.array_equal(loaded.gate["mean"], np.arange(3.0))
    assert loaded.hash == loaded.card.weights_hash != ""


@pytest.mark.parametrize("name", [WEIGHTS_FILE, GATE_FILE])
def test_a_changed_byte_is_noticed(name: str, tmp_path) -> None:
    """One changed byte in a checkpoint's tensors is refused, with the file's name."""
    save_checkpoint(tmp_path, {"a": np.zeros(4, np.float32)}, card(), {"mean": np.zeros(4)})
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, CARD_FILE])
def test_a_missing_file_is_a_sentence(name: str, tmp_path) -> None:
    """A checkpoint without its weights or its card says which is missing."""
    save_checkpoint(tmp_path, {"a": np.zeros(4, np.float32)}, card())
    (tmp_path / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"format": 1}', '{"name": "x", "unknown": 1}'])
def test_a_broken_card_is_a_sentence(content: str, tmp_path) -> None:
    """A card that is cut short or lacks fields is refused without a trace."""
    save_checkpoint(tmp_path, {"a": np.zeros(4, np.float32)}, card())
    (tmp_path / CARD_FILE).write_text(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path)


def test_weights_of_another_architecture_do_not_load(tmp_path) -> None:
    """A card that names another architecture than the weights have is refused."""
    model = PneumoniaClassifier(Architecture.MOBILENET_V2)
    save_checkpoint(tmp_path, weights_of(model), card(Architecture.RESNET18))
    with pytest.raises(CheckpointError, match="do not fit resnet18"):
        classifier_from(load_checkpoint(tmp_path))


@pytest.fixture
def original_network() -> torch.nn.Module:
    """The original study's network: ResNet18 whose `fc` is dropout and a linear layer of two classes."""
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
    return network.eval()


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_original_study_keeps_its_probabilities(original_network, wrapped: bool, tmp_path) -> None:
    """The imported network's sigmoid equals the second softmax probability of the original's two logits."""
    path = tmp_path / "pneumonia_model.pth"
    state = original_network.state_dict()
    torch.save({"model_state_dict": state, "epoch": 10} if wrapped else state, path)
    model = classifier_from(import_original_study(path, tmp_path / "imported"))
    grey_B1HW = torch.rand(4, 1, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = original_network((grey_B1HW - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)).softmax(1)[:, 1]
        assert torch.allclose(model(grey_B1HW).sigmoid(), expected, atol=1e-6)


class _Hostile:
    """Its unpickling would leave a file behind."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)


def test_a_hostile_pickle_is_refused_and_never_run(tmp_path) -> None:
    """A pickle that would run code is refused, and its code has not run."""
    target = tmp_path / "was-run"
    path = tmp_path / "pneumonia_model.pth"
    path.write_bytes(pickle.dumps({"fc.1.weight": _Hostile(str(target))}))
    with pytest.raises(CheckpointError, match="nothing in it was run"):
        import_original_study(path, tmp_path / "imported")
    torch.save({"fc.1.weight": _Hostile(str(target))}, path)
    with pytest.raises(CheckpointError, match="nothing in it was run"):
        import_original_study(path, tmp_path / "imported")
    assert not target.exists()


def test_another_network_is_no_original_study(tmp_path) -> None:
    """A ResNet18 with ImageNet's 1,000 classes is not taken for the original study's model."""
    path = tmp_path / "resnet.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(CheckpointError, match="512 to 2"):
        import_original_study(path, tmp_path / "imported")
