"""The Models page in a real browser: a run is promoted, made active and rolled back from."""

import pytest
from playwright.sync_api import expect

from core.services.desk import open_desk
from core.services.models.lookup import active_model
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint, made_films


@pytest.mark.timeout(300)
def test_a_run_is_promoted_activated_and_rolled_back(dashboard, tab, foreign_requests: list[str]) -> None:
    """Each step is two clicks and is seen at once; tables and ensembles open by their addresses; nothing leaves."""
    desk = open_desk(AppSettings(home=dashboard.home))
    add_run(desk, "first0", films=made_films(60), splits=("validation", "calibration"))
    give_checkpoint(desk, "first0", 32, 0)
    tab.goto(f"{dashboard.address}/models")
    main = tab.get_by_test_id("stMain")
    expect(main.get_by_text("Active: starter")).to_be_visible()
    main.get_by_role("tab", name="Promote").click()
    main.get_by_label("Name").first.fill("ward")
    main.get_by_label("Name").first.press("Tab")
    main.get_by_role("button", name="Promote").click()
    main.get_by_role("tab", name="Versions").click()
    expect(main.get_by_text("Card of ward@1")).to_be_visible()
    main.get_by_role("button", name="Set active").click()
    tab.get_by_role("button", name="Make ward@1 active").click()
    expect(main.get_by_text("Active: ward@1")).to_be_visible()
    assert active_model(desk) == "ward@1"
    main.get_by_role("button", name="Roll back").click()
    tab.get_by_role("button", name="Roll back to starter").click()
    expect(main.get_by_text("Active: starter")).to_be_visible()
    assert active_model(desk) == "starter"
    for query, shown in (("table=first0", "first0"), ("ensemble=all", "There is no ensemble yet")):
        tab.goto(f"{dashboard.address}/experiments?{query}")
        expect(main.get_by_role("button", name="All runs")).to_be_visible()
        expect(main.get_by_test_id("stAlert")).to_have_count(0)
        if query.startswith("ensemble"):
            expect(main.get_by_text(shown)).to_be_visible()
    assert foreign_requests == []
