"""The rules of the house that a machine can keep."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_floor_imports_only_from_below() -> None:
    """The import rules of the architecture hold for every module."""
    result = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Contracts:" in result.stdout


def test_style() -> None:
    """Ruff finds nothing in any Python file."""
    result = run("-m", "ruff", "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_format() -> None:
    """Every Python file is formatted as ruff formats it."""
    result = run("-m", "ruff", "format", "--no-cache", "--check", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_config_needs_no_torch() -> None:
    """A training config and the command line's help is available without importing torch or streamlit."""
    code = (
        "import sys, core.training.config, core.cli.commands; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'streamlit', 'openvino')))"
    )
    assert run("-c", code).returncode == 0
