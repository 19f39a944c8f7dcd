"""After reading: model and readers compared, disagreements listed, verdicts exported as the next dataset's labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.dataset.naming import parse_kermany_name
from core.errors import WorklistError
from core.services.desk.audit_trail import AuditAction, AuditFilter, count_events, events_to_csv, list_events
from core.services.worklist.agreement import report_agreement
from core.services.worklist.label_export import export_verdicts
from core.services.worklist.verdicts import Verdict, give_verdict
from tests.small_desk import add_batch, small_desk
from tests.unit.dataset.small_cohorts import index_cohort

P, N, U, X = Verdict.PNEUMONIA, Verdict.NORMAL, Verdict.UNSURE, Verdict.NOT_READABLE


@pytest.fixture
def desk(tmp_path: Path):
    return small_desk(tmp_path / "home")


def judge(desk, ids: dict[str, int], reader: str, said: dict[str, Verdict], note: str = "") -> None:
    for file, verdict in said.items():
        give_verdict(desk, ids[file], reader, verdict, note)


@pytest.fixture
def read(desk, tmp_path: Path) -> dict[str, int]:
    """Six real files read by the model and, in part, by two readers."""
    folder = tmp_path / "films"
    folder.mkdir()
    draw = np.random.default_rng(0)
    names = ("person1_bacteria_1.jpeg", "b.jpeg", "c.jpeg", "=d.jpeg", "e.jpeg", "f.jpeg")
    for name in names:
        Image.fromarray(draw.integers(0, 255, (300, 320), dtype=np.uint8)).save(folder / name)
    ids = add_batch(desk, list(zip(names, (0.9, 0.8, 0.1, 0.2, 0.5, 0.05), strict=True)), folder=folder)
    judge(desk, ids, "Ada", {names[0]: P, "b.jpeg": N, "c.jpeg": N, "=d.jpeg": P, "e.jpeg": N, "f.jpeg": X})
    judge(desk, ids, "Bob", {names[0]: P, "b.jpeg": P, "c.jpeg": U, "=d.jpeg": P})
    return ids


def test_figures_by_hand(desk, read) -> None:
    """Counts, kappa and sensitivity of each pair are those counted by hand."""
    report = report_agreement(desk)
    found = {(pair.first, pair.second): pair.found for pair in report.pairs}
    assert set(found) == {("model", "Ada"), ("model", "Bob"), ("Ada", "Bob")}
    # Ada and the model decided on four studies and agree on two of them, as chance would have it.
    assert (found["model", "Ada"].num_studies, found["model", "Ada"].num_decided) == (6, 4)
    assert found["model", "Ada"].kappa == pytest.approx(0.0)
    assert (found["Ada", "Bob"].num_studies, found["Ada", "Bob"].num_decided) == (4, 3)
    ada = report.against["Ada"]
    assert (ada.num_positive, ada.num_negative) == (2, 3)
    # Of Ada's normals, "c" is not flagged; "b" is, and the uncertain "e" counts as flagged.
    assert (ada.sensitivity, ada.specificity) == (0.5, pytest.approx(1 / 3))
    assert report.num_judged == 6 and report.models == ("small",)


def test_disagreements_name_who_differs(desk, read) -> None:
    """Every study on which model and reader, or two readers, differ is listed with what each said."""
    rows = report_agreement(desk).disagreements.set_index("file")
    assert rows["between"].to_dict() == {"b.jpeg": "model and reader and readers", "=d.jpeg": "model and reader"}
    assert rows.loc["b.jpeg", "verdicts"] == "Ada: normal; Bob: pneumonia"


def test_nothing_judged_is_an_empty_report(desk) -> None:
    """Without verdicts there are no figures, and no error."""
    report = report_agreement(desk)
    assert (report.pairs, report.against, report.num_judged) == ([], {}, 0) and report.disagreements.empty


def test_verdicts_become_a_cohort(desk, read, tmp_path: Path) -> None:
    """What readers agree on loads again as a labelled dataset with its patients; the rest is counted."""
    export = export_verdicts(desk, "Ada", tmp_path / "next")
    assert (export.num_films, export.num_conflicting, export.num_undecided, export.missing) == (4, 1, 1, [])
    manifest = index_cohort(tmp_path / "next").manifest
    assert manifest["problem"].isna().all()
    assert sorted(manifest["label"]) == ["normal", "normal", "pneumonia", "pneumonia"]
    assert parse_kermany_name("person1_bacteria_1.jpeg").patient in set(manifest["patient"])
    (event,) = list_events(desk, AuditFilter(actions=(AuditAction.EXPORT,)))
    assert event.who == "Ada" and event.detail["films"] == 4


def test_films_that_are_gone_are_named(desk, read, tmp_path: Path) -> None:
    """An image deleted since it was read is named, and the others are exported."""
    (tmp_path / "films" / "c.jpeg").unlink()
    export = export_verdicts(desk, "Ada", tmp_path / "next")
    assert (export.num_films, export.missing) == (3, ["c.jpeg"])


def test_an_export_never_mixes_with_what_is_there(desk, read, tmp_path: Path) -> None:
    """A folder that holds something, and a desk without decided verdicts, are refused in a sentence."""
    with pytest.raises(WorklistError, match="not empty"):
        export_verdicts(desk, "Ada", tmp_path / "films")
    with pytest.raises(WorklistError, match="no labels"):
        export_verdicts(small_desk(tmp_path / "other"), "Ada")


def test_the_trail_can_be_filtered_and_is_harmless_in_a_spreadsheet(desk, read) -> None:
    """The trail answers by reader, action and file name, and what could be a formula is led by an apostrophe."""
    assert count_events(desk, AuditFilter(actor="Bob")) == 4
    assert count_events(desk, AuditFilter(actions=(AuditAction.VERDICT,))) == 10
    assert {event.who for event in list_events(desk, AuditFilter(search="=d"))} == {"Ada", "Bob"}
    assert count_events(desk, AuditFilter(search="%")) == 0
    lines = events_to_csv(list_events(desk, AuditFilter(search="=d"))).splitlines()
    assert all(",'=d.jpeg," in line for line in lines[1:])
