"""The device a run computes on and the one mixed-precision path."""

import torch

from core.errors import SettingsError
from core.language import tr
from core.training.config import Precision


def resolve_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu`, `cuda[:N]` or `mps` stands for here; raises SettingsError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(
            tr("There is no kind of device called {name!r}: use auto, cpu, cuda, cuda:N or mps.", name=name)
        ) from error
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise SettingsError(
            tr("The device {name} was asked for, but this machine has no such GPU. Use auto or cpu.", name=name)
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(tr("The device mps was asked for, but this machine has none. Use auto or cpu."))
    return device


def check_precision(device: torch.device, precision: Precision) -> None:
    """Raise SettingsError for a number format that the device does not compute in at a useful speed."""
    if precision is Precision.FP16 and device.type != "cuda":
        raise SettingsError(
            tr("fp16 is for GPUs, and this run computes on {type}. Choose auto, bf16 or fp32.", type=device.type)
        )


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the context in which forward passes run: as asked for; `auto` is bf16 where natively computed."""
    resolved = resolve_precision(device, precision)
    dtype = torch.float16 if resolved is Precision.FP16 else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=resolved is not Precision.FP32)


def resolve_precision(device: torch.device, precision: Precision) -> Precision:
    """Return the number format that `auto` stands for on a device; any other stands for itself."""
    if precision is not Precision.AUTO:
        return precision
    return Precision.BF16 if computes_bf16(device) else Precision.FP32


def computing_facts(device: torch.device, precision: Precision) -> dict[str, str]:
    """Return what decides the numbers of a run beside its config: device, number format, threads, GPU and libraries."""
    facts = {
        "device": str(device),
        "precision": resolve_precision(device, precision).value,
        "threads": str(torch.get_num_threads()),
    }
    if device.type == "cuda":
        facts["GPU"] = torch.cuda.get_device_name(device)
        facts["CUDA"] = str(torch.version.cuda)
        facts["cuDNN"] = str(torch.backends.cudnn.version())
    return facts


def computes_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
