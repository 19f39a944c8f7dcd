"""DICOM images from the door to the document: read alike however they store white, and without whose they are."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.cli.commands import app
from core.services.desk import Desk, open_desk
from core.services.models.operating_points import operating_point_of
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.settings import AppSettings
from core.triage.engine import TorchEngine
from core.triage.gate import Gate
from core.triage.predictor import Predictor
from db import models as tables
from tests.box import network_in_the_box
from tests.dicom_files import dicom_of

IDENTIFIERS = ("Secret", "SECRET-ID")
NUM_FILMS = 3


@pytest.fixture(scope="module")
def films(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real images, each as picture and as three kinds of DICOM that show the same, and one that is cut short."""
    folder = tmp_path_factory.mktemp("films")
    for number, path in enumerate(sorted((real_data / "chest_xray" / "test").rglob("*.jpeg"))[:: 300 // NUM_FILMS]):
        grey_HW = np.asarray(Image.open(path).convert("L"))
        Image.fromarray(grey_HW).save(folder / f"{number}-picture.png")
        kinds = {
            "monochrome2": (grey_HW, {}),
            "monochrome1": (255 - grey_HW, {"PhotometricInterpretation": "MONOCHROME1"}),
            "inverse": (255 - grey_HW, {"PresentationLUTShape": "INVERSE"}),
            "both": (
                255 - grey_HW,
                {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            ),
        }
        for kind, (stored_HW, attributes) in kinds.items():
            (folder / f"{number}-{kind}").write_bytes(dicom_of(stored_HW, **attributes))
    (folder / "cut-short").write_bytes(dicom_of(grey_HW)[:-5000])
    return folder


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return open_desk(AppSettings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """The bundled model, without the graph whose conversion takes longer than all of this."""
    checkpoint = network_in_the_box()
    return Predictor(
        checkpoint,
        TorchEngine(checkpoint, "cpu"),
        Gate.from_arrays(checkpoint.gate),
        operating_point_of(checkpoint.card),
    )


@pytest.fixture(scope="module")
def batch(desk: Desk, films: Path, predictor: Predictor) -> str:
    return run_triage(desk, TriageRequest(paths=(films,)), predictor=predictor).batch_id


def test_one_film_is_read_alike_however_it_stores_white(desk: Desk, batch: str) -> None:
    """MONOCHROME1, MONOCHROME2 and INVERSE of one real image, and its PNG, have the very same probability and band.

    Only MONOCHROME2 with INVERSE, which contradicts itself, is put under review.
    """
    with desk.reading() as session:
        rows = session.query(tables.Reading).filter_by(batch_id=batch, status="read").all()
    by_film: dict[str, set[tuple[float, str]]] = {}
    for row in rows:
        is_contradictory = row.file.removesuffix(".dcm").endswith("-inverse")
        assert not is_contradictory or (row.priority, row.reason_code) == ("review", "doubtful_file")
        by_film.setdefault(row.file.split("-")[0], set()).add((row.probability, row.priority, is_contradictory))
    assert len(rows) >= 5 * (len(by_film) or 1) and len(by_film) >= NUM_FILMS - 1
    assert all(len({priority for _, priority, doubt in said if not doubt}) == 1 for said in by_film.values())
    for said in by_film.values():
        probabilities = [probability for probability, *_ in said]
        assert max(probabilities) - min(probabilities) < 1e-6
    assert len({max(said)[0] for said in by_film.values()}) == len(by_film)


def test_nothing_that_is_kept_says_whose_film_it_was(desk: Desk, batch: str) -> None:
    """Neither the database nor any file of the desk holds a name or number of the patient."""
    with desk.reading() as session:
        assert session.query(tables.Reading).filter_by(batch_id=batch, file="cut-short").one().status == "failed"
    for path in desk.settings.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(name.encode() in content for name in IDENTIFIERS), path.name


def test_neither_log_nor_terminal_names_a_patient(
    desk: Desk,
    films: Path,
    predictor: Predictor,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What is logged and printed while readable and damaged DICOM files are read holds no identifier."""
    caplog.set_level(logging.DEBUG)
    run_triage(desk, TriageRequest(paths=(films,), again=True), predictor=predictor)
    printed = capfd.readouterr()
    assert not any(name in caplog.text + printed.out + printed.err for name in IDENTIFIERS)


def test_reports_come_from_the_command_line(
    desk: Desk, batch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`report batch` and `report study` write what the ending says; another ending is refused in a sentence."""
    monkeypatch.setattr("core.cli.reports.open_desk", lambda: desk)
    with desk.reading() as session:
        reading = session.query(tables.Reading.id).filter_by(batch_id=batch, file="0-inverse").scalar()
    begins = {"csv": b"", "json": b"{", "pdf": b"%PDF"}
    for ending, head in begins.items():
        for what, name in (("batch", batch), ("study", str(reading))):
            out = tmp_path / "reports" / f"{what}.{ending}"
            result = CliRunner().invoke(app, ["report", what, name, "--out", str(out)])
            assert result.exit_code == 0, result.output
            content = out.read_bytes()
            assert content.startswith(head) and len(content) > 100
            assert not any(identifier.encode() in content for identifier in IDENTIFIERS)
    refused = CliRunner().invoke(app, ["report", "batch", batch, "--out", str(tmp_path / "batch.docx")])
    assert refused.exit_code != 0 and ".csv, .json or .pdf" in str(refused.exception)
