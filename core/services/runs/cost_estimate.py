"""What a run would cost, from a short trial before it is launched: time, memory, disk, and a batch size that fits."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass

from core.errors import SettingsError, TrainingError
from core.language import tr
from core.runs.memory_room import free_memory
from core.services.desk import Desk
from core.settings import PROJECT_ROOT
from core.training.config import FineTuning, OptimizerName, TrainingConfig
from core.triage.orientation import MOST_TURNED_FILMS

MOST_SECONDS = 120
MOST_TRIED_FILMS = 16
BYTES_PER_WEIGHT = 4
# Of a run's state the last and the one before are kept, and a third is written before the oldest goes.
NUM_STATES = 3
MOMENTS = {OptimizerName.ADAM: 2, OptimizerName.ADAMW: 2, OptimizerName.SGD: 1}


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
    """Try a config for some seconds in a process of its own and return what a run on so many images would need.

    Raises TrainingError in a sentence when the trial itself fails, as it does when memory is short.
    """
    if config.device == "auto" and desk.settings.device != "auto":
        config = config.model_copy(update={"device": desk.settings.device})
    many = max(8, min(config.batch_size, MOST_TRIED_FILMS))
    trial = _try_out(config, many)
    fixed, per_film = _memory_need(trial)
    free = free_memory(trial["device"])
    return RunEstimate(
        seconds=_seconds(config, trial, num_train, num_judged),
        memory=int(fixed + per_film * config.batch_size),
        memory_free=free,
        disk=trial["num_parameters"] * BYTES_PER_WEIGHT * copies_of_weights(config),
        disk_free=shutil.disk_usage(desk.settings.home).free,
        largest_batch_size=_largest_batch(fixed, per_film, free),
    )


def smaller_batch_that_fits(config: TrainingConfig) -> int | None:
    """Return the largest power of two below a config's batch size whose images would fit into the memory free now.

    None if not even two images would; raises TrainingError in a sentence when the trial itself fails.
    """
    trial = _try_out(config, max(8, min(config.batch_size // 2, MOST_TRIED_FILMS)))
    fitting = _fitting(*_memory_need(trial), free_memory(trial["device"]))
    return max((size for size in fitting if size < config.batch_size), default=None)


def copies_of_weights(config: TrainingConfig) -> int:
    """Return how many times its weights a run keeps on disk at most, its model included."""
    if config.fine_tuning is FineTuning.FROZEN:
        # Its states hold but the head.
        return 1
    weights_and_best = 2
    average = 1 if config.ema_decay else 0
    return NUM_STATES * (weights_and_best + average + MOMENTS[config.optimizer]) + 1


def _memory_need(trial: dict) -> tuple[float, float]:
    """Return the bytes that are needed anyway, and those of each image in a step."""
    per_film = max(0, trial["memory_with_many"] - trial["memory_with_few"]) / (trial["many"] - trial["few"])
    return max(0.0, trial["memory_with_few"] - per_film * trial["few"]), per_film


def _fitting(fixed: float, per_film: float, free: int) -> list[int]:
    """Return the powers of two, from 2 to 1,024, whose images fit beside what is needed anyway."""
    return [size for size in (2**power for power in range(1, 11)) if fixed + per_film * size <= free]


def _largest_batch(fixed: float, per_film: float, free: int) -> int:
    return max(_fitting(fixed, per_film, free), default=2)


def _seconds(config: TrainingConfig, trial: dict, num_train: int, num_judged: int) -> float:
    films = num_train + num_judged
    # At the end every image is read once more, for calibration, threshold and gate, and some are turned for it.
    turned = min(num_train, MOST_TURNED_FILMS) * trial["seconds_per_judged_film"]
    reading = films * trial["seconds_per_judged_film"]
    if config.fine_tuning is FineTuning.FROZEN:
        return 2 * reading + turned
    steps = num_train / config.batch_size
    return (
        config.epochs * (steps * trial["seconds_per_step"] + num_judged * trial["seconds_per_judged_film"])
        + reading
        + turned
    )


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
            tr(
                "The trial took longer than {seconds} s, so the run would take very long here. Choose a smaller "
                "network, smaller images or a smaller batch.",
                seconds=MOST_SECONDS,
            )
        ) from error
    if done.returncode == 0:
        return json.loads(done.stdout)
    said = done.stderr.strip().splitlines()[-1:] or ["it was ended by the system, as happens when memory is short"]
    if "Error:" in said[0]:
        raise SettingsError(tr("The trial failed: {reason} Try a smaller batch size.", reason=said[0]))
    raise TrainingError(tr("The trial failed: {reason}", reason=said[0]))
