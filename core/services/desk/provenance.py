"""What a result was made with: code, packages, machine."""

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import psutil

from core.settings import PROJECT_ROOT

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn", "openvino")


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the commit of the code, with `-changed` if files differ from it, or `unknown` outside a checkout."""
    described = _git("describe", "--always", "--dirty=-changed", "--abbrev=12")
    return described or "unknown"


def environment() -> dict[str, Any]:
    """Return code version, Python and package versions, processor and memory."""
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "num_cores": psutil.cpu_count(logical=True),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
