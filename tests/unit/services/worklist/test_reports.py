"""Results as documents: one page of PDF, JSON and CSV that say the same and what they rest on."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from core.errors import InputNotFoundError, PneumoDeskError
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.worklist.reports import ExportFormat, export_batch, export_study, format_of
from core.services.worklist.verdicts import Verdict, give_verdict
from core.settings import NOTICE
from tests.small_desk import add_batch, small_desk

FILMS = (("bright.png", 0.9), ("胸部 żółć =1+1.png", 0.5), ("dark.png", 0.1), ("broken.png", "failed"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path / "home")


@pytest.fixture
def readings(desk: Desk, tmp_path: Path) -> dict[str, int]:
    folder = tmp_path / "films"
    folder.mkdir()
    for number, (file, _) in enumerate(FILMS):
        Image.fromarray(synthesise_phantom(number, size=200)).save(folder / file)
    return add_batch(desk, FILMS, folder=folder)


def text_and_picture(content: bytes) -> tuple[str, np.ndarray]:
    """The words and the look of a PDF that must have one page."""
    document = pypdfium2.PdfDocument(content)
    assert len(document) == 1
    return " ".join(document[0].get_textpage().get_text_range().split()), document[0].render(scale=1).to_numpy()


def test_a_study_is_one_page_with_all_it_owes(desk: Desk, readings: dict[str, int]) -> None:
    """Result, scale, reader's verdict, model, operating point and notice are words on it, the film is a picture."""
    give_verdict(desk, readings["bright.png"], "Dr. Łucja Ng", Verdict.PNEUMONIA, "right lower lobe")
    text, picture = text_and_picture(export_study(desk, readings["bright.png"], ExportFormat.PDF))
    for words in ("bright.png", "0.90", "threshold 0.50", "Łucja Ng", "right lower lobe", "by hand", NOTICE, "small"):
        assert words in text
    greys, height = picture.mean(axis=2), picture.shape[0]
    assert greys[height // 6 : height // 3].mean() < greys[height // 2 :].mean() - 20


@pytest.mark.parametrize("file", [name for name, _ in FILMS])
def test_every_reading_has_a_page_whatever_became_of_it(desk: Desk, readings: dict[str, int], file: str) -> None:
    """Files that failed, odd names and films that are gone still give one page with the notice."""
    assert NOTICE in text_and_picture(export_study(desk, readings[file], ExportFormat.PDF))[0]


def test_a_film_that_is_gone_is_said_to_be(desk: Desk) -> None:
    """Without its file a study has a page without pictures."""
    reading = add_batch(desk, [("gone.png", 0.7)])["gone.png"]
    assert "cannot be shown" in text_and_picture(export_study(desk, reading, ExportFormat.PDF))[0]


def test_a_batch_of_any_size_is_one_page(desk: Desk) -> None:
    """The page has the counts, the most urgent films and how many more there are; the rest is in CSV and JSON."""
    add_batch(desk, [(f"film {number:03}.png", number / 200) for number in range(200)], batch_id="many")
    text, _ = text_and_picture(export_batch(desk, "many", ExportFormat.PDF))
    assert "film 199.png" in text and "film 001.png" not in text and NOTICE in text
    rows = list(csv.DictReader(io.StringIO(export_batch(desk, "many", ExportFormat.CSV).decode())))
    document = json.loads(export_batch(desk, "many", ExportFormat.JSON))
    assert len(rows) == len(document["readings"]) == 200
    assert document["counts"]["urgent"] == 79 and document["notice"] == NOTICE
    assert [row["file"] for row in rows] == [row["file"] for row in document["readings"]]


def test_an_empty_batch_has_a_page(desk: Desk) -> None:
    """Nothing to show is no reason to fail."""
    add_batch(desk, [("only.png", "failed")], batch_id="failed")
    assert NOTICE in text_and_picture(export_batch(desk, "failed", ExportFormat.PDF))[0]


def test_study_documents_say_the_same(desk: Desk, readings: dict[str, int]) -> None:
    """JSON and CSV of a study carry its numbers, lineage and verdicts."""
    give_verdict(desk, readings["dark.png"], "Ann", Verdict.UNSURE)
    document = json.loads(export_study(desk, readings["dark.png"], ExportFormat.JSON))
    row = next(csv.DictReader(io.StringIO(export_study(desk, readings["dark.png"], ExportFormat.CSV).decode())))
    assert document["probability"] == float(row["probability"]) == 0.1
    assert document["verdicts"][0]["reader"] == "Ann" and row["verdicts"] == "Ann: unsure"
    assert document["operating_point"]["threshold"] == 0.5 and document["lineage"]["Model"].startswith("small")


def test_every_export_leaves_a_trace(desk: Desk, readings: dict[str, int]) -> None:
    """The audit trail says who took what out, and as what."""
    export_study(desk, readings["dark.png"], ExportFormat.PDF, "Ann")
    export_batch(desk, "first", ExportFormat.CSV, "Bob")
    events = list_events(desk, AuditFilter(actions=(AuditAction.EXPORT,)))
    assert [(event.who, event.detail["format"]) for event in events] == [("Bob", "csv"), ("Ann", "pdf")]


def test_what_is_not_there_is_said(desk: Desk) -> None:
    """Unknown readings, batches and file endings are sentences."""
    for kind in ExportFormat:
        with pytest.raises(InputNotFoundError):
            export_study(desk, 12345, kind)
        with pytest.raises(InputNotFoundError):
            export_batch(desk, "unheard-of", kind)
    with pytest.raises(PneumoDeskError, match="json or"):
        format_of(Path("list.docx"))
