"""The Triage page in a real browser: a folder in, a ranked list out, found again after a refresh."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

NUM_FILMS = 12


@pytest.fixture
def real_films(real_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    films = sorted((real_data / "originals").rglob("*.jpeg"))
    for film in films[:: len(films) // NUM_FILMS][:NUM_FILMS]:
        (folder / film.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(film, folder / film.parent.name / film.name)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_the_page_opens_by_its_own_address(dashboard, tab, foreign_requests: list[str]) -> None:
    """A cold visit to /triage shows the uploader, the model with the ranges of its results, and the notice once."""
    tab.goto(f"{dashboard.address}/triage?view=films")
    tab.get_by_role("heading", name="Triage").wait_for()
    tab.get_by_role("button", name="Choose folder").wait_for()
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("No AI flag < 0.10 · indeterminate 0.10–0.93 · AI flagged > 0.93")
    expect(tab.get_by_text("not a medical device")).to_have_count(1)
    assert foreign_requests == []


def test_a_folder_becomes_a_ranked_list(dashboard, tab, real_films: Path, foreign_requests: list[str]) -> None:
    """Images are sent, read and ranked; the first reading shows its image; a refresh finds all of it again."""
    tab.goto(f"{dashboard.address}/triage?view=films")
    tab.locator(".folder-input").set_input_files(str(real_films))
    tab.get_by_role("button", name=f"Analyse {NUM_FILMS + 1} files").click()
    tab.get_by_text(f"Completed: {NUM_FILMS + 1} of {NUM_FILMS + 1} files").wait_for()
    expect(tab).to_have_url(re.compile(r"/triage\?batch=[0-9a-f]+$"))
    expect(tab.get_by_test_id("stMain")).to_contain_text("Not analysed: file error: 1")
    expect(tab.get_by_test_id("stMain")).not_to_contain_text("unsuitable image: 0")
    opacity = tab.locator("input.opacity")
    opacity.wait_for()
    opacity.fill("80")
    expect(tab.locator(".opacity-value")).to_contain_text("80")
    expect(tab.get_by_test_id("stMain")).to_contain_text("AI heatmap")
    tab.get_by_test_id("stDataFrame").first.hover()
    # The table's toolbar is there, without the download that would leave no line in the audit log.
    expect(tab.get_by_role("button", name="Search").first).to_be_visible()
    expect(tab.get_by_role("button", name="Download as CSV")).to_have_count(0)
    tab.reload()
    tab.get_by_text(f"Completed: {NUM_FILMS + 1} of {NUM_FILMS + 1} files").wait_for()
    tab.locator("input.opacity").wait_for()
    assert foreign_requests == []


def test_an_unknown_batch_is_said_in_words(dashboard, tab) -> None:
    """The address of a batch that is not there says so and leads back."""
    tab.goto(f"{dashboard.address}/triage?batch=unheard-of")
    expect(tab.get_by_text("There is no batch")).to_be_visible()
    tab.get_by_role("button", name="All batches").click()
    expect(tab.get_by_role("button", name="Choose folder")).to_be_visible()
