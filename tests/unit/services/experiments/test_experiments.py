"""The history of runs, their evaluation, operating points and comparison, on both kinds of database."""

import csv
import io
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sqlalchemy import text

from core.errors import EvaluationError, InputNotFoundError, PneumoDeskError
from core.evaluation.metrics import evaluate_probabilities
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.reasons import Said, store
from core.runs.process_identity import ProcessIdentity
from core.services.desk import Desk, open_desk
from core.services.evaluation import test_set_access
from core.services.evaluation.predictions import keep_predictions
from core.services.evaluation.stored_results import load_evaluation, openings_so_far, worst_errors
from core.services.evaluation.test_set_access import record_opening
from core.services.evaluation.threshold_selection import keep_point, list_points, propose_point
from core.services.experiments.annotations import archive, delete_runs, restore_runs, set_tags, star, write_note
from core.services.experiments.comparison import CompareRequest, compare_runs
from core.services.experiments.history import HistoryQuery, RunOrder, RunStatusFilter, known_tags, search_runs
from core.services.experiments.run_export import export_runs, predictions_to_csv, runs_to_csv
from core.services.experiments.seed_groups import group_by_seed, group_by_tag, spread
from core.services.runs.listing import list_runs
from core.services.runs.record import get_record
from core.settings import AppSettings
from core.work_reasons import RunLost
from db import models as tables
from db.base import utc_now
from tests.made_runs import add_run, made_films, made_logits, predicted
from tests.named_processes import name_process
from tests.unit.db.conftest import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return open_desk(AppSettings(home=tmp_path / "home", database_url=url))


def found(desk: Desk, **query: object) -> list[str]:
    return [line.id for line in search_runs(desk, HistoryQuery(**query)).lines]


def test_the_history_is_filtered_searched_sorted_and_paged(desk: Desk) -> None:
    """Words are sought in name, note, tags and config in any case; figures sort with runs without any last."""
    add_run(desk, "r1", name="Sturdy Lite0", skill=3, day=1)
    add_run(desk, "r2", name="Weak ResNet", skill=0.5, day=2, architecture="resnet18")
    add_run(desk, "r3", name="Broken", state="failed", day=3)
    write_note(desk, "r1", "for the 100% ward")
    set_tags(desk, "r2", ["Sweep A", "sweep  A", "Sweep A", " "])
    star(desk, ["r2"])
    assert found(desk) == ["r3", "r2", "r1"]
    assert found(desk, order=RunOrder.AUC) == ["r1", "r2", "r3"]
    assert found(desk, order=RunOrder.AUC, ascending=True) == ["r2", "r1", "r3"]
    assert found(desk, order=RunOrder.NAME, ascending=True) == ["r3", "r1", "r2"]
    assert found(desk, text="lite0 STURDY") == ["r1"]
    assert found(desk, text="100%") == ["r1"] and found(desk, text="1__%") == []
    assert found(desk, text="sweep") == ["r2"] and found(desk, tags=("Sweep A",)) == ["r2"]
    assert found(desk, text="resnet18") == ["r2"] and found(desk, architectures=("resnet18",)) == ["r2"]
    assert found(desk, states=("failed",)) == ["r3"] and found(desk, starred=True) == ["r2"]
    page = search_runs(desk, HistoryQuery(offset=1, limit=1))
    assert [line.id for line in page.lines] == ["r2"] and (page.num_found, page.num_all) == (3, 3)
    assert page.lines[0].sparkline[0] == 0.8 and page.lines[0].tags == ("Sweep A", "sweep A")
    assert known_tags(desk) == sorted({"Sweep A", "sweep A"})


def test_runs_are_found_by_what_is_said_of_their_end(desk: Desk) -> None:
    """Words that are only shown, chosen by a stored value, and names of other alphabets find their run and no other."""
    for run_id, why in (("gone", RunLost("rebooted", None)), ("full", Said("Bücher is full"))):
        add_run(desk, run_id, name=run_id, state="failed", splits=())
        with desk.transaction() as session:
            session.get_one(tables.Run, run_id).reasons = store([why])
    assert found(desk, text="lost power") == ["gone"]
    assert found(desk, text="Bücher") == ["full"]
    assert found(desk, text="exited unexpectedly") == []


