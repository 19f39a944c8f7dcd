"""The Triage desk at 10,000 studies: one rerun of the list, one step to the next image, each seen in a real browser.

Also the time that the server alone takes for list and image. Images are the 200 native ones, each under 50 names; their
readings are made up, so that no model is needed.
"""

import hashlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from films import data_folder, line
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from core.services.films.images import draw_film
from core.services.worklist.reading_detail import get_reading
from core.services.worklist.studies import StudyFilter, arrange_studies, load_studies, select_studies, worklist_version
from core.triage.saliency import pack_map
from db import models as tables
from db.base import utc_now
from tests.app.conftest import ROOT, serve
from tests.small_desk import add_batch, finding_of, small_desk

NUM_STUDIES = 10_000
LIMIT_MS = 300
STEPS = 25


def fill(home: Path) -> object:
    """Return a desk with ten thousand readings."""
    desk = small_desk(home)
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    add_batch(desk, [])
    rows = []
    for number in range(NUM_STUDIES):
        film, probability = films[number % len(films)], (number * 0.618034) % 1
        finding = finding_of(probability)
        study = hashlib.sha256(str(number).encode()).hexdigest()
        rows.append(
            {
                "batch_id": "first",
                "file": f"{number:05}-{film.name}",
                "file_hash": study,
                "study": study,
                "status": "read",
                "reason_code": finding,
                "reason": f"made up: {probability:.2f}",
                "probability": probability,
                "gate_distance": 1.0,
                "finding": finding,
                "priority": "review",
                "source_path": str(film),
                "activation_map": pack_map(np.tile(number * np.arange(1, 8) % 7 / 7, (7, 1))),
                "created_at": utc_now(),
            }
        )
    with desk.transaction() as session:
        session.execute(insert(tables.Reading), rows)
    return desk


def timed(work: object, times: int = 7) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


def step(tab: Page, key: str) -> float:
    """Milliseconds from a key to the next image drawn."""
    film = tab.locator(".viewer .film")
    before = film.get_attribute("alt")
    began = time.perf_counter()
    tab.keyboard.press(key)
    tab.wait_for_function(
        """before => { const find = root => { for (const e of root.querySelectorAll('*')) {
            if (e.matches('.film.arrived') && e.alt !== before) return true;
            if (e.shadowRoot && find(e.shadowRoot)) return true; } return false; }; return find(document); }""",
        arg=before,
        polling=10,
    )
    return 1000 * (time.perf_counter() - began)


def rerun(tab: Page, label: str) -> float:
    """Milliseconds from a choice of another band to the list that shows it."""
    caption = tab.get_by_text("studies", exact=False).filter(has_text="1 to 100 of")
    before = caption.inner_text()
    began = time.perf_counter()
    tab.get_by_test_id("stMain").get_by_role("button", name=label).or_(
        tab.get_by_test_id("stMain").get_by_role("checkbox", name=label)
    ).first.click()
    while caption.inner_text() == before:
        time.sleep(0.005)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        desk = fill(home)
        studies = load_studies(desk)
        worklist = arrange_studies(desk, studies)
        line("studies", NUM_STUDIES, "")
        line("first load of all readings", timed(lambda: load_studies(desk), 3), "ms", "once for each new reading")
        line("list after a verdict", timed(lambda: arrange_studies(desk, studies)), "ms")
        line(
            "filter and version",
            timed(lambda: (worklist_version(desk), select_studies(worklist, StudyFilter(), "Ada"))),
            "ms",
        )
        ids = iter(worklist.studies["reading_id"].tolist())
        line("reading with its heatmap, first visit", timed(lambda: get_reading(desk, next(ids)), 25), "ms")
        content = Path(worklist.studies["source_path"].iloc[0]).read_bytes()
        line("image drawn for the browser", timed(lambda: draw_film(content)), "ms")
        with serve(ROOT / "Home.py", home) as served, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), headless=True, args=["--no-sandbox", "--disable-gpu"]
            )
            context = chromium.new_context(viewport={"width": 1400, "height": 900})
            context.add_cookies([{"name": "pneumodesk_reader", "value": "Ada", "url": served.address}])
            tab = context.new_page()
            tab.goto(f"{served.address}/triage")
            tab.locator(".viewer .film.arrived").wait_for()
            time.sleep(3)
            for name, key in (("next image", "j"), ("verdict and next image", "n")):
                took = []
                for _ in range(STEPS):
                    took.append(step(tab, key))
                    time.sleep(0.7)
                value = median(took)
                line(
                    f"{name}, key to image", value, "ms", f"{value / LIMIT_MS:.2f} of the limit; worst {max(took):.0f}"
                )
            took = []
            for _ in range(6):
                took.append(rerun(tab, "urgent"))
                time.sleep(0.7)
            line(
                "list of another band, click to list", median(took), "ms", f"{median(took) / LIMIT_MS:.2f} of the limit"
            )
            chromium.close()


if __name__ == "__main__":
    main()
