"""What reading with a model costs on this machine, measured once for each checkpoint."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from core.model.checkpoint import write_atomically
from core.services.desk import Desk
from core.services.desk.isolated_process import run_apart
from core.services.models.lookup import model_card

COST_FORMAT = 1


@dataclass(frozen=True)
class ModelCost:
    """The network alone, images decoded already; a multiplication and an addition count as two operations."""

    films_per_second: float
    peak_megabytes: float
    weight_megabytes: float
    num_parameters: int
    gigaflops: float
    engine: str


def measure_cost(desk: Desk, model: str) -> ModelCost:
    """Return a model's cost, timed on random images in a process of its own if it was not before.

    Raises EvaluationError if it cannot be timed, InputNotFoundError if there is no such model.
    """
    known = known_cost(desk, model_card(desk, model).weights_hash)
    if known is not None:
        return known
    said = run_apart(desk, "core.services.workers.inference_cost", model)
    cost = ModelCost(**json.loads(said.strip().splitlines()[-1]))
    keep_cost(desk, model_card(desk, model).weights_hash, cost)
    return cost


def known_cost(desk: Desk, checkpoint_hash: str) -> ModelCost | None:
    """Return a cost that was measured on this machine before, None if there is none."""
    try:
        return ModelCost(**json.loads(_file(desk, checkpoint_hash).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep_cost(desk: Desk, checkpoint_hash: str, cost: ModelCost) -> None:
    """Keep a measured cost for this checkpoint on this machine."""
    path = _file(desk, checkpoint_hash)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(cost)).encode())


def _file(desk: Desk, checkpoint_hash: str) -> Path:
    machine = "\t".join(
        (platform.node(), platform.machine(), platform.processor(), str(psutil.cpu_count()), desk.settings.device)
    )
    key = hashlib.sha256(machine.encode()).hexdigest()[:12]
    return desk.settings.caches / "costs" / f"{checkpoint_hash[:32]}-{key}-{COST_FORMAT}.json"
