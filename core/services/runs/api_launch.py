"""Runs that a program asks for: only on datasets that the desk may read."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.films.reachable import is_reachable
from core.services.runs.control import enqueue
from core.services.runs.requests import TrainRequest


class FolderRefusedError(PneumoDeskError):
    """A folder that lies below none of those that the desk may read."""


def enqueue_from_outside(desk: Desk, request: TrainRequest, seeds: Sequence[int] = ()) -> list[str]:
    """Queue one run for each seed and return their ids.

    Raises FolderRefusedError if the dataset or a file of weights lies below no allowed root, whether it exists or
    not, and InputNotFoundError if the dataset does not exist.
    """
    for path in filter(None, (request.data, request.config.weights_file)):
        if not is_reachable(desk, Path(path)):
            raise FolderRefusedError(
                tr(
                    "Datasets and weights are read below the desk's image folders only, by their full path: "
                    "PNEUMODESK_FILM_ROOTS on the desk's machine names them."
                )
            )
    return enqueue(desk, request, seeds)
