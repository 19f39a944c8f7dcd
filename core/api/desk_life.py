"""What happens while the dashboard's server lives, beside answering."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.api.prompt_answers import answer_at_once
from core.errors import PneumoDeskError
from core.services.desk import open_desk
from core.services.films.upload_cleanup import clean_uploads

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
        await asyncio.to_thread(_clean)
        await asyncio.sleep(SECONDS_BETWEEN_CLEANINGS)


def _clean() -> None:
    try:
        cleaned = clean_uploads(open_desk())
    except (PneumoDeskError, OSError) as error:
        # Every page says what is wrong with the desk; making room can wait until it is mended.
        log.warning("Old uploads could not be deleted: %s", error)
    else:
        if cleaned.num_uploads or cleaned.num_partial_files:
            log.info("Deleted %d old uploads and %d broken files.", cleaned.num_uploads, cleaned.num_partial_files)
