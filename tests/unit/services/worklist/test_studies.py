"""The worklist over all batches: one row a study, in the order of the rules, filtered as asked."""

from pathlib import Path

import pytest

from core.errors import WorklistError
from core.services.worklist.rules import current_rules, list_rules, save_rules
from core.services.worklist.studies import Show, SortBy, StudyFilter, assign_studies, load_worklist, select_studies
from core.services.worklist.studies import worklist_version as version_of
from core.services.worklist.verdicts import Verdict, give_verdict
from core.triage.rules import WorklistRules
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path):
    return small_desk(tmp_path / "home")


def files(desk, show=Show.ALL, reader="Ada", batch_id=None, **asked) -> list[str]:
    return select_studies(load_worklist(desk, batch_id), StudyFilter(show=show, **asked), reader)["file"].tolist()


def test_studies_of_all_batches_stand_in_one_order(desk) -> None:
    """Images of two batches are ranked together, with unreadable ones above the routine."""
    add_batch(desk, [("a", 0.7), ("b", 0.1), ("x", "failed")])
    add_batch(desk, [("c", 0.9), ("d", 0.5)], batch_id="second")
    assert files(desk) == ["c", "a", "x", "d", "b"]
    assert files(desk, batch_id="first") == ["a", "x", "b"]


def test_a_film_sent_twice_is_one_study(desk) -> None:
    """The same content in two batches is one row, of the newest reading, waiting since it first came."""
    add_batch(desk, [("old name", 0.2)], hours_ago=5, contents={"old name": "film"})
    add_batch(desk, [("new name", 0.3)], batch_id="second", contents={"new name": "film"})
    studies = load_worklist(desk).studies
    assert studies["file"].tolist() == ["new name"]
    assert studies["waited_hours"].item() == pytest.approx(5, abs=0.1)


def test_an_empty_desk_has_an_empty_list(desk) -> None:
    """Nothing read is no error."""
    assert files(desk) == []


def test_a_study_that_waited_too_long_is_lifted_until_it_is_judged(desk) -> None:
    """A routine image over the waiting cap stands among the urgent; a verdict lets it sink again."""
    old = add_batch(desk, [("old", 0.1)], hours_ago=30)["old"]
    add_batch(desk, [("new", 0.5)], batch_id="second")
    assert files(desk) == ["old", "new"]
    assert load_worklist(desk).studies["band"].tolist() == ["urgent", "review"]
    give_verdict(desk, old, "Ada", Verdict.NORMAL)
    assert files(desk) == ["new", "old"]


def test_who_sees_what(desk) -> None:
    """Each view shows what it says: unread, given to me, read by me, evaluated by others only."""
    ids = add_batch(desk, [("a", 0.9), ("b", 0.8), ("c", 0.7)])
    give_verdict(desk, ids["a"], "Ada", Verdict.PNEUMONIA)
    give_verdict(desk, ids["b"], "Bob", Verdict.PNEUMONIA)
    assert files(desk, Show.TO_READ) == ["c"]
    assert files(desk, Show.JUDGED) == ["a"]
    assert files(desk, Show.SECOND) == ["b"]
    studies = load_worklist(desk).studies.set_index("file")["study"]
    assign_studies(desk, [studies["a"], studies["b"]], "Ada", "Bob")
    assert files(desk, Show.MINE) == ["b"]
    assert files(desk, assigned_to="Ada") == ["a", "b"]
    assign_studies(desk, [studies["b"]], None, "Bob")
    assert files(desk, assigned_to="Ada") == ["a"]


def test_filter_search_and_sort(desk) -> None:
    """Bands, names (as text, not as patterns) and orders do what they say."""
    add_batch(desk, [("a.png", 0.9), ("b(1).png", 0.1), ("C.png", 0.5)], hours_ago=2)
    add_batch(desk, [("d.png", 0.2)], batch_id="second")
    assert files(desk, bands=("urgent", "review")) == ["a.png", "C.png"]
    assert files(desk, search="(1)") == ["b(1).png"]
    assert files(desk, search="c.P") == ["C.png"]
    assert files(desk, search=".*") == []
    assert files(desk, sort_by=SortBy.PROBABILITY) == ["a.png", "C.png", "d.png", "b(1).png"]
    assert files(desk, sort_by=SortBy.NEWEST)[0] == "d.png"
    assert files(desk, sort_by=SortBy.WAITING)[-1] == "d.png"


def test_rules_have_versions_and_authors(desk) -> None:
    """Saving rules makes a version that counts at once; the same rules again make none; nobody saves unnamed."""
    add_batch(desk, [("a", 0.5)])
    assert current_rules(desk).version == 0
    assert save_rules(desk, WorklistRules(uncertain_band="urgent"), "Ada") == 1
    assert load_worklist(desk).studies["band"].tolist() == ["urgent"]
    assert save_rules(desk, WorklistRules(uncertain_band="urgent"), "Bob") == 1
    assert save_rules(desk, WorklistRules(), "Bob") == 2
    assert [(row.version, row.author) for row in list_rules(desk)] == [(2, "Bob"), (1, "Ada")]
    with pytest.raises(WorklistError):
        save_rules(desk, WorklistRules(keep_days=3), None)


def test_the_version_follows_every_change(desk) -> None:
    """Readings, verdicts, assignments and rules each change the number by which a page knows what it has shown."""
    seen = {version_of(desk)}
    reading = add_batch(desk, [("a", 0.5)])["a"]
    for change in (
        lambda: None,
        lambda: give_verdict(desk, reading, "Ada", Verdict.UNSURE),
        lambda: assign_studies(desk, ["s"], "Ada", "Bob"),
        lambda: save_rules(desk, WorklistRules(keep_days=3), "Ada"),
    ):
        change()
        assert version_of(desk) not in seen
        seen.add(version_of(desk))
