"""Models made ready to analyse images."""

import psutil

from core.services.desk import Desk
from core.services.models.lookup import find_model, resolve_model
from core.services.models.operating_points import point_of_row, stored_point
from core.triage.engine import build_engine, has_gpu
from core.triage.gate import Gate
from core.triage.predictor import Predictor


def load_predictor(desk: Desk, name: str) -> Predictor:
    """Return a model with its engine, gate and stored operating point; raises PneumoDeskError if it is not
    available.
    """
    checkpoint = find_model(desk, name)
    settings = desk.settings
    engine = build_engine(checkpoint, settings.device, usable_cores(), settings.caches)
    gate = Gate.from_arrays(checkpoint.gate) if checkpoint.gate else None
    with desk.transaction() as session:
        point = point_of_row(stored_point(session, resolve_model(desk, name), checkpoint.card))
    return Predictor(checkpoint, engine, gate, point)


def num_threads(desk: Desk) -> int:
    """Return how many threads analyse images: the setting, or one for each core this process may use."""
    return desk.settings.decode_threads or usable_cores()


def usable_cores() -> int:
    """Return how many cores this process may use; not every system lets a process be bound to some."""
    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1


def device_name(desk: Desk) -> str:
    """Return the device that models compute on here, as people call it."""
    device = desk.settings.device
    if device == "auto":
        device = "cuda" if has_gpu() else "cpu"
    return f"CPU, {usable_cores()} cores" if device == "cpu" else device.upper()
