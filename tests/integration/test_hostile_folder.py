"""A folder of everything that can go wrong is answered for, row by row, and the images in it are read."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile_files import write_hostile_files
from tests.measurements.photographs import write_photographs


def test_every_hostile_file_gets_its_row(command_line, real_data: Path, tmp_path: Path) -> None:
    """Each file has the status and the words it should have, the batch succeeds, and no file takes another along."""
    film = Image.open(sorted((real_data / "originals" / "NORMAL").iterdir())[0]).convert("L")
    film.thumbnail((512, 512))
    folder, out = tmp_path / "films", tmp_path / "results.csv"
    expected = write_hostile_files(folder, np.asarray(film))
    result = command_line("triage", folder, "--out", out)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    rows = {row["file"].removeprefix("'"): row for row in csv.DictReader(out.open(encoding="utf-8"))}
    assert {file.name: file.status for file in expected} == {
        file.name: rows[file.name]["status"] for file in expected if file.name in rows
    }
    assert all(row["reason"] for row in rows.values())
    assert all(row["priority"] == "review" for row in rows.values() if row["status"] != "read")


def test_pictures_that_are_no_chest_films_are_stopped(command_line, tmp_path: Path) -> None:
    """Grey photographs that pass for images by their pixels are stopped by the gate, nearly all of them."""
    count = write_photographs(tmp_path / "outside", seed=7)
    document = command_line.json("triage", tmp_path / "outside")
    rejected = [row for row in document["readings"] if row["status"] == "rejected"]
    assert document["num_files"] == count
    assert len(rejected) >= 0.95 * count
    assert any("not recognised as a frontal chest X-ray" in row["reason"] for row in rejected)
