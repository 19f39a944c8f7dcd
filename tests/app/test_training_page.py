"""A real run through the Training page in a real browser: launched, watched, refreshed, stopped, resumed, completed."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from core.services.datasets import indexing
from core.services.desk import Desk, open_desk
from core.services.runs.control import kill
from core.services.runs.listing import show_run
from core.services.runs.requests import TrainRequest, record_run
from core.services.runs.status import list_watched
from core.services.sweeps.status import get_sweep, list_sweeps
from core.settings import AppSettings
from core.training.config import TrainingConfig
from db import models as tables
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


def few_films(desk: Desk, real_data: Path) -> Path:
    """Return a folder of few real images of either class, which the desk knows."""
    root = desk.settings.home / "ward"
    for label in ("NORMAL", "PNEUMONIA"):
        (root / "train" / label).mkdir(parents=True)
        for film in sorted((real_data / "chest_xray" / "train" / label).iterdir())[:NUM_FILMS_PER_CLASS]:
            shutil.copyfile(film, root / "train" / label / film.name)
    indexing.index(desk, root)
    return root


@pytest.fixture(scope="module")
def ward(real_data: Path, dashboard) -> Iterator[Path]:
    """Few real images, which the desk knows; nothing that learns from them outlives the tests."""
    desk = open_desk(AppSettings(home=dashboard.home))
    yield few_films(desk, real_data)
    for run in list_watched(desk):
        if run.is_live:
            kill(desk, run.id)


@pytest.fixture
def earlier_run(ward: Path, dashboard) -> str:
    """A run of small choices, from which the form can be filled in."""
    desk = open_desk(AppSettings(home=dashboard.home))
    return record_run(desk, TrainRequest(data=ward, name="few images", config=SMALL), State.STOPPED)


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

    main.get_by_role("button", name="Evaluate").wait_for(timeout=MOST_MILLISECONDS)
    expect(main.get_by_text(re.compile(r"completed$")).first).to_be_visible()
    expect(main.get_by_test_id("stMetric").filter(has_text="Epochs done")).to_contain_text("8")
    main.get_by_role("button", name="All runs").click()
    expect(main.get_by_text("No run is queued or running.")).to_be_visible()
    assert foreign_requests == []


@pytest.mark.timeout(600)
def test_a_sweep_is_started_watched_and_completed(dashboard, tab, ward: Path, foreign_requests: list[str]) -> None:
    """A grid of two learning rates, entered in the form, shows its runs after a refresh, then its best, and ends."""
    tab.goto(f"{dashboard.address}/training?view=new_sweep")
    main = tab.get_by_test_id("stMain")
    main.get_by_text("Grid", exact=True).click()
    rates = main.get_by_role("textbox", name="Learning rate: values, with commas")
    expect(rates).to_have_value("0.003, 0.0015")
    rates.fill("0.003, 0.001")
    rates.press("Tab")
    main.get_by_role("button", name="Start 2 runs").click()
    expect(tab).to_have_url(re.compile(r"/training\?sweep=[0-9a-f]{12}$"))
    tab.reload()
    expect(main.get_by_test_id("stMetric").filter(has_text="Runs done")).to_contain_text("of 2")

    main.get_by_role("button", name="Open the best run").wait_for(timeout=MOST_MILLISECONDS)
    done = main.get_by_test_id("stMetric").filter(has_text="Runs done")
    expect(done).to_contain_text("2 of 2", timeout=MOST_MILLISECONDS)
    expect(main.get_by_text(re.compile(r"completed$")).first).to_be_visible()
    (line,) = list_sweeps(open_desk(AppSettings(home=dashboard.home)))
    sweep = get_sweep(open_desk(AppSettings(home=dashboard.home)), line.id)
    best = f"{max(trial.value for trial in sweep.trials):.4f}"
    expect(main.get_by_test_id("stMetric").filter(has_text="Best validation AUC")).to_contain_text(best)
    assert foreign_requests == []


@pytest.mark.timeout(600)
def test_app_supervisor_and_worker_killed_together_cost_no_run(
    start_dashboard, tab, real_data: Path, tmp_path: Path
) -> None:
    """After kill -9 of all three, the next start of the app calls the run lost, and Resume brings it to its end."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    request = TrainRequest(data=few_films(desk, real_data), name="few images", config=SMALL)
    earlier = record_run(desk, request, State.STOPPED)
    main = tab.get_by_test_id("stMain")
    with start_dashboard(desk.settings.home) as served:
        tab.goto(f"{served.address}/training?view=new&like={earlier}")
        tab.get_by_role("button", name="Launch the run").click()
        expect(tab).to_have_url(re.compile(r"/training\?run=[0-9a-f]{12}$"))
        expect(main.get_by_text(re.compile(r"epoch [2-8] of 8"))).to_be_visible()
        run_id = tab.url.rpartition("=")[2]
        with desk.reading() as session:
            worker = psutil.Process(session.get_one(tables.Run, run_id).pid)
        supervisor = worker.parent()
        assert "supervisor" in " ".join(supervisor.cmdline())
        for process in (psutil.Process(served.pid), supervisor, worker):
            process.kill()
    with start_dashboard(desk.settings.home, int(served.address.rpartition(":")[2])):
        tab.goto(tab.url)
        expect(main.get_by_text(re.compile(r"lost$")).first).to_be_visible()
        main.get_by_role("button", name="Resume").click()
        main.get_by_role("button", name="Evaluate").wait_for(timeout=MOST_MILLISECONDS)
        expect(main.get_by_test_id("stMetric").filter(has_text="Epochs done")).to_contain_text("8")
        assert [epoch["epoch"] for epoch in show_run(desk, run_id)["epochs"]] == list(range(1, 9))
