"""One bad file costs its own row and nothing else: in triage, in import, in training's cache and in evaluation."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.radiograph.phantom import synthesise_phantom
from tests.dicom_files import dicom_of

LATIN_NAME = b"r\xf6ntgen.png"


def write_latin_named(folder: Path, film_HW: np.ndarray) -> Path:
    place = Path(os.fsdecode(os.fsencode(folder) + b"/" + LATIN_NAME))
    Image.fromarray(film_HW).save(place, format="PNG")
    return place


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten test images of each class and, in the middle of one, a large DICOM of 8 bits in 16 and a Latin-1 name."""
    root = tmp_path_factory.mktemp("cohort")
    for label in ("NORMAL", "PNEUMONIA"):
        folder = root / "test" / label
        folder.mkdir(parents=True)
        for number in range(10):
            film_HW = synthesise_phantom(number, size=256, opacity=label == "PNEUMONIA")
            Image.fromarray(film_HW).save(folder / f"{label}{number}.png")
    large_HW = np.kron(synthesise_phantom(50, size=256), np.ones((8, 8), np.uint16))
    folder = root / "test" / "NORMAL"
    (folder / "NORMAL5-large.dcm").write_bytes(
        dicom_of(large_HW.astype(np.uint16), BitsAllocated=16, BitsStored=8, HighBit=7)
    )
    write_latin_named(folder, synthesise_phantom(51, size=256))
    return root


def test_triage_gives_every_file_its_row(command_line, cohort: Path) -> None:
    """All 22 files have a row, and those two are no file errors."""
    document = command_line.json("triage", cohort)
    assert document["num_files"] == len(document["readings"]) == 22
    assert not [row for row in document["readings"] if row["status"] == "failed"]


def test_index_and_evaluate_go_on(command_line, cohort: Path) -> None:
    """Indexing reads 21 of 22, naming the one whose name is no text; evaluation scores those 21."""
    indexed = command_line("index", cohort)
    assert indexed.returncode == 0, indexed.stderr
    document = command_line.json("evaluate", "--data", cohort, "--split", "test", "--model", "starter")
    assert document["n"] == 21
    assert document["num_unreadable"] == 0
