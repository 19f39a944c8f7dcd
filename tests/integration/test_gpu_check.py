"""The check for GPUs in its small form on the processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_check_runs_small_on_the_processor(tmp_path: Path) -> None:
    """Every check ends, and a resumed run has exactly the weights of an uninterrupted one."""
    written = tmp_path / "figures.json"
    command = [sys.executable, "tests/gpu/check.py", "--small", "--device", "cpu", "--json", str(written)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    figures = json.loads(written.read_text())
    assert figures["resume, largest difference of a weight"] == 0
    assert figures["reading, images/s"] > 0
