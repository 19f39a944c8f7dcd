"""`python -m core.services.graph_worker MODEL`: converts a model for the fast engine, in a process that ends.

A server that serves for months should not hold what only the conversion needs.
"""

import os
import subprocess
import sys

from core.errors import CheckpointError, PneumoDeskError
from core.services.desk import Desk, open_desk
from core.services.models import find_model
from core.services.predictors import load_predictor
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


def main() -> None:
    """Make the engine once, which leaves the converted graph in the cache."""
    try:
        load_predictor(open_desk(), sys.argv[1])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
