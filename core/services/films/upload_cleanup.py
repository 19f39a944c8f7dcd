"""Makes room: uploads that never became a batch, and files that broke off, go once nobody can send more to them."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core.services.desk import Desk
from core.services.desk.signed_urls import VALID_SECONDS
from core.services.films.uploads import CLOSED_FILE, PARTIAL_FOLDER

ABANDONED_SECONDS = 2 * VALID_SECONDS
"""The longest that the permission to send to an upload can hold."""


@dataclass(frozen=True)
class Cleaned:
    """What was deleted."""

    num_uploads: int
    num_partial_files: int


def clean_uploads(desk: Desk, now: float | None = None) -> Cleaned:
    """Delete what was sent but never given to a batch, and what broke off, both of over a day ago."""
    oldest = (time.time() if now is None else now) - ABANDONED_SECONDS
    num_uploads = num_partial_files = 0
    for upload in (desk.settings.home / "uploads").glob("*"):
        if not (upload / CLOSED_FILE).exists() and _last_change(upload) < oldest:
            shutil.rmtree(upload)
            num_uploads += 1
            continue
        for partial in (upload / PARTIAL_FOLDER).glob("*"):
            if partial.stat().st_mtime < oldest:
                partial.unlink()
                num_partial_files += 1
    return Cleaned(num_uploads, num_partial_files)


def _last_change(upload: Path) -> float:
    """Folders alone show it: the files keep the moment they had on the sender's machine."""
    folders = [upload, *(path for path in upload.rglob("*") if path.is_dir())]
    return max(folder.stat().st_mtime for folder in folders)
