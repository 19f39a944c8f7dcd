"""Convert a model's graph in a process of its own."""

from core.errors import CheckpointError, EvaluationError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.isolated_process import run_apart
from core.services.models.lookup import find_model
from core.triage.engine import needs_conversion

WORKER = "core.services.workers.graph_conversion"
PATIENCE_MINUTES = 10


def convert_apart(desk: Desk, model: str) -> None:
    """Convert a model in a process of its own if it has not been; raises CheckpointError if that fails."""
    if not needs_conversion(find_model(desk, model), desk.settings.device, desk.settings.caches):
        return
    try:
        run_apart(desk, WORKER, model, minutes=PATIENCE_MINUTES)
    except EvaluationError as error:
        raise CheckpointError(
            tr("The model {model} could not be made ready: {error}", model=model, error=error)
        ) from error
