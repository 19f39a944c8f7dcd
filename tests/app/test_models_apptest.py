"""The Models page without a browser: promote, activate, roll back, archive, read the card."""

from functools import partial

import pytest

from core.services.desk import Desk
from core.services.models.lookup import STARTER, active_model, model_card
from core.services.registry.promotion import list_versions
from tests.app.opened_page import open_page
from tests.made_runs import add_run, give_checkpoint, made_films


@pytest.fixture
def ready_run(desk: Desk) -> Desk:
    add_run(desk, "first0", films=made_films(60), splits=("validation", "calibration"))
    give_checkpoint(desk, "first0", 32, 0)
    return desk


page = partial(open_page, "models")


def test_an_empty_desk_shows_the_model_in_the_box_and_what_to_do(desk: Desk) -> None:
    """The starter is active, its card is there, and what is lacking for a promotion is said."""
    app = page()
    assert not app.exception and not app.error
    said = " ".join(one.value for one in app.main.caption)
    assert "No promoted model yet" in said and "No run has a finished model yet" in said
    assert any("Active: starter" in one.value for one in app.subheader)


def test_a_run_is_promoted_activated_and_rolled_back(ready_run: Desk) -> None:
    """The form makes a version, the version is made active by its button, and the way back leads to the starter."""
    app = page()
    app.text_input(key="models.name").set_value("ward").run()
    app.text_area(key="models.intended_use").set_value("Adults over 18.").run()
    app.text_area(key="models.limits").set_value("One site.\n\nNo portables.").run()
    app.button(key="models.promote").click().run()
    assert not app.exception and not app.error
    card = model_card(ready_run, "ward@1")
    assert "Adults over 18." in card.intended_use
    assert [limit[:13] for limit in card.limits[:2]] == ["One site. (St", "No portables."]
    assert [version.reference for version in list_versions(ready_run)] == ["ward@1"]
    assert active_model(ready_run) == STARTER
    app.button(key="models.activate_now").click().run()
    assert active_model(ready_run) == "ward@1"
    app.button(key="models.rollback_now").click().run()
    assert active_model(ready_run) == STARTER
    app.button(key="models.archive").click().run()
    assert not app.exception and list_versions(ready_run) == []
    app.button(key="models.undo").click().run()
    assert [version.reference for version in list_versions(ready_run)] == ["ward@1"]


def test_a_wrong_address_is_answered_in_a_sentence(ready_run: Desk) -> None:
    """A version that is not there leaves the page standing and says so."""
    app = page(model="ward@9")
    assert not app.exception
    assert any("no model called 'ward@9'" in one.value for one in app.error)
