"""The worklist from the command line: verdicts undone, studies assigned, agreement and rules."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from core.cli.worklist import app
from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.desk.audit_trail import detail_in_words, events_to_csv, list_events
from core.services.worklist.rules import current_rules, list_rules
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = small_desk(tmp_path / "home")
    monkeypatch.setattr("core.cli.worklist.open_desk", lambda: desk)
    return desk


@pytest.fixture
def readings(desk: Desk) -> dict[str, int]:
    return add_batch(desk, [("sick.png", 0.9), ("well.png", 0.1), ("also-sick.png", 0.8), ("also-well.png", 0.2)])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shown(*arguments: str) -> object:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(*arguments: str) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, PneumoDeskError)
    return str(result.exception)


def test_the_last_verdict_is_taken_back(desk: Desk, readings: dict[str, int]) -> None:
    """Undo takes back one's own newest verdict, then the one before; with none left it says so."""
    for verdict in (Verdict.NORMAL, Verdict.PNEUMONIA):
        give_verdict(desk, readings["sick.png"], "Ada", verdict)
    give_verdict(desk, readings["sick.png"], "Ben", Verdict.UNSURE)
    assert run("undo", "--as", "Ada").exit_code == 0
    assert {row.reader: row.verdict for row in current_verdicts(desk)} == {"Ada": "normal", "Ben": "unsure"}
    assert run("undo", "--as", "Ada").exit_code == 0
    assert "Ada has given no finding" in refusal("undo", "--as", "Ada")
    assert "Say who reads" in refusal("undo")


def test_studies_are_assigned_by_the_beginning_of_their_names(desk: Desk, readings: dict[str, int]) -> None:
    """What the list names can be given to a reader and undone; nothing is assigned if one name is wrong."""
    listed = {row["file"]: row for row in shown("list")}
    assert listed["sick.png"]["reading_id"] == readings["sick.png"]
    study = listed["sick.png"]["study"][:10]
    assert run("assign", study, "--to", "Ben", "--as", "Ada").exit_code == 0
    assert {row["file"]: row["assigned_to"] for row in shown("list")}["sick.png"] == "Ben"
    assert "There is no study 'zz'" in refusal("assign", study, "zz", "--to", "Cy", "--as", "Ada")
    assert {row["file"]: row["assigned_to"] for row in shown("list")}["sick.png"] == "Ben"
    assert run("assign", study, "--as", "Ada").exit_code == 0
    assert {row["assigned_to"] for row in shown("list")} == {""}


def test_agreement_counts_as_by_hand(desk: Desk, readings: dict[str, int]) -> None:
    """Three of four verdicts as the model says: kappa 0.5, sensitivity 1 of 1, and one disagreement."""
    said = {"sick.png": "pneumonia", "also-sick.png": "normal", "well.png": "normal", "also-well.png": "normal"}
    for file, verdict in said.items():
        give_verdict(desk, readings[file], "Ada", Verdict(verdict))
    document = shown("agreement")
    (pair,) = document["pairs"]
    assert (pair["first"], pair["second"], pair["num_studies"], pair["agreed"]) == ("model", "Ada", 4, 3)
    assert pair["kappa"] == pytest.approx(0.5)
    (against,) = document["against"]
    assert (against["sensitivity"], against["specificity"]) == (1.0, pytest.approx(2 / 3))
    assert [row["file"] for row in document["disagreements"]] == ["also-sick.png"]
    assert document["num_judged"] == 4 and shown("agreement", "--batch", "first") == document
    assert "On 1 model and readers differ" in run("agreement").output


def test_rules_are_changed_and_kept_by_version(desk: Desk) -> None:
    """A change makes a version under its author's name; what is not allowed changes nothing."""
    assert shown("rules")["version"] == 0
    changed = shown("rules", "waiting_cap_hours=6", "urgent_from=0.7", "--as", "Ada")
    assert (changed["version"], changed["waiting_cap_hours"], changed["author"]) == (1, 6, "Ada")
    assert shown("rules", "urgent_from=", "--as", "Ben")["urgent_from"] is None
    assert [row["author"] for row in shown("rules", "--history")] == ["Ben", "Ada"]
    assert "no change of a rule" in refusal("rules", "colour=red", "--as", "Ada")
    assert "waiting_cap_hours is '-1'" in refusal("rules", "waiting_cap_hours=-1", "--as", "Ada")
    assert "Say who reads" in refusal("rules", "waiting_cap_hours=5")
    assert len(list_rules(desk)) == 2 and current_rules(desk).rules.waiting_cap_hours == 6


@pytest.mark.parametrize("said", ["no pneumonia", "normal"])
def test_a_finding_is_given_by_its_word_or_its_stored_name(desk: Desk, readings: dict[str, int], said: str) -> None:
    """Both are kept as the stored value and answered in the word; the audit log shows the word, its CSV the value."""
    result = run("judge", str(readings["well.png"]), said, "--as", "Ada")
    assert result.exit_code == 0 and "Saved: no pneumonia." in result.stderr
    assert [row.verdict for row in current_verdicts(desk)] == [Verdict.NORMAL]
    (event,) = list_events(desk)
    assert detail_in_words(event.detail).startswith("finding: no pneumonia; ")
    assert "verdict: normal" in events_to_csv([event])


def test_a_word_that_is_no_finding_is_refused_with_those_that_are(desk: Desk, readings: dict[str, int]) -> None:
    """The refusal lists the four, and nothing is kept."""
    said = refusal("judge", str(readings["well.png"]), "fine", "--as", "Ada")
    assert said == "'fine' is no finding. Say 'pneumonia', 'no pneumonia', 'equivocal' or 'non-diagnostic'."
    assert current_verdicts(desk) == []
