"""How the Training page says progress."""

from core.services.runs.status import RunStatus
from core.ui.words import STATES, duration


def progress_words(run: RunStatus) -> str:
    """Return in one line how far a run is, how fast it goes and how long it still takes."""
    word = STATES[run.state].word.capitalize()
    if run.state == "queued":
        return f"{word}: place {run.queue_place} in the queue of {run.device}" if run.queue_place else word
    parts = [f"{word}: {run.stage}" if run.stage else word]
    if run.epoch and run.num_epochs:
        parts.append(f"epoch {run.epoch} of {run.num_epochs}")
    if run.num_all:
        parts.append(f"{run.num_done:,} of {run.num_all:,}" + (" steps" if run.stage == "training" else ""))
    if run.is_live and run.films_per_second:
        parts.append(f"{run.films_per_second:,.0f} images/s")
    if run.is_live and run.seconds_left is not None:
        parts.append(f"about {duration(run.seconds_left)} left")
    return " · ".join(parts)
