"""The dashboard in a real browser: against an empty app, with 10,000 readings, and against the command line."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from films import data_folder, line
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import insert

from core.services.desk import Desk, open_desk
from core.services.triage.batch_reading import TriageRequest, create_batch
from core.services.triage.warm_reader import has_waiting_reader
from core.settings import AppSettings
from db import models as tables
from db.base import utc_now
from db.states import State
from tests.app.conftest import ROOT, Served, serve

NUM_READINGS = 10_000
ROUNDS = 5
EMPTY_APP = 'import streamlit as st\nst.set_page_config(layout="wide")\nst.title("Empty")\n'


def seconds(action: Callable[[], object]) -> float:
    began = perf_counter()
    action()
    return perf_counter() - began


def visit(browser: Browser, address: str, heading: str) -> float:
    """Seconds until a page's heading is to be seen, in a browser context that has cached nothing."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()

    def open_page() -> None:
        page.goto(address)
        page.get_by_role("heading", name=heading).wait_for()

    taken = seconds(open_page)
    context.close()
    return taken


def visits(browser: Browser, script: Path, heading: str, home: Path) -> tuple[float, float]:
    """Seconds of the first visit to a fresh server, and the median of later ones."""
    with serve(script, home) as served:
        first = visit(browser, served.address, heading)
        return first, median(visit(browser, served.address, heading) for _ in range(ROUNDS))


def fill(desk: Desk, film: Path) -> str:
    """Store a finished batch of 10,000 readings and return its id."""
    batch_id = create_batch(desk, TriageRequest(paths=(film,), title=f"{NUM_READINGS:,} images"))
    priorities = ("urgent", "review", "routine")
    rows = [
        {
            "batch_id": batch_id,
            "file": f"ward {number % 40}/film {number:05}.jpeg",
            "study": f"{number:064x}",
            "status": "read",
            "reason_code": "pneumonia",
            "reason": "probability 0.93 is above the threshold 0.53",
            "probability": (number * 7919 % NUM_READINGS) / NUM_READINGS,
            "priority": priorities[number % 3],
            "finding": ("pneumonia", "uncertain", "normal")[number % 3],
            "source_path": str(film),
            "created_at": utc_now(),
        }
        for number in range(NUM_READINGS)
    ]
    with desk.transaction() as session:
        session.execute(insert(tables.Reading), rows)
        batch = session.get_one(tables.Batch, batch_id)
        batch.state, batch.num_files, batch.num_done = State.COMPLETED.value, NUM_READINGS, NUM_READINGS
        batch.started_at = batch.finished_at = utc_now()
    return batch_id


def rerun_seconds(page: Page, served: Served, batch_id: str) -> float:
    """Median seconds from a click on a band until the script has run and the page is at rest."""
    page.goto(f"{served.address}/triage?batch={batch_id}")
    page.get_by_test_id("stDataFrame").wait_for()
    at_rest = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    at_rest.wait_for()
    page.wait_for_timeout(2000)
    pill = page.get_by_role("button", name=re.compile("routine"))

    def click() -> None:
        pill.click()
        page.locator('[data-testid="stApp"][data-test-script-state="running"]').or_(at_rest).first.wait_for()
        at_rest.wait_for()

    return median(seconds(click) for _ in range(2 * ROUNDS))


def upload_seconds(page: Page, served: Served, folder: Path) -> float:
    """Seconds from the choice of a folder to the complete, ranked list on the screen."""
    num_films = sum(1 for _ in folder.rglob("*.jpeg"))
    page.goto(f"{served.address}/triage?view=films")
    page.get_by_role("button", name="Choose folder").wait_for()
    desk = open_desk(AppSettings(home=served.home))
    while not has_waiting_reader(desk):
        page.wait_for_timeout(200)
    page.wait_for_timeout(4000)

    def send_and_wait() -> None:
        page.locator(".folder-input").set_input_files(str(folder))
        page.get_by_role("button", name=f"Analyse {num_films:,} files").click()
        page.get_by_text(f"Completed: {num_films:,} of {num_films:,} files").wait_for(timeout=120_000)
        page.get_by_test_id("stDataFrame").wait_for()

    return seconds(send_and_wait)


def command_line_seconds(home: Path, folder: Path) -> float:
    command = [sys.executable, "-m", "core", "triage", str(folder), "--out", str(home / "results.csv")]
    environment = {**os.environ, "PNEUMODESK_HOME": str(home)}
    return seconds(lambda: subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        (folder / "empty.py").write_text(EMPTY_APP)
        empty_first, empty_later = visits(browser, folder / "empty.py", "Empty", folder / "empty")
        ours_first, ours_later = visits(browser, ROOT / "Home.py", "Overview", folder / "home")
        line("empty app, first visit", empty_first, "s")
        line("overview, first visit", ours_first, "s", f"{ours_first - empty_first:+.2f} s; must be under +1.0")
        line("empty app, later visits", empty_later, "s")
        line("overview, later visits", ours_later, "s", f"{ours_later - empty_later:+.2f} s; must be under +1.0")
        originals = data_folder() / "originals"
        with serve(ROOT / "Home.py", folder / "home") as served:
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            batch_id = fill(open_desk(AppSettings(home=served.home)), next(originals.rglob("*.jpeg")))
            line("rerun with 10,000 readings", 1000 * rerun_seconds(page, served, batch_id), "ms", "must be under 300")
            command_line_seconds(served.home, originals)  # Converts the model and brings the images into memory.
            rounds = [
                (upload_seconds(page, served, originals), command_line_seconds(served.home, originals))
                for _ in range(ROUNDS)
            ]
            uploads, commands = zip(*rounds, strict=True)
            line(
                "browser, 200 images to ranked list", median(uploads), "s", f"{min(uploads):.1f} to {max(uploads):.1f}"
            )
            line("command line, 200 images", median(commands), "s", f"{min(commands):.1f} to {max(commands):.1f}")
            ratio = median(command / upload for upload, command in rounds)
            line("browser's speed / command line's", ratio, "of 1", "must reach 0.8")


if __name__ == "__main__":
    main()
