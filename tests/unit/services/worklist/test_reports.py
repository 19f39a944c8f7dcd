"""Results as documents: one page of PDF, JSON and CSV that say the same and what they rest on."""

import csv
import io
import json
import re
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
from core.services.worklist.rules import save_rules
from core.services.worklist.verdicts import LONGEST_NOTE, Verdict, give_verdict
from core.settings import NOTICE
from core.triage.rules import HumanBand, WorklistRules
from db import models as tables
from tests.pdf_text import pages_of
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
    (text,) = pages_of(content)
    return text, pypdfium2.PdfDocument(content)[0].render(scale=1).to_numpy()


def test_a_study_is_one_page_with_all_it_owes(desk: Desk, readings: dict[str, int]) -> None:
    """Result, scale, reader's verdict, model, operating point and notice are words on it, the image is a picture."""
    give_verdict(desk, readings["bright.png"], "Dr. Łucja Ng", Verdict.PNEUMONIA, "right lower lobe")
    text, picture = text_and_picture(export_study(desk, readings["bright.png"], ExportFormat.PDF))
    for words in ("bright.png", "0.90", "threshold 0.50", "Łucja Ng", "right lower lobe", "by hand", NOTICE, "small"):
        assert words in text
    greys, height = picture.mean(axis=2), picture.shape[0]
    assert greys[height // 6 : height // 3].mean() < greys[height // 2 :].mean() - 20


@pytest.mark.parametrize("file", [name for name, _ in FILMS])
def test_every_reading_has_a_page_whatever_became_of_it(desk: Desk, readings: dict[str, int], file: str) -> None:
    """Files that failed, odd names and images that are gone still give one page with the notice."""
    assert NOTICE in text_and_picture(export_study(desk, readings[file], ExportFormat.PDF))[0]


def test_a_film_that_is_gone_is_said_to_be(desk: Desk) -> None:
    """Without its file a study has a page without pictures."""
    reading = add_batch(desk, [("gone.png", 0.7)])["gone.png"]
    assert "cannot be shown" in text_and_picture(export_study(desk, reading, ExportFormat.PDF))[0]


def test_a_batch_goes_over_as_many_pages_as_it_takes(desk: Desk) -> None:
    """Every file is on a page, in the same order as in CSV and JSON, and each page carries the notice."""
    add_batch(desk, [(f"image {number:03}.png", number / 200) for number in range(200)], batch_id="many")
    pages = pages_of(export_batch(desk, "many", ExportFormat.PDF))
    rows = list(csv.DictReader(io.StringIO(export_batch(desk, "many", ExportFormat.CSV).decode())))
    document = json.loads(export_batch(desk, "many", ExportFormat.JSON))
    assert len(pages) > 1 and all(NOTICE in page for page in pages)
    files = [f"image {number:03}.png" for number in reversed(range(200))]
    assert re.findall(r"image \d{3}\.png", " ".join(pages)) == files
    assert [row["file"] for row in rows] == [row["file"] for row in document["readings"]] == files
    assert document["counts"] == {"urgent": 79, "review": 41, "routine": 80, "rejected": 0, "failed": 0}
    assert document["notice"] == NOTICE


@pytest.mark.parametrize("kind", [ExportFormat.CSV, ExportFormat.JSON])
def test_documents_follow_the_rules_and_name_their_version(desk: Desk, kind: ExportFormat) -> None:
    """An unreadable file stands where the site puts it, here before all others, and not last by the model's order."""
    ids = add_batch(desk, [("flagged.png", 0.9), ("clear.png", 0.1), ("broken.png", "failed"), ("half.png", 0.5)])
    version = save_rules(desk, WorklistRules(unreadable_band=HumanBand.URGENT, uncertain_band=HumanBand.URGENT), "Ada")
    text = export_batch(desk, "first", kind).decode()
    rows = json.loads(text)["readings"] if kind is ExportFormat.JSON else list(csv.DictReader(io.StringIO(text)))
    assert [(row["file"], row["priority"]) for row in rows] == [
        ("broken.png", "urgent"),
        ("flagged.png", "urgent"),
        ("half.png", "urgent"),
        ("clear.png", "routine"),
    ]
    assert {str(row["rules_version"]) for row in rows} == {str(version)}
    study = export_study(desk, ids["broken.png"], kind).decode()
    row = json.loads(study) if kind is ExportFormat.JSON else next(csv.DictReader(io.StringIO(study)))
    assert (row["priority"], str(row["rules_version"])) == ("urgent", str(version))


def test_files_of_one_content_stand_in_one_place(desk: Desk) -> None:
    """Each file sent has its row; two of one content are one study, counted once and placed once."""
    contents = {"a.png": "film", "copy.png": "film", "b.png": "other"}
    add_batch(desk, [("a.png", 0.9), ("b.png", 0.8), ("copy.png", 0.9)], contents=contents)
    document = json.loads(export_batch(desk, "first", ExportFormat.JSON))
    assert [(row["file"], row["rank"]) for row in document["readings"]] == [("a.png", 1), ("copy.png", 1), ("b.png", 2)]
    assert document["counts"]["urgent"] == 2


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
    """The audit log says who took what out, and as what."""
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


def test_a_batch_carries_what_readers_said(desk: Desk) -> None:
    """CSV, JSON and PDF of a batch hold each reader's finding, note and time, also of two readers on one study."""
    ids = add_batch(desk, [("a.png", 0.9), ("b.png", 0.1)])
    give_verdict(desk, ids["a.png"], "Ada", Verdict.PNEUMONIA, "right lower lobe")
    give_verdict(desk, ids["a.png"], "Bob", Verdict.UNSURE)
    first, second = json.loads(export_batch(desk, "first", ExportFormat.JSON))["readings"]
    assert second["verdicts"] == []
    said = [(row["reader"], row["verdict"], row["note"]) for row in first["verdicts"]]
    assert said == [("Ada", "pneumonia", "right lower lobe"), ("Bob", "unsure", "")]
    row = next(csv.DictReader(io.StringIO(export_batch(desk, "first", ExportFormat.CSV).decode())))
    assert (row["verdicts"], row["notes"]) == ("Ada: pneumonia; Bob: unsure", "Ada: right lower lobe")
    when = first["verdicts"][0]["when"]
    assert row["judged_at"].startswith(f"Ada: {when}; Bob: ")
    text, _ = text_and_picture(export_batch(desk, "first", ExportFormat.PDF))
    assert f"pneumonia – Ada, {when[:10]} {when[11:16]} UTC: right lower lobe" in text and "equivocal – Bob" in text


def test_a_long_note_goes_on_over_pages(desk: Desk, readings: dict[str, int]) -> None:
    """The longest note that is kept is printed to its last word, and lineage and limits still follow."""
    words = [f"word{number:04}" for number in range(LONGEST_NOTE // 9)]
    give_verdict(desk, readings["bright.png"], "Ann", Verdict.PNEUMONIA, " ".join(words))
    pages = pages_of(export_study(desk, readings["bright.png"], ExportFormat.PDF))
    assert len(pages) > 1 and all(NOTICE in page for page in pages)
    assert re.findall(r"word\d{4}", " ".join(pages)) == words
    assert "Operating point" in " ".join(pages)


def test_all_words_are_printed_in_readable_ink(desk: Desk, readings: dict[str, int]) -> None:
    """Each word's darkest point has a contrast of 4.5 to 1 to its ground, so lineage and limits can be read."""
    with desk.transaction() as session:
        model = session.get_one(tables.ModelVersion, 1)
        model.card = {**model.card, "limits": ["Frontal views only.", "Adults are out of scope."]}
    document = pypdfium2.PdfDocument(export_study(desk, readings["bright.png"], ExportFormat.PDF))
    scale = 4
    greys = document[0].render(scale=scale).to_numpy().mean(axis=2)
    text = document[0].get_textpage()
    found = {}
    for number in range(text.count_rects()):
        left, bottom, right, top = (int(side * scale) for side in text.get_rect(number))
        box = greys[len(greys) - top : len(greys) - bottom, left:right]
        if box.size:
            found[text.get_text_bounded(*text.get_rect(number))] = contrast(box.min(), box.max())
    document.close()
    assert any("Adults are out of scope" in words for words in found) and any("Chosen on" in words for words in found)
    assert {words: value for words, value in found.items() if value < 4.5} == {}


def contrast(darker: float, lighter: float) -> float:
    """WCAG contrast of two greys, 0 to 255."""
    low, high = (((value / 255 + 0.055) / 1.055) ** 2.4 for value in (darker, lighter))
    return (high + 0.05) / (low + 0.05)
