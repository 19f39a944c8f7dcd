"""`python -m core stress` and `gate` on real images."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from core.cli.commands import app
from core.services.desk import open_desk
from core.services.evaluation.measurements import MeasurementKind, latest_measurement
from core.triage.stresses import STRESSES
from tests.measurements.photographs import photographs


@pytest.fixture
def few_films(real_data: Path, tmp_path: Path) -> Path:
    """Three images of each class and one file that is none, in a folder of their own."""
    for label in ("NORMAL", "PNEUMONIA"):
        films = sorted((real_data / "originals").rglob(f"{label}/*.jpeg"))[:3]
        (tmp_path / "films" / label).mkdir(parents=True)
        for path in films:
            shutil.copy(path, tmp_path / "films" / label / path.name)
    (tmp_path / "films" / "NORMAL" / "broken.jpeg").write_bytes(b"no image")
    return tmp_path / "films"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the module, so that the model is converted once."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("home")
        patch.setenv("PNEUMODESK_HOME", str(place))
        yield place


def test_every_stress_is_reported_with_its_three_figures(few_films: Path, home: Path) -> None:
    """Standard output is one document with every stress, and is kept; a split without images is a sentence."""
    made = CliRunner().invoke(app, ["stress", "--data", str(few_films), "--split", "all", "--json"])
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["n"] == 6 and document["num_openings"] == 1
    assert set(document["stresses"]) == {stress.name for stress in STRESSES}
    for result in document["stresses"].values():
        assert 0 <= result["decision_flips"] <= 1 and 0 <= result["mean_abs_probability_change"] <= 1
        assert 0 <= result["auc"] <= 1
    kept = latest_measurement(open_desk(), document["checkpoint_hash"], MeasurementKind.STRESS)
    assert kept.result == document and kept.split == "all"
    assert latest_measurement(open_desk(), document["checkpoint_hash"], MeasurementKind.GATE) is None
    refused = CliRunner().invoke(app, ["stress", "--data", str(few_films), "--split", "nowhere"])
    assert refused.exit_code != 0 and "nowhere" in str(refused.exception)


def test_the_gate_is_measured_by_kind_and_the_result_kept(few_films: Path, home: Path, tmp_path: Path) -> None:
    """Every kind of picture is counted, images lying on their side are stopped, images as they are pass; it is kept."""
    (tmp_path / "photographs").mkdir()
    for name in ("coffee", "page"):
        Image.fromarray(photographs()[name]).save(tmp_path / "photographs" / f"{name}.png")
    asked = ["gate", "--data", str(few_films), "--split", "all", "--photographs", str(tmp_path / "photographs")]
    made = CliRunner().invoke(app, [*asked, "--json"])
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    kinds = document["kinds"]
    assert (
        kinds["photographs"]["stopped"] == kinds["noise"]["stopped"] == 1 and kinds["photographs"]["num_pictures"] == 2
    )
    assert kinds["turned by 90°"]["num_pictures"] == 6 and kinds["turned by 90°"]["num_stopped"] >= 5
    assert kinds["films"]["num_pictures"] == 6 and kinds["films"]["num_stopped"] == 0
    assert latest_measurement(open_desk(), document["checkpoint_hash"], MeasurementKind.GATE).result == document
