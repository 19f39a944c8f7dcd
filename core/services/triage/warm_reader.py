"""The warm model process: start it, find it, and offer a batch to it."""

import time

from filelock import FileLock, Timeout
from sqlalchemy import select

from core.runs.work import launch
from core.services.desk import Desk
from db import models as tables
from db.states import State

LOCK_FILE = "reader.lock"

LOG_FILE = "reader.log"

SECONDS_BETWEEN_LOOKS = 0.1

SECONDS_TO_HAND_OVER = 1.0

SECONDS_BETWEEN_LAUNCHES = 30.0


_last_launch: dict[str, float] = {}


def prepare_reader(desk: Desk) -> None:
    """Start the waiting reader unless there is one or the setting turns it off; returns at once."""
    home = str(desk.settings.home)
    now = time.monotonic()
    # It needs a moment to lock: pages that run again meanwhile must not start more.
    is_recent = now - _last_launch.get(home, -SECONDS_BETWEEN_LAUNCHES) < SECONDS_BETWEEN_LAUNCHES
    if is_recent or not desk.settings.reader_waits_minutes or has_waiting_reader(desk):
        return
    _last_launch[home] = now
    launch(["core.services.workers.warm_reader"], desk.settings.worklists / LOG_FILE)


def has_waiting_reader(desk: Desk) -> bool:
    """Return whether a reader holds the lock; it may be busy."""
    try:
        with reader_lock(desk, timeout=0):
            return False
    except Timeout:
        return True


def offer_to_warm_process(desk: Desk, batch_id: str) -> bool:
    """Return whether the waiting reader took a queued batch within a second."""
    deadline = time.monotonic() + SECONDS_TO_HAND_OVER
    while has_waiting_reader(desk) and time.monotonic() < deadline:
        with desk.reading() as session:
            state = session.scalar(select(tables.Batch.state).where(tables.Batch.id == batch_id))
        if state != State.QUEUED.value:
            return True
        time.sleep(SECONDS_BETWEEN_LOOKS / 2)
    return False


def reader_lock(desk: Desk, timeout: float) -> FileLock:
    """Return the lock that the one warm model process of a desk holds."""
    return FileLock(desk.settings.home / LOCK_FILE, timeout=timeout)
