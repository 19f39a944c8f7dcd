"""How the Training page says how sweeps and their runs stand; never by colour alone."""

from core.services.sweeps.status import SweepDetail, SweepLine
from core.ui.words import duration

OBJECTIVES = {
    "validation_auc": "Validation AUC",
    "validation_loss": "Validation loss",
    "validation_accuracy": "Validation accuracy at 0.5",
}


def progress_of(line: SweepLine) -> str:
    """Return in one line how many runs of a sweep stand how."""
    counts = line.counts
    parts = [f"{counts.num_done} of {counts.num_trials} runs done"]
    if counts.num_pruned:
        parts.append(f"{counts.num_pruned} pruned")
    if counts.num_running:
        parts.append(f"{counts.num_running} running")
    if counts.num_queued:
        parts.append(f"{counts.num_queued} queued")
    if line.is_live and counts.num_unasked:
        parts.append(f"{counts.num_unasked} still to be chosen")
    if counts.num_unfinished:
        parts.append(f"{counts.num_unfinished} stopped, failed or lost")
    return " · ".join(parts)


def best_words(sweep: SweepDetail) -> str:
    """Return the best value so far, or a dash."""
    return f"{sweep.best.value:.4f}" if sweep.best is not None and sweep.best.value is not None else "–"


def time_words(sweep: SweepDetail) -> str:
    """Return the time left of a sweep that continues, or what its runs took."""
    if sweep.line.is_live:
        return duration(sweep.seconds_left)
    return duration(sweep.seconds_of_runs)
