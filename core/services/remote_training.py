"""Runs that a program asks for: only on cohorts that the desk may read."""

from collections.abc import Sequence

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.run_control import enqueue
from core.services.training import TrainRequest


class FolderRefusedError(PneumoDeskError):
    """A folder that lies below none of those that the desk may read."""


def enqueue_from_outside(desk: Desk, request: TrainRequest, seeds: Sequence[int] = ()) -> list[str]:
    """Queue one run for each seed and return their ids.

    Raises FolderRefusedError if the cohort lies below no allowed root, whether it exists or not, and
    InputNotFoundError if it does not exist.
    """
    folder = request.data
    allowed = desk.settings.allowed_film_roots
    if not folder.is_absolute() or not any(folder.resolve().is_relative_to(root) for root in allowed):
        raise FolderRefusedError(
            "Cohorts are read below the desk's film folders only, by their full path: "
            "PNEUMODESK_FILM_ROOTS on the desk's machine names them."
        )
    return enqueue(desk, request, seeds)
