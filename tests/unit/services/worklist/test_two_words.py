"""AI result and place in the reading order where they differ: every door says both, and none contradicts another."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli.reading_tables import shown_disagreement, shown_reading, shown_study
from core.cli.worklist import app
from core.evaluation.metrics import evaluate_probabilities
from core.reasons import AboveBand, AgeOutOfScope, store
from core.result_words import AI_RESULTS, READING_ORDER, order_in_words
from core.services.desk import Desk
from core.services.worklist.agreement import agreement_of
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.reading_detail import get_reading, meaning_here
from core.services.worklist.reports import ExportFormat, export_batch, export_study
from core.services.worklist.rules import save_rules
from core.services.worklist.studies import count_results, load_worklist, place_reading
from core.services.worklist.verdicts import Verdict, give_verdict
from core.triage.ai_result import AIResult
from core.triage.rules import HumanBand, WorklistRules
from db import models as tables
from tests.pdf_text import pages_of
from tests.small_desk import add_batch, small_desk

RULES = WorklistRules(urgent_from=0.55, routine_below=0.05, rejected_band=HumanBand.URGENT, waiting_cap_hours=24)
WANTED = {
    # An adult scored 0.98: out of scope, so not flagged, and put first for its score by the site's own limit.
    "adult.png": ("Indeterminate", "Read first"),
    "raised.png": ("Indeterminate", "Read first"),
    "half.png": ("Indeterminate", "Read next"),
    "lateral.png": ("Not analysed: unsuitable image", "Read first"),
    "broken.png": ("Not analysed: file error", "Read next"),
    "cautious.png": ("No AI flag", "Read next"),
    "clear.png": ("No AI flag", "Read in turn"),
    "flagged.png": ("AI flagged", "Read first"),
    "old.png": ("No AI flag", "Read first, escalated"),
}
SCORES = {"raised.png": 0.58, "half.png": 0.5, "cautious.png": 0.1, "clear.png": 0.02, "flagged.png": 0.9}
AGE = AgeOutOfScope(45, 1, 5, 0.98)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose rules put many a study elsewhere than its AI result would."""
    desk = small_desk(tmp_path)
    statuses = {"lateral.png": "rejected", "broken.png": "failed"}
    ids = add_batch(desk, [("adult.png", 0.98), *SCORES.items(), *statuses.items()])
    add_batch(desk, [("old.png", 0.02)], batch_id="second", hours_ago=30)
    with desk.transaction() as session:
        adult = session.get_one(tables.Reading, ids["adult.png"])
        adult.finding, adult.reason_code, adult.reasons, adult.reason = "uncertain", AGE.code, store((AGE,)), ""
        flagged = session.get_one(tables.Reading, ids["flagged.png"])
        flagged.reasons, flagged.reason = store((AboveBand(0.9, 0.4, 0.6),)), ""
    save_rules(desk, RULES, "Ada")
    monkeypatch.setattr("core.cli.worklist.open_desk", lambda: desk)
    return desk


def readings(desk: Desk) -> dict[str, int]:
    studies = load_worklist(desk).studies
    return dict(zip(studies["file"], studies["reading_id"], strict=True))


def text_of(content: bytes) -> str:
    return " ".join(pages_of(content))


def test_the_list_has_both(desk: Desk) -> None:
    """Rows of the worklist have the result of the reading and the place by the rules, ranked from 1."""
    studies = load_worklist(desk).studies
    found = {
        row.file: (AI_RESULTS[row.ai_result], order_in_words(row.band, row.is_lifted)) for row in studies.itertuples()
    }
    assert found == WANTED
    assert studies["rank"].tolist() == list(range(1, len(WANTED) + 1))


def test_a_row_has_a_remark_only_where_it_is_not_the_score(desk: Desk) -> None:
    """Of a score above the range nothing is left to say; of an adult that the model was not made for one."""
    remarks = load_worklist(desk).studies.set_index("file")["remark"]
    assert remarks["flagged.png"] == "" and remarks["adult.png"].startswith("out of scope: 45 years;")


@pytest.mark.parametrize("file", WANTED)
def test_the_page_of_a_study_says_both(desk: Desk, file: str) -> None:
    """Reading pane and PDF agree with the list, and the PDF says no other result or place."""
    reading_id = readings(desk)[file]
    reading, place = get_reading(desk, reading_id), place_reading(desk, reading_id)
    assert (AI_RESULTS[reading.ai_result], order_in_words(place.band, place.is_lifted)) == WANTED[file]
    text = text_of(export_study(desk, reading_id, ExportFormat.PDF))
    head = text[: text.index("Readers' findings")]
    assert all(words in head for words in WANTED[file])
    others = {*AI_RESULTS.values(), *READING_ORDER.values()} - {WANTED[file][0], WANTED[file][1].split(",")[0]}
    assert [words for words in others if words in head] == []
    if reading.probability is not None:
        assert f"AI score {reading.probability:.2f}" in head


