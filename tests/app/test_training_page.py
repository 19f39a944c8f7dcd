"""A real run through the Training page in a real browser: launched, watched, refreshed, stopped, resumed, completed."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.services import cohorts
from core.services.desk import open_desk
from core.services.run_control import kill
from core.services.run_watch import list_watched
from core.services.training import TrainRequest, record_run
from core.settings import AppSettings
from core.training.config import TrainingConfig
from db.states import State

NUM_FILMS_PER_CLASS = 60
MOST_MILLISECONDS = 300_000
SMALL = TrainingConfig(
    architecture="mobilenet_v2",
    weights="none",
    recipe="none",
    image_size=64,
    epochs=8,
    batch_size=8,
    validation_fraction=0.2,
    calibration_fraction=0.2,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Runs that compute in one thread: threads that wait for each other take very long on a machine that is busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def earlier_run(real_data: Path, dashboard) -> Iterator[str]:
    """A run of small choices on few real films, from which the form can be filled in."""
    root = dashboard.home / "ward"
    for label in ("NORMAL", "PNEUMONIA"):
        (root / "train" / label).mkdir(parents=True)
        for film in sorted((real_data / "chest_xray" / "train" / label).iterdir())[:NUM_FILMS_PER_CLASS]:
            shutil.copyfile(film, root / "train" / label / film.name)
    desk = open_desk(AppSettings(home=dashboard.home))
    cohorts.index(desk, root)
    yield record_run(desk, TrainRequest(data=root, name="few films", config=SMALL), State.STOPPED)
    for run in list_watched(desk):
        if run.is_live:
            kill(desk, run.id)


@pytest.mark.timeout(600)
def test_a_run_is_launched_watched_stopped_resumed_and_completed(
    dashboard, tab, browser, earlier_run: str, foreign_requests: list[str]
) -> None:
    """The curve moves, a stop is kept, a refresh and another tab show the resumed run, and it ends whole."""
    tab.goto(f"{dashboard.address}/training?view=new&like={earlier_run}")
    tab.get_by_role("button", name="Launch the run").click()
    expect(tab).to_have_url(re.compile(r"/training\?run=[0-9a-f]{12}$"))
    main = tab.get_by_test_id("stMain")
    expect(main.get_by_text(re.compile(r"epoch \d+ of 8"))).to_be_visible()
    expect(main.get_by_text("Loss by epoch")).to_be_visible()
    seen = main.get_by_text(re.compile(r"epoch \d+ of 8")).inner_text()
    expect(main.get_by_text(seen, exact=True)).to_have_count(0)

    main.get_by_role("button", name="Stop").click()
    main.get_by_role("button", name="Resume").wait_for(timeout=MOST_MILLISECONDS)
    expect(main.get_by_text(re.compile(r"stopped$")).first).to_be_visible()
    main.get_by_role("button", name="Resume").click()
    expect(main.get_by_role("button", name="Stop")).to_be_visible()

    tab.reload()
    expect(main.get_by_text("Training loss by step")).to_be_visible()
    other = browser.new_page()
    other.set_default_timeout(MOST_MILLISECONDS)
    other.goto(tab.url)
    expect(other.get_by_test_id("stMain").get_by_text("Training loss by step")).to_be_visible()
    other.close()

    main.get_by_role("button", name="Judge it").wait_for(timeout=MOST_MILLISECONDS)
    expect(main.get_by_text(re.compile(r"complete$")).first).to_be_visible()
    expect(main.get_by_test_id("stMetric").filter(has_text="Epochs done")).to_contain_text("8")
    main.get_by_role("button", name="All runs").click()
    expect(main.get_by_text("No run waits or goes on.")).to_be_visible()
    assert foreign_requests == []