def test_figures_that_are_no_numbers_stand_last_and_disable_nothing(desk: Desk) -> None:
    """A text, a list, a number beyond all floats and NaN, as a record from elsewhere may hold, sort as no figure."""
    add_run(desk, "good", day=1)
    add_run(desk, "weak", skill=0.5, day=2)
    strange = ("no number", [1], {"a": 1}, 10**400, 7.5, True, None, "NaN", "\0")
    for number, value in enumerate(strange):
        add_run(desk, f"strange{number}", day=3 + number, architecture="resnet18")
        with desk.transaction() as session:
            run = session.get_one(tables.Run, f"strange{number}")
            run.summary = {"metrics": {"validation": {"auc": value, "accuracy": value}}}
            run.config = {**run.config, "architecture": "resnet18" if number else "resnet\0"}
    if desk.engine.dialect.name == "sqlite":
        # PostgreSQL takes no NaN into a document.
        with desk.transaction() as session:
            session.execute(text("UPDATE run SET summary = :one WHERE id = 'strange0'"), {"one": '{"metrics": NaN}'})
    for order in (RunOrder.AUC, RunOrder.ACCURACY):
        assert found(desk, order=order)[:2] == ["good", "weak"]
        assert found(desk, order=order, ascending=True)[:2] == ["weak", "good"]
        assert len(found(desk, order=order)) == 2 + len(strange)
    assert len(found(desk, architectures=("resnet18",))) == len(strange) - 1


def test_put_away_and_deleted_runs_come_back(desk: Desk) -> None:
    """An archived or deleted run leaves the list and is found on its shelf; both can be undone."""
    for number in (1, 2):
        add_run(desk, f"r{number}", day=number)
    archive(desk, ["r1"])
    delete_runs(desk, ["r2"])
    assert found(desk) == [] and found(desk, shelf=RunStatusFilter.ARCHIVED) == ["r1"]
    assert found(desk, shelf=RunStatusFilter.DELETED) == ["r2"] and [run["id"] for run in list_runs(desk)] == ["r1"]
    archive(desk, ["r1"], archived=False)
    restore_runs(desk, ["r2"])
    assert found(desk) == ["r2", "r1"]


def test_a_running_run_is_not_deleted(desk: Desk) -> None:
    """Of several runs none is deleted if one is still running, and the sentence names it."""
    add_run(desk, "r1")
    add_run(desk, "r2", name="At work", state="running")
    here = ProcessIdentity.current()
    with desk.transaction() as session:
        run = session.get_one(tables.Run, "r2")
        name_process(run, here)
    with pytest.raises(PneumoDeskError, match="At work"):
        delete_runs(desk, ["r1", "r2"])
    assert len(found(desk)) == 2
    with pytest.raises(InputNotFoundError, match="no run 'nowhere'"):
        star(desk, ["nowhere"])


def test_groups_spread_over_seeds(desk: Desk) -> None:
    """Runs that differ in the seed alone are one group, with mean, deviation and the t interval of the mean."""
    aucs = [add_run(desk, f"r{seed}", seed=seed).report.auc for seed in range(3)]
    add_run(desk, "other", seed=1, dropout=0.1)
    set_tags(desk, "r0", ["sweep"])
    set_tags(desk, "other", ["sweep"])
    lines = search_runs(desk, HistoryQuery()).lines
    group = group_by_seed(lines)[0]
    assert set(group.run_ids) == {"r0", "r1", "r2"} and group.mean_auc == pytest.approx(np.mean(aucs))
    assert group.standard_deviation == pytest.approx(np.std(aucs, ddof=1))
    reach = 4.302652729911275 * np.std(aucs, ddof=1) / math.sqrt(3)
    assert group.interval[1] - group.mean_auc == pytest.approx(reach)
    assert set(group_by_tag(lines)[0].run_ids) == {"r0", "other"}
    assert spread([0.5]) == (0.5, None, None) and spread([]) == (None, None, None)


def test_predictions_come_back_as_they_were(desk: Desk) -> None:
    """Stored logits, labels and patients are those that went in, bit for bit, and give the stored figures again."""
    films = made_films(40)
    add_run(desk, "r1", films=films, seed=5)
    back = load_evaluation(desk, "r1-checkpoint", "validation").predicted
    assert np.array_equal(back.logits_N, made_logits(films, 2.0, 5)) and back.films.document() == films.document()
    again = evaluate_probabilities(back.films.labels_N, back.probabilities, 0.5, patients_N=films.known_patients)
    assert again == back.report


