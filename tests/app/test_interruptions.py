"""Uploads and images when something comes between: a killed server, a cancel, an image that is gone."""

import os
import re
import signal
from pathlib import Path

import pytest
from PIL import Image

NUM_FILES = 240
SLOW = 2 * 10**6


@pytest.fixture(scope="module")
def film_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films") / "set"
    folder.mkdir()
    for number in range(NUM_FILES):
        (folder / f"{number}.jpg").write_bytes(os.urandom(20_000 + number))
    return folder


def limit_speed(tab, bytes_a_second: int) -> None:
    """Send no faster than this; -1 for no limit."""
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    tab.context.new_cdp_session(tab).send("Network.emulateNetworkConditions", limits)


def begin(tab, folder: Path) -> None:
    """Send a folder, at a speed that leaves time to come between, and wait until some of it has arrived."""
    limit_speed(tab, SLOW)
    tab.locator(".folder-input").set_input_files(str(folder))
    tab.get_by_text(re.compile(r"^[1-9]\d* of 240 received")).wait_for()


def sent_files(home: Path) -> dict[str, bytes]:
    (folder,) = (home / "uploads").glob("*/files/set")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def expected_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_upload_goes_on_after_the_server_was_killed(start_parts, tab, film_folder: Path, tmp_path: Path) -> None:
    """Kill -9 in the middle and a new start lose no file, and no half file is left among them."""
    with start_parts(tmp_path / "home") as served:
        tab.goto(served.address)
        begin(tab, film_folder)
        os.kill(served.pid, signal.SIGKILL)
    port = int(served.address.rpartition(":")[2])
    with start_parts(tmp_path / "home", port) as served:
        done = tab.get_by_text(f"python: {NUM_FILES} of {NUM_FILES}, failed 0, complete True")
        retry = tab.get_by_role("button", name="Send the rest again")
        done.or_(retry).first.wait_for()
        if retry.is_visible():
            retry.click()
        done.wait_for()
        assert sent_files(served.home) == expected_files(film_folder)


def test_a_cancelled_upload_is_not_complete_and_can_be_finished(
    start_parts, tab, film_folder: Path, tmp_path: Path
) -> None:
    """Cancel stops the sending and keeps what has arrived; what is left can be sent afterwards."""
    with start_parts(tmp_path / "home") as served:
        tab.goto(served.address)
        begin(tab, film_folder)
        tab.get_by_role("button", name="Cancel").click()
        tab.get_by_text("cancelled").wait_for()
        tab.get_by_text(re.compile(rf"^python: [1-9]\d* of {NUM_FILES}, failed 0, complete False")).wait_for()
        assert 0 < len(sent_files(served.home)) < NUM_FILES
        limit_speed(tab, -1)
        tab.get_by_role("button", name="Send the rest again").click()
        tab.get_by_text(f"python: {NUM_FILES} of {NUM_FILES}, failed 0, complete True").wait_for()
        assert sent_files(served.home) == expected_files(film_folder)


def test_a_film_never_stands_under_another_films_name(start_parts, tab, tmp_path: Path) -> None:
    """When the next image is not available, the last one and its heatmap are gone from sight and a sentence says
    why.
    """
    folder = tmp_path / "home" / "films"
    folder.mkdir(parents=True)
    for name in ("first", "gone"):
        Image.new("L", (80, 60), 90).save(folder / f"{name}.jpg")
        Image.new("RGBA", (20, 20), (200, 80, 0, 200)).save(folder / f"{name}.png")
    with start_parts(tmp_path / "home") as served:
        tab.goto(served.address)
        film, heatmap = tab.locator(".viewer .film"), tab.locator(".viewer .heatmap")
        film.wait_for(state="visible")
        heatmap.wait_for(state="visible")
        (folder / "gone.jpg").write_bytes(b"no picture any more")
        tab.get_by_role("combobox").click()
        tab.get_by_role("option", name="gone.jpg").click()
        problem = tab.get_by_role("alert").filter(has_text="no picture in a known format")
        problem.wait_for()
        assert film.get_attribute("alt") == "Image gone.jpg"
        assert not film.is_visible()
        assert not heatmap.is_visible()
        tab.get_by_role("combobox").click()
        tab.get_by_role("option", name="first.jpg").click()
        film.wait_for(state="visible")
        assert not problem.is_visible()
