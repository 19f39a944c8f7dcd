"""Put another desk into a home in one step: anyone who is killed meanwhile leaves the old one or the new one, whole.

The new desk lies ready in a folder of the home. A journal then names what moves out and what moves in; from then on the
new desk stands, since anyone who opens the home next carries out the rest.
"""

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import DatabaseError
from core.language import tr
from core.services.desk.home_lock import LOCK_FILE, HomeHeldError, HomeLock
from db.base import utc_now

STAGING = ".restoring"
CONTENT = "desk"
JOURNAL = "journal.json"
ASIDE_PREFIX = "replaced-"
PATIENCE_SECONDS = 30.0
MOMENT_SECONDS = 0.5


@dataclass(frozen=True)
class _Swap:
    """What moves: names in the home, and the folder that takes what was there."""

    aside: str
    away: Sequence[str]
    incoming: Sequence[str]


def present_in(home: Path) -> list[Path]:
    """Return what belongs to the desk in a home: all but the lock, a restore's own folder and former desks."""
    return sorted(
        path
        for path in home.iterdir()
        if path.name not in (LOCK_FILE, STAGING) and not path.name.startswith(ASIDE_PREFIX)
    )


def new_staging(home: Path) -> Path:
    """Return an empty folder for the content of the new desk; what a restore that broke off has left is removed."""
    clear_staging(home)
    content = home / STAGING / CONTENT
    content.mkdir(parents=True)
    return content


def clear_staging(home: Path) -> None:
    """Remove the folder of a restore that came to nothing."""
    if (home / STAGING).exists():
        shutil.rmtree(home / STAGING)


def swap_in(home: Path, database: str) -> None:
    """Move what is in the home aside and the new desk in, its database last; the caller holds the home alone."""
    staging = home / STAGING
    incoming = sorted((path.name for path in (staging / CONTENT).iterdir()), key=lambda name: (name == database, name))
    swap = _Swap(f"{ASIDE_PREFIX}{utc_now():%Y%m%d-%H%M%S}", [path.name for path in present_in(home)], incoming)
    if hasattr(os, "sync"):
        # The journal must not reach the disk before what it speaks of.
        os.sync()
    part = staging / f"{JOURNAL}.part"
    with part.open("w", encoding="utf-8") as stream:
        json.dump(asdict(swap), stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(staging / JOURNAL)
    finish_swap(home)


def has_open_swap(home: Path) -> bool:
    """Return whether a process was killed between the journal and the end of a swap."""
    return (home / STAGING / JOURNAL).exists()


def finish_swap(home: Path) -> None:
    """Carry out what the journal says and is not done yet; the caller holds the home alone."""
    staging = home / STAGING
    try:
        swap = _Swap(**json.loads((staging / JOURNAL).read_text(encoding="utf-8")))
        for name in swap.away:
            # What came in under the same name must stay: the former one is aside already.
            if os.path.lexists(home / name) and not os.path.lexists(home / swap.aside / name):
                _move_aside(home, swap.aside, name)
        for name in swap.incoming:
            if not os.path.lexists(staging / CONTENT / name):
                continue
            if os.path.lexists(home / name):
                _move_aside(home, swap.aside, name)
            (staging / CONTENT / name).rename(home / name)
        (staging / JOURNAL).unlink()
        clear_staging(home)
    except (OSError, ValueError, TypeError) as error:
        raise DatabaseError(
            tr(
                "The restore into {home} cannot be finished ({error}). Put that right and open the desk again: what "
                "was there before lies in a folder {folder_prefix}…, the restored desk in {restored_folder}.",
                home=home,
                error=error,
                folder_prefix=ASIDE_PREFIX,
                restored_folder=staging,
            )
        ) from error


def share_home(home: Path) -> HomeLock:
    """Return this process's share in a home, after finishing a restore that was killed in its last step.

    Raises HomeHeldError while a restore works there.
    """
    lock = HomeLock(home)
    began = time.monotonic()
    patience = PATIENCE_SECONDS if has_open_swap(home) else MOMENT_SECONDS
    while True:
        try:
            lock.share()
            if not has_open_swap(home):
                return lock
            lock.take_alone()
            if has_open_swap(home):
                finish_swap(home)
        except HomeHeldError:
            # Others that open the desk at this moment hold the home until one of them has done the rest.
            if time.monotonic() - began > patience:
                raise
            lock.unlock()
            time.sleep(0.02)


def _move_aside(home: Path, aside: str, name: str) -> None:
    folder = home / aside
    folder.mkdir(exist_ok=True, mode=0o700)
    place, number = folder / name, 1
    while os.path.lexists(place):
        place, number = folder / f"{name}-{number}", number + 1
    (home / name).rename(place)
