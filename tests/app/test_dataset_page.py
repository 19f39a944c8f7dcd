"""The Dataset page in a real browser: a folder in, what decides results on it out, found again after a refresh."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.conftest import ROOT, Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMODESK_FILM_ROOTS", str(real_data))
        with serve(ROOT / "Home.py", tmp_path_factory.mktemp("desk") / "home") as served:
            yield served


def open_part(tab: Page, name: str) -> None:
    tab.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


def test_native_films_are_examined_and_their_shortcuts_shown(
    served: Served, tab: Page, real_data: Path, foreign_requests: list[str]
) -> None:
    """A folder of real films is examined from the page; findings, films, splits and files to take away are there."""
    tab.goto(f"{served.address}/dataset")
    tab.get_by_role("textbox", name="Folder").fill(str(real_data / "originals"))
    tab.get_by_role("button", name="Examine the folder").click()
    tab.get_by_text("Usable films").wait_for()
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("JPEG quantisation gives the class away")
    expect(main).to_contain_text("Bytes per pixel gives the class away")
    expect(tab).to_have_url(re.compile(r"/dataset\?dataset=[0-9a-f]+$"))
    open_part(tab, "Films")
    pictures = tab.locator("figure img")
    expect(pictures).to_have_count(8)
    pictures.first.scroll_into_view_if_needed()
    tab.wait_for_function("document.querySelector('figure img').naturalWidth > 0")
    open_part(tab, "Splits")
    tab.get_by_role("textbox", name="Name of the split").fill("first")
    tab.get_by_role("button", name="Save this split").click()
    expect(main).to_contain_text("Saved splits never change")
    open_part(tab, "Take away")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Data card (HTML)").click()
    assert "Data card: originals" in Path(download.value.path()).read_text(encoding="utf-8")
    tab.reload()
    expect(main).to_contain_text("JPEG quantisation gives the class away")
    assert foreign_requests == []


def test_a_wrong_folder_is_said_on_the_page(served: Served, tab: Page) -> None:
    """A folder outside the roots is refused with the folders that may be examined."""
    tab.goto(f"{served.address}/dataset")
    tab.get_by_role("textbox", name="Folder").fill("/etc")
    tab.get_by_role("button", name="Examine the folder").click()
    expect(tab.get_by_test_id("stMain")).to_contain_text("may be examined")


def test_an_unknown_dataset_leads_back(served: Served, tab: Page) -> None:
    """The address of a dataset that is not there says so and leads back to all of them."""
    tab.goto(f"{served.address}/dataset?dataset=unheard-of")
    expect(tab.get_by_text("There is no dataset")).to_be_visible()
    tab.get_by_role("button", name="All datasets").click()
    expect(tab.get_by_role("textbox", name="Folder")).to_be_visible()
