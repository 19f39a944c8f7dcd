"""Which weights of a network learn in which epoch."""

from torch import nn

from core.model.classifier import PneumoniaClassifier
from core.training.config import FineTuning, TrainingConfig


def learn_only_what_may(model: nn.Module, config: TrainingConfig, epoch: int) -> None:
    """Put a network into training mode with the weights that do not learn in this epoch held as they are.

    A held part also keeps the statistics of its batch norms, as if it were in use.
    """
    model.train()
    if not isinstance(model, PneumoniaClassifier):
        return
    is_held = config.fine_tuning is FineTuning.HEAD_FIRST and epoch < config.head_epochs
    for part in (model.features, model.embed):
        part.requires_grad_(not is_held)
        if is_held:
            part.eval()
