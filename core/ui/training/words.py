"""How the Training page says progress."""

from core.language import tr
from core.result_words import stage_in_words
from core.services.runs.status import RunStatus
from core.ui.words import duration, state_word


def progress_words(run: RunStatus) -> str:
    """Return in one line how far a run is, how fast it goes and how long it still takes."""
    word = state_word(run.state).word.capitalize()
    if run.state == "queued":
        return (
            tr(
                "{word}: place {queue_place} in the queue of {device}",
                word=word,
                queue_place=run.queue_place,
                device=run.device,
            )
            if run.queue_place
            else word
        )
    parts = [f"{word}: {stage_in_words(run.stage)}" if run.stage else word]
    if run.epoch and run.num_epochs:
        parts.append(tr("epoch {epoch} of {num_epochs}", epoch=run.epoch, num_epochs=run.num_epochs))
    if run.num_all:
        counts = {"done": run.num_done or 0, "total": run.num_all}
        is_training = run.stage == "training"
        parts.append(
            tr("{done:,} of {total:,} steps", **counts) if is_training else tr("{done:,} of {total:,}", **counts)
        )
    if run.is_live and run.films_per_second:
        parts.append(tr("{films_per_second:,.0f} images/s", films_per_second=run.films_per_second))
    if run.is_live and run.seconds_left is not None:
        parts.append(tr("about {seconds_left} left", seconds_left=duration(run.seconds_left)))
    return " · ".join(parts)
