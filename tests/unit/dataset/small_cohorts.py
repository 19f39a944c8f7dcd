"""Small datasets, drawn and named for the tests."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.dataset.layout import list_films
from core.dataset.manifest import Cohort, fingerprint_of, index_listing, manifest_frame


def index_cohort(root: Path, **choices: Any) -> Cohort:
    """Return the dataset of a folder, indexed in this process and kept nowhere."""
    root = root.resolve()
    return index_listing(root, list_films(root), **choices)


def write_film(path: Path, seed: int, side: int = 24) -> Path:
    """Write a small grey picture; one seed gives the same bytes for one ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels_HW = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels_HW).save(path)
    return path


def write_standard_cohort(root: Path) -> Path:
    """Write a standard layout: in train six normal, four bacterial and two viral patients, then one in val and test."""
    for number in range(1, 7):
        write_film(root / f"train/NORMAL/IM-{number:04}-0001.jpeg", number)
        subtype = "virus" if number > 4 else "bacteria"
        write_film(root / f"train/PNEUMONIA/person{number}_{subtype}_{number}.jpeg", 100 + number)
    write_film(root / "val/NORMAL/NORMAL2-IM-0001-0001.jpeg", 200)
    write_film(root / "test/PNEUMONIA/person9_virus_1.jpeg", 201)
    return root


def write_patients(root: Path, count: int = 20) -> Path:
    """Write as many patients of each class, one image each, as a training folder."""
    for number in range(1, count + 1):
        write_film(root / f"train/NORMAL/IM-{number:04}-0001.png", number, side=64)
        write_film(root / f"train/PNEUMONIA/person{number}_virus_{number}.png", 100 + number, side=64)
    return root


def cohort_of(rows: list[dict[str, str | None]], root: Path = Path("/cohort")) -> Cohort:
    """Return a dataset as an index would give it; what a row leaves out is readable, labelled normal and its own."""
    rows = [
        {"label": "normal", "patient": row["file"], "content_hash": row["file"], "subtype": None, "mode": "L", **row}
        for row in rows
    ]
    columns = {
        name: [row.get(name) for row in rows]
        for name in ("file", "label", "split", "patient", "file_patient", "subtype", "mode", "content_hash", "problem")
    }
    counts = {name: np.full(len(rows), 24) for name in ("width", "height", "num_bytes", "modified_ns")}
    manifest = manifest_frame({**columns, **counts})
    return Cohort(root, manifest, fingerprint_of(manifest))


def problems(cohort: Cohort) -> dict[str, str]:
    """Return the problem of each image that has one."""
    rows = cohort.manifest[cohort.manifest["problem"].notna()]
    return dict(zip(rows["file"], rows["problem"], strict=True))
