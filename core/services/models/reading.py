"""Images read by a model with the threads and up to the size that a desk's settings say."""

from collections.abc import Iterable, Iterator, Mapping

from core.services.desk import Desk
from core.services.models.loading import num_threads
from core.triage.film_reading import CachedReading, FilmReading
from core.triage.intake import Candidate, IntakeProblem
from core.triage.pipeline import OnFilm, read_films
from core.triage.predictor import Predictor


def read_all(
    desk: Desk,
    predictor: Predictor,
    candidates: Iterable[Candidate | IntakeProblem],
    *,
    check_films: bool = True,
    on_film: OnFilm | None = None,
    known: Mapping[str, int] | None = None,
) -> Iterator[FilmReading | CachedReading]:
    """Yield a reading for every candidate, as `read_films` does."""
    return read_films(
        candidates,
        predictor,
        num_threads=num_threads(desk),
        max_file_bytes=desk.settings.max_file_bytes,
        check_films=check_films,
        on_film=on_film,
        known=known,
    )
