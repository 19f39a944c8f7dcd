"""How much memory a run may take: of a GPU, of this machine, or of the container that this process lives in."""

from pathlib import Path

import psutil

from core.runs.nvml import read_gpus

USABLE_SHARE = 0.8
# The limit and the use of a container's memory, in both generations of Linux control groups.
CONTAINER_FILES = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def free_memory(device: str) -> int:
    """Return the bytes a run may take on a kind of device: of the GPU with most room, else of this machine."""
    free = [
        gpu.memory_total - gpu.memory_used
        for gpu in read_gpus()
        if gpu.memory_total is not None and gpu.memory_used is not None
    ]
    if device == "cuda" and free:
        return int(max(free) * USABLE_SHARE)
    rooms = [psutil.virtual_memory().available, *container_rooms()]
    return int(min(rooms) * USABLE_SHARE)


def container_rooms() -> list[int]:
    """Return the bytes that are left below each limit set on this process's container; empty where there is none."""
    rooms = []
    for limit_file, use_file in CONTAINER_FILES:
        try:
            limit, use = int(limit_file.read_text()), int(use_file.read_text())
        except (OSError, ValueError):
            # No such file, or the word `max`: there is no limit.
            continue
        rooms.append(max(0, limit - use))
    return rooms
