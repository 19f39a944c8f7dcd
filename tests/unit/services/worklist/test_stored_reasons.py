"""Reasons of readings and single images on their way from the database to who asks."""

from pathlib import Path
from types import SimpleNamespace

from core.api.v1.batches import ReadingAnswer
from core.reasons import AboveBand, MayShowText, store
from core.services.triage.single_films import _from_fields
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.reading_detail import get_reading
from core.services.worklist.studies import load_studies
from db import models as tables
from tests.small_desk import add_batch, small_desk

REASONS = (AboveBand(0.97, 0.4, 0.6), MayShowText())
WORDS = "; ".join(map(str, REASONS))


def test_lists_panes_and_rest_say_codes_in_words_and_old_sentences_as_they_are(tmp_path: Path) -> None:
    """One reading with codes and one from before: each list has a sentence, and REST has the codes of the first."""
    desk = small_desk(tmp_path)
    ids = add_batch(desk, [("new.png", 0.97), ("old.png", 0.2)])
    with desk.transaction() as session:
        new = session.get_one(tables.Reading, ids["new.png"])
        new.reason, new.reasons = "", store(REASONS)
    rows = {row["file"]: row for row in ranked_readings(desk, "first")}
    answers = {file: ReadingAnswer.model_validate(row) for file, row in rows.items()}
    assert answers["new.png"].reason == WORDS and answers["old.png"].reason == "by hand"
    assert [one.model_dump() for one in answers["new.png"].reasons] == [reason.stored() for reason in REASONS]
    assert answers["old.png"].reasons == []
    listed = load_studies(desk).set_index("file")["reason"].to_dict()
    assert listed == {"new.png": WORDS, "old.png": "by hand"}
    assert get_reading(desk, ids["new.png"]).reason == WORDS


def test_a_single_image_is_answered_in_words_with_its_codes() -> None:
    """What is kept of a prediction reads as its sentence; one from before keeps the one it was given."""
    fields = dict.fromkeys(
        ("id", "engine", "sender", "created_at", "file_hash", "status", "reason_code", "probability", "logit")
    ) | dict.fromkeys(("gate_distance", "finding", "priority", "activation_map"))
    new = _from_fields({**fields, "reason": "", "reasons": store(REASONS)}, SimpleNamespace(), SimpleNamespace())
    old = _from_fields({**fields, "reason": "as it was", "reasons": None}, SimpleNamespace(), SimpleNamespace())
    assert (new.reason, new.reasons) == (WORDS, store(REASONS)) and old.reason == "as it was"
