"""Which architectures there are and where their weights may come from; needs no torch."""

from enum import StrEnum


class Architecture(StrEnum):
    """The networks that can be trained."""

    RESNET18 = "resnet18"
    RESNET34 = "resnet34"
    DENSENET121 = "densenet121"
    VGG16 = "vgg16"
    VGG16_BN = "vgg16_bn"
    MOBILENET_V2 = "mobilenet_v2"
    EFFICIENTNET_LITE0 = "efficientnet_lite0"


class WeightsSource(StrEnum):
    """Where the first weights of a network come from."""

    AUTO = "auto"
    PACKAGE = "package"
    TORCHVISION = "torchvision"
    FILE = "file"
    RUNS = "runs"
    NONE = "none"


CLASSES = ("normal", "pneumonia")
"""The two labels; a network's one logit is the log-odds of the second."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LITE0_MEAN = (0.5, 0.5, 0.5)
LITE0_STD = (0.5, 0.5, 0.5)


def normalisation(architecture: Architecture) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the channel mean and standard deviation that the architecture's ImageNet weights expect."""
    if architecture is Architecture.EFFICIENTNET_LITE0:
        return LITE0_MEAN, LITE0_STD
    return IMAGENET_MEAN, IMAGENET_STD
