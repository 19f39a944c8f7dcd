"""Work that a server has done in a process which ends, so that what only the work needs is not held for months."""

import os
import subprocess
import sys

from core.errors import EvaluationError
from core.language import tr
from core.services.desk.opening import Desk
from core.settings import PROJECT_ROOT


def run_apart(desk: Desk, module: str, subject: str, *, minutes: int = 60) -> str:
    """Return what a module of ours wrote when run on a subject; raises EvaluationError with its last words."""
    settings = {f"PNEUMODESK_{name.upper()}": str(value) for name, value in desk.settings.model_dump().items()}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", module, subject],
            cwd=PROJECT_ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=60 * minutes,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EvaluationError(
            tr("The work on {subject} did not end within {minutes} minutes.", subject=subject, minutes=minutes)
        ) from error
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()[-1:] or ["its process exited unexpectedly"]
        raise EvaluationError(tr("The work on {subject} failed: {reason}", subject=subject, reason=said[0]))
    return ended.stdout
