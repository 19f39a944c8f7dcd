"""The one place where an error that nobody foresaw becomes the row of the file that raised it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from core.errors import RadiographError, UnreadableFileError
from core.file_reasons import NotEnoughMemory, UnforeseenError
from core.radiograph.rejection import RejectionReason

_log = logging.getLogger(__name__)


@contextmanager
def typed_file_errors() -> Iterator[None]:
    """Turn whatever the work on one file raises into UnreadableFileError; RadiographErrors pass as they are."""
    try:
        yield
    except RadiographError:
        raise
    except MemoryError as error:
        raise UnreadableFileError(RejectionReason.TOO_MANY_PIXELS, NotEnoughMemory()) from error
    # Broad on purpose, here only: decoders of others raise what no list foresees, and a batch of a thousand files must
    # not end with one of them. It hides no bug of ours: each is logged as an error with the place it came from, and its
    # row says that it is not analysed. The message itself is not logged, for it may quote what the file holds.
    except Exception as error:
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
        kind = type(error).__name__
        _log.error("A file raised %s, which no reader foresees, at %s.", kind, " > ".join(places))
        raise UnreadableFileError(RejectionReason.UNEXPECTED_ERROR, UnforeseenError(kind, places[-1])) from error
