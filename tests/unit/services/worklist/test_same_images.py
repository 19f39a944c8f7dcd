"""A study is an image of a patient: what shares a verdict, what does not, and what is linked."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.radiograph.image_format import UNKNOWN, Origin
from core.services.desk import Desk
from core.services.films.images import film_picture
from core.services.triage.study_identity import identify, keep_earlier_studies
from core.services.worklist.label_export import export_verdicts
from core.services.worklist.reading_detail import get_reading, study_of
from core.services.worklist.reports import ExportFormat, export_batch, export_study
from core.services.worklist.same_images import find_same_images
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from db import models as tables
from tests.dicom_files import dicom_of
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path / "home")


def same_as(desk: Desk, batch_id: str | None = None) -> dict[str, str]:
    studies = load_worklist(desk, batch_id).studies
    return dict(zip(studies["file"], studies["same_image_as"], strict=True))


def row_of(file: str, content: str | None = "c" * 64, **changed: str) -> dict[str, str | None]:
    row = {"batch_id": "first", "file": file, "file_hash": content, "status": "read", "reason_code": "normal"}
    return row | changed


def test_one_image_under_two_names_is_two_studies_that_name_one_another(desk: Desk) -> None:
    """What a reader says of one name is at that name alone, and each row names the other."""
    contents = {"a.png": "film", "b.png": "film", "c.png": "other"}
    ids = add_batch(desk, [("a.png", 0.9), ("b.png", 0.9), ("c.png", 0.1)], contents=contents, are_pictures=True)
    give_verdict(desk, ids["a.png"], "Ada", Verdict.PNEUMONIA)
    studies = load_worklist(desk).studies.set_index("file")
    assert studies["num_readers"].to_dict() == {"a.png": 1, "b.png": 0, "c.png": 0}
    assert same_as(desk) == {"a.png": "b.png", "b.png": "a.png", "c.png": ""}
    assert same_as(desk, "first") == same_as(desk)


def test_one_image_of_two_patients_is_two_studies_and_says_so(desk: Desk) -> None:
    """The same pixels under two patients may be a mix-up: both rows say that the other is of another patient."""
    films = [("a.dcm", 0.9), ("b.dcm", 0.9)]
    patients = {"a.dcm": "patient-1", "b.dcm": "patient-2"}
    ids = add_batch(desk, films, contents={name: "film" for name, _ in films}, are_pictures=True, patients=patients)
    assert study_of(desk, ids["a.dcm"]) != study_of(desk, ids["b.dcm"])
    assert same_as(desk) == {"a.dcm": "b.dcm (of another patient)", "b.dcm": "a.dcm (of another patient)"}


def test_one_file_sent_twice_in_one_batch_is_one_study_that_says_so(desk: Desk) -> None:
    """A DICOM instance under two names has two rows in its batch and one place on the list, and both rows say it."""
    ids = add_batch(desk, [("a.dcm", 0.9), ("b.dcm", 0.9)], contents={"a.dcm": "film", "b.dcm": "film"})
    assert study_of(desk, ids["a.dcm"]) == study_of(desk, ids["b.dcm"])
    assert len(load_worklist(desk).studies) == 1
    rows = list(csv.DictReader(io.StringIO(export_batch(desk, "first", ExportFormat.CSV).decode())))
    assert [row["same_image_as"] for row in rows] == [
        "b.dcm (the same file, sent more than once)",
        "a.dcm (the same file, sent more than once)",
    ]


def test_empty_broken_and_blank_files_share_nothing_and_are_linked_to_nothing(desk: Desk) -> None:
    """Files of two patients that are alike because they show nothing are studies of their own, also in two batches."""
    for batch in ("first", "second"):
        add_batch(
            desk,
            [("a.png", "failed"), ("b.png", "rejected")],
            batch_id=batch,
            contents={"a.png": "", "b.png": ""},
            are_pictures=True,
        )
    give_verdict(desk, 1, "Ada", Verdict.NOT_READABLE)
    studies = load_worklist(desk).studies
    assert len(studies) == studies["study"].nunique() == 4
    assert set(studies["same_image_as"]) == {""} and studies["num_readers"].sum() == 1


def test_a_film_sent_again_under_its_name_keeps_what_was_said(desk: Desk) -> None:
    """The same content under the same name is the same study in another batch, and no other file."""
    first = add_batch(desk, [("a.png", 0.9)])
    give_verdict(desk, first["a.png"], "Ada", Verdict.NORMAL)
    again = add_batch(desk, [("a.png", 0.8)], batch_id="second")
    (said,) = current_verdicts(desk, study_of(desk, again["a.png"]))
    assert said.reader == "Ada" and same_as(desk) == {"a.png": ""}


def test_every_document_names_the_same_image(desk: Desk) -> None:
    """JSON and CSV of a batch and of a study, and the reading itself, name the other file."""
    ids = add_batch(desk, [("a.png", 0.9), ("b.png", 0.9)], contents={"a.png": "f", "b.png": "f"}, are_pictures=True)
    assert get_reading(desk, ids["a.png"]).same_image_as == "b.png"
    document = json.loads(export_batch(desk, "first", ExportFormat.JSON))
    assert {row["file"]: row["same_image_as"] for row in document["readings"]} == {"a.png": "b.png", "b.png": "a.png"}
    for kind in (ExportFormat.JSON, ExportFormat.CSV):
        assert b"b.png" in export_study(desk, ids["a.png"], kind)
    for document in (export_batch(desk, "first", ExportFormat.PDF), export_study(desk, ids["a.png"], ExportFormat.PDF)):
        assert document.startswith(b"%PDF")


def test_many_files_of_one_image_are_counted(desk: Desk) -> None:
    """Of over five others five are named."""
    files = [f"{number}.png" for number in range(8)]
    add_batch(desk, [(file, 0.9) for file in files], contents=dict.fromkeys(files, "film"), are_pictures=True)
    assert same_as(desk)["0.png"] == "1.png, 2.png, 3.png, 4.png, 5.png, 2 more"


def test_files_of_a_deleted_batch_are_not_named(desk: Desk) -> None:
    """What is on no list is named on none."""
    add_batch(desk, [("a.png", 0.9)], contents={"a.png": "film"}, are_pictures=True)
    add_batch(desk, [("b.png", 0.9)], batch_id="second", contents={"b.png": "film"}, are_pictures=True)
    with desk.transaction() as session:
        batch = session.get_one(tables.Batch, "second")
        batch.deleted_at = batch.created_at
    assert same_as(desk) == {"a.png": ""}
    assert find_same_images(desk).words("no such study", "x.png") == ""


def test_one_image_with_two_labels_is_no_label(desk: Desk, tmp_path: Path) -> None:
    """Where readers contradict one another on the same image under two names, neither goes into a dataset."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        shade = 90 if name == "c.png" else 10
        Image.fromarray(np.full((80, 80), shade, np.uint8)).save(folder / name)
    ids = add_batch(desk, [("a.png", 0.9), ("b.png", 0.9), ("c.png", 0.9)], folder=folder)
    for file, verdict in (("a.png", Verdict.PNEUMONIA), ("b.png", Verdict.NORMAL), ("c.png", Verdict.NORMAL)):
        give_verdict(desk, ids[file], "Ada", verdict)
    done = export_verdicts(desk, "Ada", tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "metadata.csv").open()))
    assert done.num_films == len(rows) == 1 and done.num_conflicting == 2
    with desk.reading() as session:
        reading = session.get_one(tables.Reading, ids["c.png"])
        assert (rows[0]["film_sha256"], rows[0]["study"]) == (reading.file_hash, reading.study)


