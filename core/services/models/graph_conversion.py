"""Convert a model's graph in a process of its own."""

import os
import subprocess
import sys

from core.errors import CheckpointError
from core.services.desk import Desk
from core.services.models.lookup import find_model
from core.settings import PROJECT_ROOT
from core.triage.engine import needs_conversion

PATIENCE_SECONDS = 600


def convert_apart(desk: Desk, model: str) -> None:
    """Convert a model in a process of its own if it has not been; raises CheckpointError if that fails."""
    if not needs_conversion(find_model(desk, model), desk.settings.device, desk.settings.caches):
        return
    settings = {f"PNEUMODESK_{name.upper()}": str(value) for name, value in desk.settings.model_dump().items()}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__, model],
            cwd=PROJECT_ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckpointError(
            f"The model {model} could not be made ready within {PATIENCE_SECONDS // 60} minutes."
        ) from error
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()[-1:] or ["its process ended without a word"]
        raise CheckpointError(f"The model {model} could not be made ready: {said[0]}")
