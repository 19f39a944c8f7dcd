"""Folders of work that broke off before it was whole: taken away at a later start."""

import shutil
import time
from pathlib import Path

from core.settings import AppSettings

UNFINISHED = ".new-*"
ABANDONED_SECONDS = 3600
"""Nothing is written for so long without a change."""


def remove_leftovers(settings: AppSettings, now: float | None = None) -> list[Path]:
    """Remove what a killed process left half written, an hour after its last change, and return what was removed."""
    oldest = (time.time() if now is None else now) - ABANDONED_SECONDS
    places = (
        *settings.caches.glob(f"*/{UNFINISHED}"),
        *settings.ensembles.glob(UNFINISHED),
        *settings.imported.glob(UNFINISHED),
        *settings.models.glob(f"*/{UNFINISHED}"),
    )
    removed = [place for place in places if _last_change(place) < oldest]
    for place in removed:
        shutil.rmtree(place, ignore_errors=True)
    return removed


def _last_change(folder: Path) -> float:
    """A folder that goes away meanwhile was in use."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:
        return float("inf")
