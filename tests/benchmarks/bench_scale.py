"""Many images at once: 5,000 uploaded through a real browser, and 10,000 of a server folder read in the background.

The uploaded images are the standard dataset's training images, all in one folder. The server folder names each of them
twice. The command line reads the same folder in a home of its own, so that neither finds the other's readings; both
have their model converted before anything is measured.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from films import data_folder, line
from playwright.sync_api import sync_playwright
from sqlalchemy import func, select

from core.services.desk import open_desk
from core.services.triage.batch_reading import TriageRequest
from core.services.triage.batches import get_batch, start_batch
from core.settings import AppSettings
from db import models as tables
from tests.app.conftest import ROOT, Served, serve

NUM_UPLOADED = 5_000
NUM_READ = 10_000
PATIENCE_MS = 600_000


class MemoryWatch:
    """Samples the unique memory of a process, in MB, until told to stop."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.samples: list[float] = []

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(0.25):
            try:
                self.samples.append(self._process.memory_full_info().uss / 1e6)
            except psutil.NoSuchProcess:
                return


def link_films(folder: Path, count: int) -> None:
    folder.mkdir()
    films = sorted((data_folder() / "chest_xray" / "train").rglob("*.jpeg"))
    for number in range(count):
        shutil.copyfile(films[number % len(films)], folder / f"{number:05}.jpeg")


def upload(served: Served, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{served.address}/triage?view=films")
        page.get_by_role("button", name="Choose folder").wait_for()
        time.sleep(3)
        with MemoryWatch(psutil.Process(served.pid)) as watch:
            began = time.perf_counter()
            page.locator(".folder-input").set_input_files(str(folder))
            page.get_by_role("button", name=f"Analyse {NUM_UPLOADED:,} files").wait_for(timeout=PATIENCE_MS)
            taken = time.perf_counter() - began
        stored = {path.name for path in (served.home / "uploads").rglob("*.jpeg")}
        line("upload of 5,000 images", taken, "s", f"{NUM_UPLOADED / taken:.0f} a second")
        line("images lost", NUM_UPLOADED - len(stored), "of 5000", "must be 0")
        half = len(watch.samples) // 2
        first, second = watch.samples[:half] or [0.0], watch.samples[half:]
        growth = float(np.median(second) - np.median(first))
        line("server memory, highest", max(watch.samples), "MB", f"{watch.samples[0]:.0f} before")
        line("server memory, second half over first", growth, "MB", "must be flat")
        browser.close()


def read_in_background(home: Path, folder: Path) -> float:
    """Images per second of a batch that the desk reads in the background."""
    os.environ["PNEUMODESK_HOME"] = str(home)
    desk = open_desk(AppSettings(home=home))
    batch_id = start_batch(desk, TriageRequest(paths=(folder,), again=True))
    while (pid := _pid_of(desk, batch_id)) is None:
        time.sleep(0.05)
    with MemoryWatch(psutil.Process(pid)) as watch:
        while get_batch(desk, batch_id).is_live:
            time.sleep(0.2)
    with desk.reading() as session:
        rows = session.scalar(select(func.count()).where(tables.Reading.batch_id == batch_id))
        batch = session.get_one(tables.Batch, batch_id)
        assert (batch.state, rows) == ("completed", NUM_READ), (batch.state, rows)
        line("memory of the reading process, highest", max(watch.samples), "MB", "must be below 1500")
        return NUM_READ / (batch.finished_at - batch.started_at).total_seconds()


def _pid_of(desk: object, batch_id: str) -> int | None:
    with desk.reading() as session:
        return session.get_one(tables.Batch, batch_id).pid


def read_by_command(home: Path, folder: Path) -> float:
    """Images per second of the command line, as its own record of the batch says."""
    command = [sys.executable, "-m", "core", "triage", str(folder), "--again", "--out", str(home / "results.csv")]
    environment = {**os.environ, "PNEUMODESK_HOME": str(home)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    with open_desk(AppSettings(home=home)).reading() as session:
        batch = session.scalars(select(tables.Batch).order_by(tables.Batch.created_at.desc())).first()
        return NUM_READ / (batch.finished_at - batch.started_at).total_seconds()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        link_films(scratch / "uploaded", NUM_UPLOADED)
        link_films(scratch / "read", NUM_READ)
        with serve(ROOT / "Home.py", scratch / "home") as served:
            upload(served, scratch / "uploaded")
        warm = ["triage", str(data_folder() / "originals"), "--out", str(scratch / "warm.csv")]
        for name in ("desk", "command"):
            environment = {**os.environ, "PNEUMODESK_HOME": str(scratch / name)}
            subprocess.run(
                [sys.executable, "-m", "core", *warm], cwd=ROOT, env=environment, check=True, capture_output=True
            )
        rounds = []
        for _ in range(3):
            ours = read_in_background(scratch / "desk", scratch / "read")
            theirs = read_by_command(scratch / "command", scratch / "read")
            rounds.append((ours, theirs))
            line(
                "10,000 images, background / command line",
                ours / theirs,
                "of 1",
                f"{ours:.0f} and {theirs:.0f} films/s",
            )
        ratio = float(np.median([ours / theirs for ours, theirs in rounds]))
        line("background's speed / command line's", ratio, "of 1", "must reach 0.9")


if __name__ == "__main__":
    main()