def test_an_adult_is_indeterminate_with_score_and_reason(desk: Desk) -> None:
    """Whatever its score, an image out of scope is not flagged, and its page says why and what the score was."""
    text = text_of(export_study(desk, readings(desk)["adult.png"], ExportFormat.PDF))
    assert "Indeterminate AI score 0.98" in text and "Out of scope: 45 years" in text


def test_the_pdf_of_a_batch_has_both_and_counts_results(desk: Desk) -> None:
    """Each row has its place and result; the counts above the list are of AI results and add up to the files."""
    text = text_of(export_batch(desk, "first", ExportFormat.PDF))
    for file, (result, order) in WANTED.items():
        if file != "old.png":
            assert f"{order} {result.split(':')[0]}" in text[: text.index(file)].split(".png")[-1]
    counts = count_results(desk, ["first", "second"])
    assert counts["first"] == {
        AIResult.FLAGGED: 1,
        AIResult.INDETERMINATE: 3,
        AIResult.NO_FLAG: 2,
        AIResult.UNSUITABLE: 1,
        AIResult.FILE_ERROR: 1,
    }
    assert sum(counts["second"].values()) == 1
    assert "1 AI flagged 3 Indeterminate 2 No AI flag 1 Unsuitable image 1 File error" in text


def test_the_command_line_has_both(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed table of the worklist has the same words; JSON keeps the stored ones."""
    monkeypatch.setenv("COLUMNS", "250")
    lines = CliRunner().invoke(app, ["list"], catch_exceptions=False).stdout.splitlines()
    assert "AI result" in lines[0] and "AI score" in lines[0]
    for file, (result, order) in WANTED.items():
        (line,) = [line for line in lines if file in line]
        assert result in line and order in line
    stored = CliRunner().invoke(app, ["list", "--json"], catch_exceptions=False).stdout
    assert '"band": "urgent"' in stored and "AI flagged" not in stored


def test_only_a_decisive_result_has_a_predictive_value(desk: Desk) -> None:
    """Neither an indeterminate image nor one that was not analysed is said to be likely or unlikely to show disease."""
    ids = readings(desk)
    for file in ("adult.png", "raised.png", "lateral.png"):
        said = meaning_here(get_reading(desk, ids[file]), 0.05)
        assert said == "No predictive value: the AI result is not decisive."


def test_a_predictive_value_is_that_of_the_threshold_in_use(desk: Desk) -> None:
    """At the point's own 0.5, rates measured there are given, never as 0 or 100 %; those measured at 0.58 are not."""
    labels, scores = [0] * 50 + [1] * 50, [0.1] * 50 + [0.9] * 50
    evaluated_at(desk, 0.5, labels, scores)
    ids = readings(desk)
    flagged = meaning_here(get_reading(desk, ids["flagged.png"]), 0.05)
    clear = meaning_here(get_reading(desk, ids["clear.png"]), 0.05)
    assert flagged.startswith("PPV > 99.9% (95 % CI ") and "from the threshold 0.50, at 5.0% prevalence" in flagged
    assert clear.startswith("NPV > 99.9% (95 % CI ") and "below the threshold 0.50" in clear and "100" not in clear[:40]
    evaluated_at(desk, 0.58, labels, scores)
    said = meaning_here(get_reading(desk, ids["flagged.png"]), 0.05)
    assert said == "No predictive value: this model was not evaluated on labelled images at this threshold."


def evaluated_at(desk: Desk, threshold: float, labels: list[int], scores: list[float]) -> None:
    """Write the figures of these scores at a threshold on the model's card."""
    report = evaluate_probabilities(labels, scores, threshold, num_resamples=0)
    with desk.transaction() as session:
        model = session.get_one(tables.ModelVersion, 1)
        model.card = {**model.card, "metrics": {"validation": report.model_dump()}}


def test_a_score_near_a_limit_reads_beyond_it_at_every_door(desk: Desk) -> None:
    """With a range that ends at 0.60, a flagged 0.6034 is no "0.60" on the list or in batch and disagreements."""
    (number,) = add_batch(desk, [("near.png", 0.6034)], batch_id="third").values()
    with desk.transaction() as session:
        session.get_one(tables.Reading, number).reasons = store((AboveBand(0.6034, 0.4, 0.6),))
    give_verdict(desk, number, "Ada", Verdict.NORMAL)
    (study,) = [row for row in load_worklist(desk).studies.to_dict("records") if row["file"] == "near.png"]
    assert shown_study(study)["ai_score"] == "0.603"
    differing = agreement_of(load_worklist(desk)).disagreements.to_dict("records")
    assert [shown_disagreement(row)["ai_score"] for row in differing if row["file"] == "near.png"] == ["0.603"]
    (row,) = [row for row in ranked_readings(desk, "third") if row["file"] == "near.png"]
    assert shown_reading(row)["ai_score"] == "0.603"
    assert "0.603" in text_of(export_batch(desk, "third", ExportFormat.PDF))
