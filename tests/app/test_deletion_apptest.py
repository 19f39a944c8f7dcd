"""Deleting a batch on its page, and bringing it back under Storage, without a browser."""

from functools import partial

from core.services.desk import Desk
from core.services.triage.batches import list_batches
from core.services.worklist.deletion import list_deleted
from core.services.worklist.verdicts import Verdict, give_verdict
from tests.app.opened_page import open_page
from tests.small_desk import add_batch

page = partial(open_page, "triage")


def test_a_batch_is_deleted_by_its_name_and_restored(desk: Desk) -> None:
    """The page says what is lost, refuses another name, deletes by the right one, and Storage brings the batch back."""
    ids = add_batch(desk, [("a.png", 0.9), ("b.png", 0.1)])
    give_verdict(desk, ids["a.png"], "Ada", Verdict.PNEUMONIA)
    app = page(batch="first")
    assert any("2 AI results, 1 readers' findings" in one.value for one in app.caption)
    delete = next(one for one in app.button if one.label == "Delete this batch")
    delete.click().run()
    assert any("The batch is called 'first'" in one.value for one in app.error) and len(list_batches(desk)) == 1
    app.text_input(key="keeping.name.first").set_value("first")
    next(one for one in app.button if one.label == "Delete this batch").click().run()
    assert not app.exception and list_batches(desk) == [] and len(list_deleted(desk)) == 1
    app = page(view="keeping")
    app.button(key="keeping.restore_batch.first").click().run()
    assert not app.exception and not app.error and len(list_batches(desk)) == 1
