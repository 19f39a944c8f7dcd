"""From a checkpoint to a network and back, and the import of the original study's file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.errors import CheckpointError
from core.language import tr
from core.model.card import ModelCard, Preprocessing
from core.model.catalogue import Architecture, normalisation
from core.model.checkpoint import Checkpoint, save_checkpoint
from core.model.classifier import PneumoniaClassifier
from core.model.pretrained import DAMAGED_FILE_ERRORS


def weights_of(model: PneumoniaClassifier) -> dict[str, np.ndarray]:
    """Return the network's tensors as arrays, ready to be saved."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}


def classifier_from(checkpoint: Checkpoint) -> PneumoniaClassifier:
    """Return the network of a checkpoint in evaluation mode; raises CheckpointError if the tensors do not fit."""
    model = PneumoniaClassifier(checkpoint.card.architecture, checkpoint.card.dropout)
    load_weights(model, checkpoint.weights, f"the checkpoint {checkpoint.card.name}")
    return model.eval()


def load_weights(model: PneumoniaClassifier, weights: Mapping[str, np.ndarray], whose: str = "the checkpoint") -> None:
    """Fill a network, head and all, from a checkpoint's arrays; raises CheckpointError if they do not fit."""
    _load(model, {name: torch.from_numpy(array.copy()) for name, array in weights.items()}, whose)


def default_preprocessing(architecture: Architecture, image_size: int = 224) -> Preprocessing:
    """Return the preprocessing that goes with an architecture."""
    mean, std = normalisation(architecture)
    return Preprocessing(image_size=image_size, mean=mean, std=std)


def import_original_study(path: Path, folder: Path, name: str = "original-study") -> Checkpoint:
    """Convert the original study's `pneumonia_model.pth` (ResNet18, `fc` = dropout + linear 512→2) to a checkpoint.

    The two logits become their difference, which leaves every probability as it was. The file is read
    with `weights_only=True`; raises CheckpointError if it is anything else than such a state dict.
    """
    stored = _read_state_dict(path)
    weight_2D, bias_2 = _original_head(stored, path)
    tensors = {f"features.{key}": value for key, value in stored.items() if not key.startswith("fc.")} | {
        "head.1.weight": (weight_2D[1] - weight_2D[0])[None],
        "head.1.bias": (bias_2[1] - bias_2[0])[None],
    }
    model = PneumoniaClassifier(Architecture.RESNET18)
    _load(model, tensors, str(path))
    card = ModelCard(
        name=name,
        architecture=Architecture.RESNET18,
        preprocessing=default_preprocessing(Architecture.RESNET18),
        origin=f"imported from {path.name}",
    )
    return save_checkpoint(folder, weights_of(model), card)


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(tr("There is no file {path}.", path=path)) from error
    except DAMAGED_FILE_ERRORS as error:
        raise CheckpointError(
            tr(
                "{path} cannot be read safely as a state dict ({name}); nothing in it was run.",
                path=path,
                name=type(error).__name__,
            )
        ) from error
    if isinstance(stored, dict) and isinstance(stored.get("model_state_dict"), dict):
        stored = stored["model_state_dict"]
    if not isinstance(stored, dict) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise CheckpointError(tr("{path} holds no plain state dict.", path=path))
    return {key.removeprefix("module."): value for key, value in stored.items()}


def _original_head(stored: dict[str, Tensor], path: Path) -> tuple[Tensor, Tensor]:
    for prefix in ("fc.1", "fc"):
        weight, bias = stored.get(f"{prefix}.weight"), stored.get(f"{prefix}.bias")
        if weight is not None and bias is not None and tuple(weight.shape) == (2, 512):
            return weight, bias
    raise CheckpointError(
        tr("{path} is not the original study's ResNet18: it has no `fc` layer of 512 to 2.", path=path)
    )


def _load(model: PneumoniaClassifier, tensors: dict[str, Tensor], what: str) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CheckpointError(
            tr(
                "The weights of {source} do not fit {architecture}: {reason}",
                source=what,
                architecture=model.architecture,
                reason=reason[:200],
            )
        ) from error
