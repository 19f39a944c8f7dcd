"""Time a model: `python -m core.services.workers.inference_cost MODEL`.

It is a process that ends, so that its memory is its own.

Shapes: B images of a batch, S of the square's side.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil

from core.errors import PneumoDeskError
from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble
from core.services.desk import open_desk
from core.services.models.graph_conversion import convert_apart
from core.services.models.loading import load_predictor
from core.triage.pipeline import BATCH_SIZE

LEAST_SECONDS = 3.0
BATCHES_AT_ONCE = 8


def main() -> None:
    """Print what a model costs as one line of JSON."""
    try:
        sys.stdout.write(json.dumps(measure(sys.argv[1])) + "\n")
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def measure(model: str) -> dict[str, float | str]:
    """Return what the network alone costs on random images, handed over in batches as in triage."""
    desk = open_desk()
    # Converting a model takes more memory than reading with it ever does.
    convert_apart(desk, model)
    predictor = load_predictor(desk, model)
    side = predictor.image_size
    images_B1SS = np.random.default_rng(0).random((BATCH_SIZE, 1, side, side), dtype=np.float32)

    def read() -> None:
        for _ in range(BATCHES_AT_ONCE):
            predictor.engine.submit(images_B1SS, lambda output: None)
        predictor.engine.finish()

    read()
    num_rounds, began = 0, perf_counter()
    while (seconds := perf_counter() - began) < LEAST_SECONDS:
        read()
        num_rounds += 1
    cost = {
        "films_per_second": num_rounds * BATCHES_AT_ONCE * BATCH_SIZE / seconds,
        "peak_megabytes": _peak_bytes() / 1e6,
        "weight_megabytes": _num_weight_bytes(predictor.checkpoint.folder) / 1e6,
        "engine": predictor.engine.name,
    }
    # Last, since the peak of reading must not hold what only counting needs.
    return cost | network_size(predictor.checkpoint)


def network_size(model: Checkpoint | Ensemble) -> dict[str, float]:
    """Return parameters and floating-point operations for one image, those of all members for an ensemble."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from core.model.classifier import PneumoniaClassifier

    num_parameters = operations = 0
    for member in model.members if isinstance(model, Ensemble) else (model,):
        side = member.card.preprocessing.image_size
        with torch.device("meta"):
            network = PneumoniaClassifier(member.card.architecture).eval()
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                network(torch.zeros(1, 1, side, side))
        num_parameters += sum(tensor.numel() for tensor in network.parameters())
        operations += counter.get_total_flops()
    return {"num_parameters": num_parameters, "gigaflops": operations / 1e9}


def _num_weight_bytes(folder: Path | None) -> int:
    return sum(path.stat().st_size for path in folder.rglob("weights.safetensors")) if folder else 0


def _peak_bytes() -> int:
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):
        return memory.peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