def test_one_look_is_what_one_minute_shows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are seen again within a minute, through any door, are one look; validation figures are none."""
    now = utc_now()
    monkeypatch.setattr(test_set_access, "utc_now", lambda: now)
    add_run(desk, "r1", splits=("validation", "test"))
    assert load_evaluation(desk, "r1-checkpoint", "validation").num_openings == 0
    assert load_evaluation(desk, "r1-checkpoint", "test").num_openings == 1
    now += timedelta(seconds=59)
    assert load_evaluation(desk, "r1-checkpoint", "test").num_openings == 1
    now += timedelta(seconds=2)
    assert load_evaluation(desk, "r1-checkpoint", "test").num_openings == 2
    silent = load_evaluation(desk, "r1-checkpoint", "test", occasion=None)
    assert silent.num_openings == 2 and not silent.is_selection
    assert openings_so_far(desk, ["r1-checkpoint"], "test") == 2
    now += timedelta(minutes=2)
    predictions_to_csv(desk, "r1-checkpoint", "test")
    assert openings_so_far(desk, ["r1-checkpoint"], "test") == 3


def test_the_count_before_a_look_is_that_of_the_images_it_shows(desk: Desk) -> None:
    """Where the test images are of another dataset than the run's own, both numbers on the screen are of that one."""
    add_run(desk, "r1", splits=("validation",))
    elsewhere = replace(predicted("r1-checkpoint", "test", made_films(30), np.zeros(30)), cohort_fingerprint="other")
    with desk.transaction() as session:
        keep_predictions(session, elsewhere)
        record_opening(session, elsewhere, "read")
    assert openings_so_far(desk, ["r1-checkpoint"], "test") == 1
    assert load_evaluation(desk, "r1-checkpoint", "test", occasion=None).num_openings == 1


def test_a_run_without_predictions_is_a_sentence(desk: Desk) -> None:
    """What was never predicted is said, with what would predict it."""
    add_run(desk, "r1")
    with pytest.raises(EvaluationError, match="No predictions of this model on 'test' are kept"):
        load_evaluation(desk, "r1-checkpoint", "test")


def test_a_run_with_no_finished_epoch_has_a_record(desk: Desk) -> None:
    """A run that failed at once is shown with its error and no figures."""
    add_run(desk, "r1", state="failed")
    record = get_record(desk, "r1")
    assert record.epochs == () and record.splits == () and not record.has_checkpoint and record.card() is None


def test_operating_points_are_versioned_and_never_chosen_on_test(desk: Desk) -> None:
    """A name's second choice is its second version, the same choice again the same one; test images are refused."""
    kept = add_run(desk, "r1", splits=("validation", "test"))
    rule = OperatingPointRule(kind=RuleKind.TARGET_SENSITIVITY, target=0.9)
    first = keep_point(desk, kept, rule, "ward")
    assert (first.version, first.checkpoint_hash) == (1, "r1-checkpoint")
    assert keep_point(desk, kept, rule, " ward ") == first
    second = keep_point(desk, kept, OperatingPointRule(kind=RuleKind.COST_RATIO, cost_ratio=50), "ward")
    assert second.version == 2 and second.point.threshold != first.point.threshold
    assert [point.version for point in list_points(desk, "r1-checkpoint")] == [2, 1]
    flagged = kept.probabilities[kept.films.labels_N == 1] >= first.point.threshold
    assert flagged.mean() >= 0.9
    test = load_evaluation(desk, "r1-checkpoint", "test").predicted
    with pytest.raises(EvaluationError, match="never on 'test'"):
        propose_point(test, rule)
    with pytest.raises(EvaluationError, match="needs a name"):
        keep_point(desk, kept, rule, "  ")


def test_worst_errors_come_in_order(desk: Desk) -> None:
    """Missed images come from the lowest probability on, false alarms from the highest; absent images have no path."""
    kept = add_run(desk, "r1", skill=1)
    missed, alarms = worst_errors(desk, kept, 0.5, 4)
    assert [error.probability for error in missed] == sorted(error.probability for error in missed)
    assert [error.probability for error in alarms] == sorted((error.probability for error in alarms), reverse=True)
    assert all(error.is_pneumonia and error.probability < 0.5 and error.path is None for error in missed)
    assert all(not error.is_pneumonia and error.probability >= 0.5 for error in alarms)


def test_a_better_run_is_found_better(desk: Desk) -> None:
    """A run of more skill ranks better by DeLong, errs less by McNemar, and the verdict says so by name."""
    films = made_films(400)
    add_run(desk, "weak", name="Weak", skill=0.8, films=films)
    add_run(desk, "good", name="Good", skill=4.0, seed=1, films=films, dropout=0.1)
    comparison = compare_runs(desk, CompareRequest(runs=("weak", "good")))
    verdict = comparison.verdicts[0]
    assert verdict.auc_p_corrected < 1e-6 and verdict.errors_p_corrected < 1e-6
    assert verdict.words.startswith("Good ranks these 400 images better than Weak")
    assert "Good makes fewer errors" in verdict.words
    assert comparison.config_differences == {"dropout": (0.3, 0.1), "seed": (0, 1)}
    accuracy = next(item for item in verdict.differences if item.figure == "accuracy")
    assert accuracy.interval[0] > 0 and comparison.num_openings == 0
    assert comparison.document()["verdicts"][0]["auc"]["difference"] > 0


