"""DICOM against JPEG: triage of the same native images in both forms (must reach 0.7), and a study's PDF (under 1
s).
"""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from films import data_folder, line
from PIL import Image
from sqlalchemy import select

from core.services.desk import Desk, open_desk
from core.services.models.loading import load_predictor
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.services.worklist.reports import ExportFormat, export_batch, export_study
from core.settings import AppSettings
from db import models as tables
from tests.dicom_files import dicom_of

ROUNDS = 5


def write_twins(films: list[Path], folder: Path) -> None:
    """Uncompressed twins: of 8 bits, and of 12 bits with a window."""
    for name in ("8 bits", "12 bits"):
        (folder / name).mkdir()
    for path in films:
        grey_HW = np.asarray(Image.open(path).convert("L"))
        (folder / "8 bits" / path.stem).write_bytes(dicom_of(grey_HW))
        wide_HW = grey_HW.astype(np.uint16) * 16
        window = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2040, "WindowWidth": 4080}
        (folder / "12 bits" / path.stem).write_bytes(dicom_of(wide_HW, **window))


def probabilities(desk: Desk, batch_id: str) -> dict[str, float]:
    reading = tables.Reading
    with desk.reading() as session:
        rows = session.execute(select(reading.file, reading.probability).where(reading.batch_id == batch_id))
        return {Path(file).name.removesuffix(".jpeg"): probability for file, probability in rows}


def main() -> None:
    originals = data_folder() / "originals"
    films = sorted(originals.rglob("*.jpeg"))
    with tempfile.TemporaryDirectory() as scratch:
        home, twins = Path(scratch) / "home", Path(scratch) / "twins"
        twins.mkdir()
        write_twins(films, twins)
        desk = open_desk(AppSettings(home=home))
        predictor = load_predictor(desk, "starter")
        speeds: dict[str, list[float]] = {}
        found: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for name, folder in {"JPEG": originals, "8 bits": twins / "8 bits", "12 bits": twins / "12 bits"}.items():
                began = perf_counter()
                batch = run_triage(desk, TriageRequest(paths=(folder,), again=True), predictor=predictor)
                speeds.setdefault(name, []).append(len(films) / (perf_counter() - began))
                found[name] = probabilities(desk, batch.batch_id)
        for name, rates in speeds.items():
            line(f"triage, {name}", float(np.median(rates)), "images/s")
        for name in ("8 bits", "12 bits"):
            ratios = np.array(speeds[name]) / np.array(speeds["JPEG"])
            line(f"DICOM of {name} / JPEG", float(np.median(ratios)), "of 1", f"{ratios.min():.2f}; must be 0.7")
            both = [(value, found[name][file]) for file, value in found["JPEG"].items()]
            apart = [abs(one - other) for one, other in both if one is not None and other is not None]
            line(f"largest difference of a probability, {name}", max(apart), "", f"{len(apart)} images")
        measure_pages(desk, batch.batch_id)


def measure_pages(desk: Desk, batch_id: str) -> None:
    with desk.reading() as session:
        read = tables.Reading.probability.is_not(None)
        query = select(tables.Reading.id).where(tables.Reading.batch_id == batch_id, read)
        ids = list(session.scalars(query.limit(10)))
    seconds = []
    for reading_id in ids:
        began = perf_counter()
        export_study(desk, reading_id, ExportFormat.PDF)
        seconds.append(perf_counter() - began)
    line("a study's PDF, median of 10", float(np.median(seconds)), "s", f"slowest {max(seconds):.2f}; must be under 1")
    began = perf_counter()
    export_batch(desk, batch_id, ExportFormat.PDF)
    line("a batch's PDF", perf_counter() - began, "s")


if __name__ == "__main__":
    main()
