"""The machine is read as it is, and GPUs through the driver's own calls."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.runs.host_meter import read_host

ROOT = Path(__file__).resolve().parents[3]
READ = (
    "import json; from dataclasses import asdict; from core.runs.nvml import read_gpus; "
    "print(json.dumps([asdict(gpu) for gpu in read_gpus()]))"
)


def gpus_with(library_folder: Path) -> list[dict[str, object]]:
    """What a process reads whose driver's library is looked for in a folder first."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library_folder)}
    done = subprocess.run([sys.executable, "-c", READ], cwd=ROOT, env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A folder with a library that exports the driver's calls."""
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("The stand-in for NVIDIA's library is compiled with gcc on Linux, which is not here.")
    source = Path(__file__).with_name("stand_in_nvml.c")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return tmp_path


def test_gpus_are_read_through_the_drivers_calls(driver: Path) -> None:
    """Both cards are there with their figures; a figure that a card does not tell is none, the others stay."""
    assert gpus_with(driver) == [
        {
            "index": 0,
            "name": "Stand-in A",
            "utilisation": 0.75,
            "memory_used": 3 * 2**30,
            "memory_total": 8 * 2**30,
            "temperature": 61,
        },
        {
            "index": 1,
            "name": "Stand-in B",
            "utilisation": 0.0,
            "memory_used": 2**30,
            "memory_total": 8 * 2**30,
            "temperature": None,
        },
    ]


def test_a_driver_that_is_damaged_means_no_gpus(tmp_path: Path) -> None:
    """A file that is no library is as good as none."""
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    assert gpus_with(tmp_path) == []


def test_processor_memory_and_disk_are_always_read(tmp_path: Path) -> None:
    """Shares lie between 0 and 1 and sizes are the machine's own."""
    reading = read_host(tmp_path)
    assert 0 <= reading.processor <= 1
    assert 0 < reading.memory_used < reading.memory_total == psutil.virtual_memory().total
    assert reading.disk_free > 0
    assert reading.num_cores == psutil.cpu_count()
