"""How busy this machine is: processor, memory, disk and GPUs at one moment."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.runs.nvml import GpuReading, read_gpus


@dataclass(frozen=True)
class HostReading:
    """Processor use as a share of all cores since the last reading; memory and disk in bytes."""

    processor: float
    num_cores: int
    memory_used: int
    memory_total: int
    disk_free: int
    gpus: tuple[GpuReading, ...]


def read_host(folder: Path) -> HostReading:
    """Return a reading of this machine, with the disk on which a folder lies; costs no waiting."""
    memory = psutil.virtual_memory()
    return HostReading(
        processor=psutil.cpu_percent(interval=None) / 100,
        num_cores=psutil.cpu_count() or 1,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
        disk_free=shutil.disk_usage(folder).free,
        gpus=read_gpus(),
    )
