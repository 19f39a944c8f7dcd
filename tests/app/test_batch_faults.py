"""A batch continues, or can be gone on with, whatever happens to tabs, server and reader while it is being read."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk, open_desk
from core.services.films.upload_names import safe_name
from core.services.triage.batches import get_batch
from core.services.worklist.batch_list import ranked_readings
from core.settings import AppSettings
from db import models as tables
from tests.app.conftest import ROOT, Served, serve
from tests.hostile_files import encoded, write_hostile_files
from tests.patience import PATIENCE_MS
from tests.suspending import suspend_between_writes

NUM_FILMS = 400
COMPLETE = f"Completed: {NUM_FILMS:,} of {NUM_FILMS:,} files"
BEING_READ = re.compile(rf"Running: [1-9][\d,]* of {NUM_FILMS:,} files")


SEEDS = count(1)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that no batch before has read: those would be reused, not read."""
    folder = tmp_path_factory.mktemp("ward")
    (folder / "0000.png").write_bytes(encoded(synthesise_phantom(next(SEEDS), size=512)))
    for number in range(1, NUM_FILMS):
        (folder / f"{number:04}.png").symlink_to(folder / "0000.png")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMODESK_FILM_ROOTS", str(tmp_path_factory.getbasetemp()))
        with serve(ROOT / "Home.py", tmp_path_factory.mktemp("desk") / "home") as served:
            yield served


def desk_of(served: Served) -> Desk:
    return open_desk(AppSettings(home=served.home))


@contextmanager
def held_in_the_middle(tab: Page, served: Served, folder: Path) -> Iterator[str]:
    """Start a batch over a folder of the server and give its id, its reader suspended once a part is read and shown."""
    tab.goto(f"{served.address}/triage?view=films")
    tab.get_by_role("tab", name="Server folder").click()
    tab.get_by_label("Folder, image or zip").fill(str(folder))
    tab.get_by_test_id("stForm").get_by_role("button", name="Analyse").click()
    tab.wait_for_url(re.compile("batch="), timeout=PATIENCE_MS)
    batch_id = re.search(r"batch=([0-9a-f]+)", tab.url).group(1)
    desk = desk_of(served)
    while not get_batch(desk, batch_id).num_done:
        time.sleep(0.02)
    reader = process_of(served, batch_id)
    suspend_between_writes(reader, desk)
    try:
        tab.get_by_text(BEING_READ).wait_for(timeout=PATIENCE_MS)
        yield batch_id
    finally:
        with suppress(psutil.NoSuchProcess):
            reader.resume()


def files_read(served: Served, batch_id: str) -> Counter[str]:
    return Counter(row["file"] for row in ranked_readings(desk_of(served), batch_id))


def process_of(served: Served, batch_id: str) -> psutil.Process:
    desk = desk_of(served)
    with desk.reading() as session:
        return psutil.Process(session.get_one(tables.Batch, batch_id).pid)


def test_refreshed_and_second_tabs_see_a_batch_that_a_closed_one_does_not_stop(
    served: Served, tab: Page, browser, folder: Path
) -> None:
    """The tab that began a batch is closed in the middle; a refreshed one and another see it read to its end."""
    first = browser.new_page()
    with held_in_the_middle(first, served, folder) as batch_id:
        address = first.url
        first.close()
        assert get_batch(desk_of(served), batch_id).num_done < NUM_FILMS
    tab.goto(address)
    tab.reload()
    other = browser.new_page()
    other.goto(address)
    for page in (tab, other):
        page.get_by_text(COMPLETE).wait_for(timeout=PATIENCE_MS)
    files = files_read(served, batch_id)
    assert len(files) == NUM_FILMS and set(files.values()) == {1}
    other.close()


def test_a_killed_reader_is_said_and_its_batch_resumed(served: Served, tab: Page, folder: Path) -> None:
    """After kill -9 of the process that reads, the page says so, and Resume reads the rest, no image twice."""
    with held_in_the_middle(tab, served, folder) as batch_id:
        process_of(served, batch_id).kill()
    tab.get_by_text("Lost:").wait_for()
    assert 0 < sum(files_read(served, batch_id).values()) < NUM_FILMS
    tab.get_by_role("button", name="Resume").click()
    tab.get_by_text(COMPLETE).wait_for(timeout=PATIENCE_MS)
    files = files_read(served, batch_id)
    assert len(files) == NUM_FILMS and set(files.values()) == {1}


