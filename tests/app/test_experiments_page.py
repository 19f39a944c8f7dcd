"""The Experiments page in a real browser: runs found, evaluated, compared, deleted and undone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from core.radiograph.phantom import write_phantom_folder
from core.services.desk import Desk, open_desk
from core.services.evaluation.predictions import LabelledFilms
from core.services.evaluation.stored_results import openings_so_far
from core.settings import AppSettings
from db import models as tables
from tests.made_runs import add_run, made_films


@pytest.fixture(scope="module")
def home_desk(dashboard) -> Iterator[Desk]:
    """The served home with a few runs, evaluated on synthetic images that can be shown."""
    desk = open_desk(AppSettings(home=dashboard.home))
    folder = dashboard.home / "films"
    films = drawn_films(folder)
    with desk.transaction() as session:
        session.add(tables.Cohort(fingerprint="cohort", root=str(folder), num_images=len(films.files), summary={}))
    add_run(desk, "weak00", name="Weak reader", skill=0.7, films=films, splits=("validation", "test"), day=1)
    add_run(desk, "good00", name="Good reader", skill=4.0, seed=1, films=films, splits=("validation", "test"), day=2)
    add_run(desk, "other0", name="Elsewhere", films=made_films(60, first=20), day=3)
    add_run(desk, "broken", name="Broken reader", state="failed", day=4)
    yield desk


def drawn_films(folder: Path) -> LabelledFilms:
    write_phantom_folder(folder, 60)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    films = made_films(len(names))
    return replace(films, files=tuple(names))


def metric(tab, label: str):
    return tab.get_by_test_id("stMetric").filter(has_text=re.compile(rf"^{label}")).first


def test_history_leads_to_a_comparison(dashboard, home_desk, tab, foreign_requests: list[str]) -> None:
    """A cold visit lists all runs; words narrow them down; two marked runs are compared with a verdict in words."""
    tab.goto(f"{dashboard.address}/experiments")
    tab.get_by_role("heading", name="Experiments").wait_for()
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("1 to 4 of 4 matching runs")
    tab.get_by_role("textbox", name="Search").fill("reader nowhere")
    tab.keyboard.press("Enter")
    expect(main).to_contain_text("No run matches")
    tab.get_by_role("textbox", name="Search").fill("reader")
    tab.keyboard.press("Enter")
    expect(main).to_contain_text("1 to 3 of 3 matching runs")
    table = tab.get_by_test_id("stDataFrame").locator("canvas").first
    for row in (3, 2):
        table.click(position={"x": 15, "y": 35 * row + 17}, force=True)
    tab.get_by_role("button", name="Compare 2").click()
    expect(main).to_contain_text("ranks these 40 images better")
    expect(tab).to_have_url(re.compile(r"/experiments\?compare=\w+%2C\w+$"))
    expect(main).to_contain_text("Where their configs differ")
    tab.reload()
    expect(main).to_contain_text("ranks these 40 images better")
    tab.get_by_role("button", name="All runs").click()
    expect(main).to_contain_text("matching runs")
    assert foreign_requests == []


def test_test_films_are_opened_on_purpose_and_counted(dashboard, home_desk, tab) -> None:
    """Test figures stay closed until they are opened by a button; each access is counted beside them."""
    before = openings_so_far(home_desk, ["good00-checkpoint"], "test")
    tab.goto(f"{dashboard.address}/experiments?run=good00")
    main = tab.get_by_test_id("stMain")
    tab.get_by_role("radio", name="test", exact=True).click()
    expect(main).to_contain_text(f"accessed {before} times on this desk")
    assert openings_so_far(home_desk, ["good00-checkpoint"], "test") == before
    tab.get_by_role("button", name="Open the test figures").click()
    expect(main).to_contain_text(f"Opened {before + 1} times on this desk")
    tab.get_by_role("slider", name="Threshold").press("Home")
    expect(metric(tab, "Sensitivity")).to_contain_text("1.000")
    assert openings_so_far(home_desk, ["good00-checkpoint"], "test") == before + 1
    tab.get_by_role("radio", name="Operating points").click()
    expect(main).to_contain_text("Choose an operating point")
    expect(tab.get_by_role("radio", name="test", exact=True)).to_have_count(0)


def test_runs_on_different_films_say_so(dashboard, home_desk, tab) -> None:
    """A comparison of runs on different images, of which none are common, is one sentence and a way back."""
    tab.goto(f"{dashboard.address}/experiments?compare=good00,other0")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text(re.compile("different images"))
    tab.goto(f"{dashboard.address}/experiments?compare=good00,broken")
    expect(main).to_contain_text("Broken reader (broken) is failed and has no finished model")
    tab.get_by_role("button", name="All runs").first.click()
    expect(main).to_contain_text("matching runs")


def test_a_failed_and_an_unknown_run_are_said_in_words(dashboard, home_desk, tab) -> None:
    """A run without a finished epoch says so; a run that is not there says so and leads back."""
    tab.goto(f"{dashboard.address}/experiments?run=broken")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("No epoch of this run has ended")
    tab.goto(f"{dashboard.address}/experiments?run=unheard-of")
    expect(main).to_contain_text("There is no run 'unheard-of'")


def test_a_deleted_run_is_taken_back(dashboard, home_desk, tab) -> None:
    """A run that is deleted leaves the list, and one click brings it back."""
    tab.goto(f"{dashboard.address}/experiments")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("1 to 4 of 4 matching runs")
    tab.get_by_test_id("stDataFrame").locator("canvas").first.click(position={"x": 15, "y": 52}, force=True)
    tab.get_by_role("button", name="Delete").click()
    expect(main).to_contain_text("1 to 3 of 3 matching runs")
    tab.get_by_role("button", name="Undo").click()
    expect(main).to_contain_text("1 to 4 of 4 matching runs")


def test_probabilities_that_never_differ_are_said(dashboard, home_desk, tab) -> None:
    """A model that gives every image the same score is shown with a sentence and without a crash."""
    films = made_films(60)
    add_run(home_desk, "same00", name="Same", films=replace(films, labels_N=np.resize([0, 1], 60)), skill=0.0, day=9)
    with home_desk.transaction() as session:
        row = session.query(tables.PredictionSet).filter_by(checkpoint_hash="same00-checkpoint").one()
        values = {column.name: getattr(row, column.name) for column in row.__table__.columns if column.name != "id"}
        values |= {"checkpoint_hash": "flat", "logits": np.zeros(60).tobytes()}
        session.add(tables.PredictionSet(**values))
        session.get(tables.Run, "same00").checkpoint_hash = "flat"
    tab.goto(f"{dashboard.address}/experiments?run=same00")
    expect(tab.get_by_test_id("stMain")).to_contain_text("gives every image the same score")


def test_a_threshold_moves_and_an_operating_point_is_kept_for_good(dashboard, home_desk, tab) -> None:
    """Moved to 0, the threshold flags every image; a point that is kept under a name is there after a refresh."""
    tab.goto(f"{dashboard.address}/experiments?run=good00")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("Worst errors")
    tab.get_by_role("slider", name="Threshold").press("Home")
    expect(metric(tab, "Specificity")).to_contain_text("0.000")
    tab.get_by_role("radio", name="Operating points").click()
    tab.get_by_label("Name", exact=True).fill("Night ward")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Keep it").click()
    expect(main).to_contain_text("version 1")
    tab.reload()
    expect(main).to_contain_text("Worst errors")
    tab.get_by_role("radio", name="Operating points").click()
    expect(main).to_contain_text("Night ward")
