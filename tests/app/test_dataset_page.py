"""The Dataset page in a real browser on real images: what decides results is found, a split saved and trained on."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.services.datasets.dataset import examine
from core.services.desk import Desk, open_desk
from core.settings import AppSettings
from db import models as tables
from tests.app.conftest import ROOT, Served, serve

NUM_COPIED = 60
"""Of the images at hand so many have the same bytes as another."""
ONE_OF = 60
"""Of the images that have no copy so many are left out for each that is taken."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Served]:
    """A desk that has examined the native images and a part of the standard dataset."""
    home = tmp_path_factory.mktemp("desk") / "home"
    desk = open_desk(AppSettings(home=home))
    add_dataset(desk, "originals", real_data / "originals")
    add_dataset(desk, "standard", part_of_the_standard_cohort(real_data / "chest_xray", home / "chest_xray"))
    with serve(ROOT / "Home.py", home) as served:
        yield served


def part_of_the_standard_cohort(source: Path, root: Path) -> Path:
    """Copy every image that has a copy, the validation folder whole, and some of the rest."""
    films = sorted(source.rglob("*.jpeg"))
    hashes = [hashlib.sha256(film.read_bytes()).hexdigest() for film in films]
    num_of = Counter(hashes)
    for number, (film, content) in enumerate(zip(films, hashes, strict=True)):
        if num_of[content] > 1 or film.parts[-3] == "val" or number % ONE_OF == 0:
            place = root / film.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(film, place)
    return root


def add_dataset(desk: Desk, name: str, folder: Path) -> None:
    """Import a folder in this process, to be found under `?dataset=NAME`."""
    fingerprint = examine(desk, folder).fingerprint
    with desk.transaction() as session:
        session.add(
            tables.Examination(
                id=name, root=str(folder), origin="folder", state="completed", cohort_fingerprint=fingerprint
            )
        )


def open_part(tab: Page, name: str) -> None:
    tab.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


def test_real_films_from_findings_to_a_split_that_is_trained_on(
    served: Served, tab: Page, browser: Browser, foreign_requests: list[str]
) -> None:
    """Copies, a validation folder too small and shortcuts are found; a saved split is in the Training form."""
    main = tab.get_by_test_id("stMain")
    tab.goto(f"{served.address}/dataset?dataset=originals")
    for name in ("JPEG quantisation", "Bytes per pixel", "Height"):
        expect(main).to_contain_text(f"{name} gives the class away")

    tab.goto(f"{served.address}/dataset?dataset=standard")
    expect(main).to_contain_text(f"Images that are there more than once · {NUM_COPIED} files")
    expect(main).to_contain_text("The validation folder is too small · 16 files")
    open_part(tab, "Images")
    pictures = tab.locator("figure img")
    expect(pictures).to_have_count(8)
    tab.wait_for_function("document.querySelector('figure img').naturalWidth > 0")
    first = pictures.first.get_attribute("alt")
    tab.get_by_role("button", name="Draw others").click()
    expect(pictures.first).not_to_have_attribute("alt", first)

    open_part(tab, "Splits")
    tab.get_by_role("textbox", name="Name of the split").fill("by patient")
    tab.get_by_role("button", name="Save this split").click()
    expect(main).to_contain_text("Saved splits")
    open_part(tab, "Download")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Data card (HTML)").click()
    card_shows_everything_without_a_network(browser, download.value.path())

    tab.goto(f"{served.address}/training?view=new")
    tab.get_by_role("combobox", name="Split", exact=False).click()
    tab.get_by_role("option", name="by patient").click()
    expect(main).to_contain_text("calibration · fingerprint")
    expect(tab.get_by_role("button", name="Launch the run")).to_be_visible()
    assert foreign_requests == []


def card_shows_everything_without_a_network(browser: Browser, path: Path) -> None:
    """The card draws its figures and images from its one file and asks nobody for more."""
    asked: list[str] = []
    card = path.rename(path.with_name("card.html"))
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.goto(card.as_uri())
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert page.locator(".js-plotly-plot").count() == 11
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    expect(page.get_by_role("heading", name="by patient")).to_be_visible()
    assert set(asked) <= {"file", "data", "blob"}
    page.close()