def test_a_killed_server_ends_no_batch(tab: Page, folder: Path, tmp_path: Path, monkeypatch) -> None:
    """After kill -9 of the server the batch is read on, and the new server shows it complete at the same address."""
    monkeypatch.setenv("PNEUMODESK_FILM_ROOTS", str(folder))
    with serve(ROOT / "Home.py", tmp_path / "home") as served, held_in_the_middle(tab, served, folder) as batch_id:
        os.kill(served.pid, signal.SIGKILL)
        assert get_batch(desk_of(served), batch_id).num_done < NUM_FILMS
    with serve(ROOT / "Home.py", tmp_path / "home", int(served.address.rpartition(":")[2])):
        tab.goto(f"{served.address}/triage?batch={batch_id}")
        tab.get_by_text(COMPLETE).wait_for(timeout=PATIENCE_MS)
        assert set(files_read(served, batch_id).values()) == {1}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("A small disk can be mounted by root only.")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_fails_a_batch_in_words_and_room_lets_it_go_on(
    tab: Page, folder: Path, small_disk: Path, monkeypatch
) -> None:
    """A disk that fills up while images are analysed costs no reading: with room again, Resume reads the rest."""
    monkeypatch.setenv("PNEUMODESK_FILM_ROOTS", str(folder))
    with serve(ROOT / "Home.py", small_disk / "home") as served:
        with (
            held_in_the_middle(tab, served, folder) as batch_id,
            (small_disk / "filler").open("wb", buffering=0) as filler,
        ):
            fill_up(filler)
        ended = tab.get_by_text(re.compile("^(Failed|Lost):"))
        ended.or_(tab.get_by_text("the disk is full")).first.wait_for()
        expect(tab.get_by_text("Traceback")).to_have_count(0)
        (small_disk / "filler").unlink()
        ended.wait_for()
        assert sum(files_read(served, batch_id).values()) < NUM_FILMS
        tab.get_by_role("button", name="Resume").click()
        tab.get_by_text(COMPLETE).wait_for(timeout=PATIENCE_MS)
        files = files_read(served, batch_id)
        assert len(files) == NUM_FILMS and set(files.values()) == {1}


def fill_up(filler) -> None:
    """Write until the disk takes no more."""
    while True:
        try:
            filler.write(b"x" * 4096 * 16)
        except OSError:
            return


def sent_name(name: str) -> str:
    """The name a sent file is under; members of a zip keep their own below it."""
    archive, dot_zip, member = name.partition(".zip/")
    return f"{safe_name(f'mixed/{archive}{dot_zip[:4]}')}{dot_zip[4:]}{member}"


def test_hostile_files_come_through_the_browser(served: Served, tab: Page, real_data: Path, tmp_path: Path) -> None:
    """Every file of the hostile folder is sent and answered for with the status it should have, images are analysed."""
    film = Image.open(sorted((real_data / "originals" / "NORMAL").iterdir())[0]).convert("L")
    film.thumbnail((512, 512))
    expected = write_hostile_files(tmp_path / "mixed", np.asarray(film))
    tab.goto(f"{served.address}/triage?view=films")
    tab.locator(".folder-input").set_input_files(str(tmp_path / "mixed"))
    tab.get_by_role("button", name=re.compile(r"Analyse \d+ files")).click()
    tab.get_by_text(re.compile("^Completed: ")).wait_for()
    batch_id = re.search(r"batch=([0-9a-f]+)", tab.url).group(1)
    found = {row["file"]: row for row in ranked_readings(desk_of(served), batch_id)}
    assert {file.name: file.status for file in expected} == {
        file.name: found.get(sent_name(file.name), {}).get("status") for file in expected
    }
    assert all(row["reason"] for row in found.values())
