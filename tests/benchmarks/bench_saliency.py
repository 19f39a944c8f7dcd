"""What it costs to have and to draw AI heatmap, for a whole batch, on top of prediction alone.

The maps come out of the same forward pass; drawn over each image they cost the encoding alone. Every round measures
prediction, and prediction with drawing, one after the other; the median of the rounds' ratios counts.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from films import data_folder, line

from core.services.desk import open_desk
from core.services.models.loading import load_predictor, num_threads
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.settings import AppSettings
from core.triage.heatmap import Heatmap
from db import models as tables

ROUNDS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = open_desk(AppSettings(home=Path(folder) / "home"))
        predictor = load_predictor(desk, "starter")
        request = TriageRequest(paths=(data_folder() / "originals",), again=True)
        run_triage(desk, request, predictor=predictor)
        drawn, layered = [], []
        for number in range(ROUNDS):
            began = perf_counter()
            result = run_triage(desk, request, predictor=predictor)
            alone = perf_counter() - began
            began = perf_counter()
            overlays = request.model_copy(update={"saliency_folder": Path(folder) / f"maps{number}"})
            run_triage(desk, overlays, predictor=predictor)
            drawn.append((perf_counter() - began) / alone - 1)
            with desk.reading() as session:
                maps = session.query(tables.Reading.activation_map).filter_by(batch_id=result.batch_id).all()
            began = perf_counter()
            # By as many threads as predict.
            with ThreadPoolExecutor(num_threads(desk)) as pool:
                list(pool.map(Heatmap.png, [heatmap for (cells,) in maps if (heatmap := Heatmap.kept(cells))]))
            layered.append((perf_counter() - began) / alone)
            line("prediction, whole batch", alone, "s")
        line("heatmap layers for the viewer, on top", median(layered), "of 1", "at most 0.30")
        line("images written with the AI heatmap, on top", median(drawn), "of 1", "at most 0.30")


if __name__ == "__main__":
    main()
