"""A network of a few hundred weights with all that training moves: convolution, batch norm, dropout, head."""

from torch import nn


def tiny_network(dropout: float = 0.0) -> nn.Module:
    """Return a network that takes grey images of any size and gives one logit for each."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(1),
        nn.Dropout(dropout),
        nn.Linear(64, 1),
        nn.Flatten(0),
    )