def test_what_makes_a_study(desk: Desk) -> None:
    """Content with the image's own number, else with the name; without an image the batch's file alone."""

    def study(row: dict[str, str | None], origin: Origin = UNKNOWN) -> str:
        return identify(desk, row, origin)["study"]

    instance, other = Origin("4711", "1.2.3.4"), Origin("4712", "1.2.3.4")
    assert study(row_of("a.dcm"), instance) == study(row_of("b.dcm", batch_id="second"), instance)
    assert study(row_of("a.dcm"), instance) != study(row_of("a.dcm"), other)
    assert study(row_of("a.png")) == study(row_of("a.png", batch_id="second"))
    assert study(row_of("\u00e9.png")) == study(row_of("e\u0301.png"))
    assert study(row_of("a.png")) != study(row_of("b.png")) != study(row_of("b.png"), Origin("4711"))
    for nothing in ({"status": "failed"}, {"reason_code": "blank"}):
        assert study(row_of("a.png", **nothing)) != study(row_of("a.png", batch_id="second", **nothing))
    assert study(row_of("a.png", None, status="failed")) == study(row_of("a.png", status="failed"))
    row = identify(desk, row_of("a.dcm"), instance)
    assert row["patient"].startswith("patient-") and row["instance"].startswith("instance-")
    assert "4711" not in str(row) and "1.2.3.4" not in str(row) and "4711" not in repr(instance)


def test_an_instance_keeps_the_study_it_had_by_its_name(desk: Desk) -> None:
    """A file that was read before instances were recorded is the same study when it is sent again by that name."""
    add_batch(desk, [("a.dcm", 0.9)])
    with desk.transaction() as session:
        earlier = session.query(tables.Reading).one()
        row = row_of("a.dcm", earlier.file_hash) | {"instance": "instance-1", "study": "new"}
        other = row_of("b.dcm", earlier.file_hash) | {"instance": "instance-1", "study": "new"}
        keep_earlier_studies(session, [row, other])
        assert (row["study"], other["study"]) == (earlier.study, "new")


REFUSED = {
    "lateral": {"ViewPosition": "LL"},
    "another part": {"BodyPartExamined": "HAND"},
    "another modality": {"Modality": "CT"},
    "raw values": {"PresentationIntentType": "FOR PROCESSING"},
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_refused_by_its_header_can_be_seen(form: str, desk: Desk, tmp_path: Path) -> None:
    """The picture of a file that is not analysed has the file's own pixels, on the page, by REST and in the PDF."""
    grey_HW = np.tile(np.arange(120, dtype=np.uint8), (100, 1))
    (tmp_path / "film.dcm").write_bytes(dicom_of(grey_HW, **REFUSED[form]))
    content, _ = film_picture(desk, str(tmp_path / "film.dcm"), None)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), grey_HW)
    ids = add_batch(desk, [("film.dcm", "rejected")], folder=tmp_path)
    give_verdict(desk, ids["film.dcm"], "Ada", Verdict.NORMAL, "seen by eye")
    assert b"/Image" in export_study(desk, ids["film.dcm"], ExportFormat.PDF)
    row = json.loads(export_study(desk, ids["film.dcm"], ExportFormat.JSON))
    assert (row["status"], row["verdicts"][0]["note"]) == ("rejected", "seen by eye")
