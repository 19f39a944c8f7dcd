"""How much of the disk the desk uses, and for what."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from core.services.desk.opening import Desk

UPLOADED = "uploaded images"


@dataclass(frozen=True)
class StorageUse:
    """One kind of files in the desk's home, and how many bytes they take; of uploads the files that were sent count."""

    what: str
    num_bytes: int
    num_files: int


def storage_use(desk: Desk) -> list[StorageUse]:
    """Return what takes how much room in the desk's home, the largest first."""
    home = desk.settings.home
    kinds = {
        UPLOADED: [desk.settings.uploads],
        "heatmaps and logs": [desk.settings.worklists],
        "training runs": [desk.settings.runs],
        "model versions": [desk.settings.models],
        "cohorts": [home / "cohorts"],
        "caches": [desk.settings.caches],
        "database": list(home.glob("pneumodesk.db*")),
    }
    known = {path for paths in kinds.values() for path in paths}
    kinds["other"] = [path for path in home.iterdir() if path not in known]
    measured = {what: [measure_folder(path) for path in paths] for what, paths in kinds.items()}
    uses = [
        StorageUse(what, sum(size for size, _ in found), sum(count for _, count in found))
        for what, found in measured.items()
    ]
    # Beside what was sent lie receipts and marks of the desk's own: they take room, but nobody sent them.
    num_sent = sum(measure_folder(folder)[1] for folder in desk.settings.uploads.glob("*/files"))
    uses = [replace(use, num_files=num_sent) if use.what == UPLOADED else use for use in uses]
    return sorted(uses, key=lambda use: -use.num_bytes)


def free_bytes(desk: Desk) -> int:
    """Return how many bytes are free on the disk of the desk's home."""
    return shutil.disk_usage(desk.settings.home).free


def measure_folder(path: Path) -> tuple[int, int]:
    """Return bytes and number of files below a path; what vanishes meanwhile does not count."""
    if path.is_symlink() or not path.is_dir():
        try:
            return path.lstat().st_size, 1
        except OSError:
            return 0, 0
    num_bytes = num_files = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                num_bytes += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
            num_files += 1
    return num_bytes, num_files
