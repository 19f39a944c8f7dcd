"""The one network class: grey image in; log-odds of pneumonia, embedding and activation map out.

Shapes: B images, C channels, H and W pixels, D embedding size, h and w cells of the last feature map.
"""

from collections import OrderedDict
from typing import NamedTuple, cast

import timm
import torch
import torchvision
from torch import Tensor, nn

from core.model.catalogue import Architecture, normalisation


class ClassifierOutput(NamedTuple):
    """What one forward pass gives."""

    logits_B: Tensor
    embeddings_BD: Tensor
    features_BChw: Tensor


class PneumoniaClassifier(nn.Module):
    """A backbone, a pooling step and a head of dropout plus linear, with normalisation built in.

    Input: grey images `images_B1HW`, float in [0, 1]. The single logit equals the difference of the two
    logits of a two-class softmax head, so `sigmoid(logit)` is that head's probability of pneumonia.
    """

    mean_1C11: Tensor
    std_1C11: Tensor

    def __init__(self, architecture: Architecture, dropout: float = 0.5) -> None:
        super().__init__()
        self.architecture = Architecture(architecture)
        self.features, self.embed, self.embedding_size = _BUILDERS[self.architecture]()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.embedding_size, 1))
        mean, std = normalisation(self.architecture)
        self.register_buffer("mean_1C11", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std_1C11", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def has_linear_map(self) -> bool:
        """Whether the head is linear in the pooled features, so that the activation map needs no gradient."""
        return self.architecture not in {Architecture.VGG16, Architecture.VGG16_BN}

    def parts(self, images_B1HW: Tensor) -> ClassifierOutput:
        """Return logits, embeddings and the last feature map of one forward pass."""
        features_BChw = self.features((images_B1HW - self.mean_1C11) / self.std_1C11)
        embeddings_BD = self.embed(features_BChw)
        return ClassifierOutput(self.head(embeddings_BD).squeeze(1), embeddings_BD, features_BChw)

    def forward(self, images_B1HW: Tensor) -> Tensor:
        """Return `logits_B`, the log-odds of pneumonia."""
        return self.parts(images_B1HW).logits_B


def _average_pool() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))


def _resnet(builder: str) -> tuple[nn.Module, nn.Module, int]:
    network = getattr(torchvision.models, builder)(weights=None)
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    features = nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))
    return features, _average_pool(), network.fc.in_features


def _densenet121() -> tuple[nn.Module, nn.Module, int]:
    network = torchvision.models.densenet121(weights=None)
    features = network.features
    features.add_module("relu", nn.ReLU(inplace=True))
    return features, _average_pool(), network.classifier.in_features


def _vgg(builder: str) -> tuple[nn.Module, nn.Module, int]:
    network = getattr(torchvision.models, builder)(weights=None)
    *hidden, last = network.classifier
    # The last hidden dropout is the head's own.
    embed = nn.Sequential(network.avgpool, nn.Flatten(1), *hidden[:-1])
    return network.features, embed, last.in_features


def _mobilenet_v2() -> tuple[nn.Module, nn.Module, int]:
    network = torchvision.models.mobilenet_v2(weights=None)
    return network.features, _average_pool(), network.last_channel


def _efficientnet_lite0() -> tuple[nn.Module, nn.Module, int]:
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    names = ("conv_stem", "bn1", "blocks", "conv_head", "bn2")
    features = nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))
    return features, _average_pool(), cast("int", network.num_features)


_BUILDERS = {
    Architecture.RESNET18: lambda: _resnet("resnet18"),
    Architecture.RESNET34: lambda: _resnet("resnet34"),
    Architecture.DENSENET121: _densenet121,
    Architecture.VGG16: lambda: _vgg("vgg16"),
    Architecture.VGG16_BN: lambda: _vgg("vgg16_bn"),
    Architecture.MOBILENET_V2: _mobilenet_v2,
    Architecture.EFFICIENTNET_LITE0: _efficientnet_lite0,
}
