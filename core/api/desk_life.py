"""What happens while a server of the desk lives, beside answering."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from core.api.prompt_answers import answer_at_once
from core.errors import PneumoDeskError
from core.services.desk import Desk, open_desk
from core.services.films.upload_cleanup import clean_uploads
from core.services.worklist.retention import apply_retention, delete_old_predictions

SECONDS_BETWEEN_CLEANINGS = 3600.0
log = logging.getLogger(__name__)


@asynccontextmanager
async def desk_life(app: Any) -> AsyncIterator[None]:
    """Answer at once, and make room every hour."""
    async with answer_at_once(app):
        cleaning = asyncio.create_task(_clean_every_hour())
        yield
        cleaning.cancel()


async def _clean_every_hour() -> None:
    while True:
        await asyncio.to_thread(make_room)
        await asyncio.sleep(SECONDS_BETWEEN_CLEANINGS)


def _old_uploads(desk: Desk) -> int:
    cleaned = clean_uploads(desk)
    return cleaned.num_uploads + cleaned.num_partial_files


JOBS: tuple[tuple[str, Callable[[Desk], int]], ...] = (
    ("old uploads and broken files", _old_uploads),
    ("batches past their retention", apply_retention),
    ("predictions past their retention", delete_old_predictions),
)
"""What is deleted every hour, and by what, which returns how many."""


def make_room() -> None:
    """Delete whatever may not stay; what cannot be deleted holds up nothing else and is tried again."""
    for what, delete in JOBS:
        try:
            if num_deleted := delete(open_desk()):
                log.info("Deleted %d %s.", num_deleted, what)
        except (PneumoDeskError, OSError) as error:
            # Every page says what is wrong with the desk; making room can wait until it is mended.
            log.warning("%s could not be deleted: %s", what.capitalize(), error)
