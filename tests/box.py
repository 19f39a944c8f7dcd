"""The network of the bundled model: of an ensemble, the member that keeps the door."""

from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble, load_model
from core.services.models.lookup import STARTER_FOLDER


def network_in_the_box() -> Checkpoint:
    """Return one network of the bundled model, whole and as it reads by itself."""
    model = load_model(STARTER_FOLDER)
    return model.members[model.recipe.gate_member] if isinstance(model, Ensemble) else model
