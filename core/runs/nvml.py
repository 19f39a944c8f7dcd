"""What NVIDIA's driver says of its GPUs: use, memory, temperature; nothing where there is no driver."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pynvml


@dataclass(frozen=True)
class GpuReading:
    """One GPU at one moment: use and memory in shares and bytes, temperature in degrees Celsius.

    What a card does not tell is None.
    """

    index: int
    name: str
    utilisation: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: int | None


def read_gpus() -> tuple[GpuReading, ...]:
    """Return a reading of every GPU; empty where there is no NVIDIA driver or it does not answer."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_read(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()
    finally:
        _close()


def _close() -> None:
    try:
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return


def _read(index: int) -> GpuReading:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    utilisation = _told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    return GpuReading(
        index=index,
        name=_told(lambda: pynvml.nvmlDeviceGetName(handle)) or f"GPU {index}",
        utilisation=utilisation.gpu / 100 if utilisation else None,
        memory_used=int(memory.used) if memory else None,
        memory_total=int(memory.total) if memory else None,
        temperature=_told(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
    )


def _told(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except pynvml.NVMLError:
        # Some cards and drivers leave out single figures; the others are of use without them.
        return None
