"""What a run would cost, from a short trial before it is launched: time, memory, disk, and a batch size that fits."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass

import psutil

from core.errors import SettingsError, TrainingError
from core.runs.nvml import read_gpus
from core.services.desk import Desk
from core.settings import PROJECT_ROOT
from core.training.config import FineTuning, TrainingConfig

MOST_SECONDS = 120
MOST_TRIED_FILMS = 16
USABLE_SHARE = 0.8
BYTES_PER_WEIGHT = 4
# Best and last, each with the weights, their average and an optimiser's two moments; and the kept model.
COPIES_OF_WEIGHTS = 2 * 4 + 1


@dataclass(frozen=True)
class RunEstimate:
    """What a run is expected to need: seconds and bytes; and what there is of memory and disk now."""

    seconds: float
    memory: int
    memory_free: int
    disk: int
    disk_free: int
    largest_batch_size: int

    @property
    def fits_in_memory(self) -> bool:
        """Whether the batch size leaves the memory some room."""
        return self.memory <= self.memory_free

    @property
    def fits_on_disk(self) -> bool:
        """Whether the checkpoints find room."""
        return self.disk <= self.disk_free


def estimate_run(desk: Desk, config: TrainingConfig, num_train: int, num_judged: int) -> RunEstimate:
    """Try a config for some seconds in a process of its own and return what a run on so many films would need.

    Raises TrainingError in a sentence when the trial itself fails, as it does when memory is short.
    """
    if config.device == "auto" and desk.settings.device != "auto":
        config = config.model_copy(update={"device": desk.settings.device})
    many = max(8, min(config.batch_size, MOST_TRIED_FILMS))
    trial = _try_out(config, many)
    per_film = max(0, trial["memory_with_many"] - trial["memory_with_few"]) / (trial["many"] - trial["few"])
    fixed = max(0.0, trial["memory_with_few"] - per_film * trial["few"])
    free = free_memory(trial["device"])
    return RunEstimate(
        seconds=_seconds(config, trial, num_train, num_judged),
        memory=int(fixed + per_film * config.batch_size),
        memory_free=free,
        disk=trial["num_parameters"] * BYTES_PER_WEIGHT * COPIES_OF_WEIGHTS,
        disk_free=shutil.disk_usage(desk.settings.home).free,
        largest_batch_size=_largest_batch(fixed, per_film, free),
    )


def free_memory(device: str) -> int:
    """Return the bytes a run may take on a kind of device: of the GPU with most room, else of this machine."""
    gpus = [gpu for gpu in read_gpus() if gpu.memory_total is not None and gpu.memory_used is not None]
    if device == "cuda" and gpus:
        return int(max(gpu.memory_total - gpu.memory_used for gpu in gpus) * USABLE_SHARE)
    return int(psutil.virtual_memory().available * USABLE_SHARE)


def _largest_batch(fixed: float, per_film: float, free: int) -> int:
    """Return the largest power of two, from 2 to 1,024, whose films fit beside what is needed anyway."""
    fitting = [size for size in (2**power for power in range(1, 11)) if fixed + per_film * size <= free]
    return fitting[-1] if fitting else 2


def _seconds(config: TrainingConfig, trial: dict, num_train: int, num_judged: int) -> float:
    films = num_train + num_judged
    # At the end every film is read once more, for calibration, threshold and gate.
    reading = films * trial["seconds_per_judged_film"]
    if config.fine_tuning is FineTuning.FROZEN:
        return 2 * reading
    steps = num_train / config.batch_size
    return config.epochs * (steps * trial["seconds_per_step"] + num_judged * trial["seconds_per_judged_film"]) + reading


def _try_out(config: TrainingConfig, many: int) -> dict:
    asked = json.dumps({"config": config.model_dump(mode="json"), "many": many})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "core.training.probe"],
            input=asked,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(
            f"The trial took longer than {MOST_SECONDS} s, so the run would take very long here. "
            "Choose a smaller network, smaller films or a smaller batch."
        ) from error
    if done.returncode == 0:
        return json.loads(done.stdout)
    said = done.stderr.strip().splitlines()[-1:] or ["it was ended by the system, as happens when memory is short"]
    if "Error:" in said[0]:
        raise SettingsError(f"The trial failed: {said[0]} Try a smaller batch size.")
    raise TrainingError(f"The trial failed: {said[0]}")
