"""The devices of this machine by name, listed without loading torch, and which of them a queued run gets.

A run asks for `cpu`, `mps`, any GPU (`cuda`) or one of them (`cuda:1`); what it gets is named alike, several GPUs as
`cuda:0,2`.
"""

import os
from collections.abc import Sequence

from core.runs.nvml import read_gpus

ANY_GPU = "cuda"


def list_devices() -> tuple[str, ...]:
    """Return the processor and every GPU that processes begun here would see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    # What is visible is numbered again from 0.
    num_gpus = len(read_gpus()) if visible is None else len([part for part in visible.split(",") if part.strip()])
    return ("cpu", *(f"{ANY_GPU}:{index}" for index in range(num_gpus)))


def parts_of(place: str) -> tuple[str, ...]:
    """Return the single devices of a place: of `cuda:0,2` these are `cuda:0` and `cuda:2`."""
    kind, _, indices = place.partition(":")
    return tuple(f"{kind}:{index}" for index in indices.split(",")) if indices else (place,)


def place_for(asked: str, num_devices: int, devices: Sequence[str], busy: set[str]) -> str | None:
    """Return where a run may begin now, or None while too few of the devices that it asks for are free.

    Where a machine has fewer than it asks for it gets all: its worker says in words that they are too few.
    """
    if asked != ANY_GPU:
        return asked if busy.isdisjoint(parts_of(asked)) else None
    gpus = [name for name in devices if name.startswith(f"{ANY_GPU}:")] or [f"{ANY_GPU}:0"]
    free = [name for name in gpus if name not in busy]
    num_wanted = min(num_devices, len(gpus))
    if len(free) < num_wanted:
        return None
    return f"{ANY_GPU}:" + ",".join(name.partition(":")[2] for name in free[:num_wanted])