def test_equal_runs_are_not_told_apart(desk: Desk) -> None:
    """Two runs that say the same of every image rank alike and err alike."""
    films = made_films(50)
    for name in ("a", "b"):
        add_run(desk, name, films=films)
    words = compare_runs(desk, CompareRequest(runs=("a", "b"))).verdicts[0].words
    assert "rank these images alike" in words and "both misread the same" in words


def test_runs_on_different_films_are_compared_on_the_common_ones(desk: Desk) -> None:
    """Images are matched by content whatever their order; what was left out is said, and none in common is refused."""
    films, other = made_films(80), made_films(120, first=40)
    shared = films.labels_N[40:]
    other = replace(other, labels_N=np.concatenate([shared, other.labels_N[40:]]))
    one = add_run(desk, "a", films=films)
    two = add_run(desk, "b", films=other, seed=2)
    comparison = compare_runs(desk, CompareRequest(runs=("a", "b")))
    assert "different images" in comparison.notes[0] and "40 in common" in comparison.notes[0]
    expected = roc_auc_score(shared, two.logits_N[:40])
    assert comparison.runs[1].report.auc == pytest.approx(expected, abs=1e-9)
    assert comparison.runs[0].report.auc == pytest.approx(roc_auc_score(shared, one.logits_N[40:]), abs=1e-9)
    add_run(desk, "c", films=made_films(30, prefix="elsewhere"))
    with pytest.raises(EvaluationError, match="none in common"):
        compare_runs(desk, CompareRequest(runs=("a", "c")))


def test_what_cannot_be_compared_is_said(desk: Desk) -> None:
    """One run, nine runs, runs without a model and unknown names are sentences; a third without figures is a note."""
    for number in range(2):
        add_run(desk, f"r{number}", seed=number)
    add_run(desk, "dead", name="Dead", state="failed")
    with pytest.raises(EvaluationError, match="2 to 8 different runs; 1"):
        compare_runs(desk, CompareRequest(runs=("r0", "r0")))
    with pytest.raises(EvaluationError, match=r"Dead \(dead\) is failed"):
        compare_runs(desk, CompareRequest(runs=("r0", "dead")))
    with pytest.raises(InputNotFoundError, match="no run 'x'"):
        compare_runs(desk, CompareRequest(runs=("r0", "x")))
    with pytest.raises(InputNotFoundError, match="More than one run begins with"):
        compare_runs(desk, CompareRequest(runs=("r0", "r")))
    comparison = compare_runs(desk, CompareRequest(runs=("r0", "r1", "dead")))
    assert len(comparison.runs) == 2 and "Dead" in comparison.notes[0]


def test_films_of_one_class_leave_what_can_be_said(desk: Desk) -> None:
    """With normal images only there is no AUC to test, and errors are compared all the same."""
    films = replace(made_films(30), labels_N=np.zeros(30, np.uint8))
    for number in range(2):
        add_run(desk, f"r{number}", films=films, seed=number)
    comparison = compare_runs(desk, CompareRequest(runs=("r0", "r1")))
    assert "one class only" in comparison.notes[0] and comparison.verdicts[0].auc.difference is None
    assert "both classes" in comparison.verdicts[0].words and "threshold" in comparison.verdicts[0].words


def test_comparing_on_test_films_opens_them(desk: Desk) -> None:
    """Each run compared on test images adds one access."""
    for number in range(2):
        add_run(desk, f"r{number}", seed=number, splits=("test",))
    assert compare_runs(desk, CompareRequest(runs=("r0", "r1"), split="test")).num_openings == 2
    assert compare_runs(desk, CompareRequest(runs=("r0", "r1"), split="test"), record=False).num_openings == 2


def test_exports_hold_every_run_and_no_formula(desk: Desk) -> None:
    """The CSV has a line a run and what a spreadsheet would run as a formula is quoted; the JSON has the epochs."""
    add_run(desk, "r1", name="=cmd()", seed=4)
    add_run(desk, "r2", state="failed")
    rows = list(csv.DictReader(io.StringIO(runs_to_csv(search_runs(desk, HistoryQuery()).lines))))
    assert {row["id"] for row in rows} == {"r1", "r2"}
    row = next(row for row in rows if row["id"] == "r1")
    assert row["name"] == "'=cmd()" and row["config.seed"] == "4" and float(row["validation_auc"]) > 0.5
    documents = {document["id"]: document for document in export_runs(desk)}
    assert documents["r1"]["epochs"][0] == {"epoch": 1, "validation_auc": 0.8} and documents["r2"]["epochs"] == []
    films = list(csv.DictReader(io.StringIO(predictions_to_csv(desk, "r1-checkpoint", "validation"))))
    assert len(films) == 60 and set(films[0]) == {
        *("file", "label", "patient", "logit", "probability", "training_image")
    }
