"""How the Training page says how sweeps and their runs stand; never by colour alone."""

from core.language import mark, tr
from core.services.sweeps.status import SweepDetail, SweepLine
from core.ui.words import duration

OBJECTIVES = {
    "validation_auc": mark("Validation AUC"),
    "validation_loss": mark("Validation loss"),
    "validation_accuracy": mark("Validation accuracy at 0.5"),
}
KINDS = {
    "grid": mark("grid"),
    "rows": mark("listed settings"),
    "seeds": mark("seeds"),
    "search": mark("search"),
}


def progress_of(line: SweepLine) -> str:
    """Return in one line how many runs of a sweep stand how."""
    counts = line.counts
    parts = [tr("{num_done} of {num_trials} runs done", num_done=counts.num_done, num_trials=counts.num_trials)]
    if counts.num_pruned:
        parts.append(tr("{num_pruned} pruned", num_pruned=counts.num_pruned))
    if counts.num_running:
        parts.append(tr("{num_running} running", num_running=counts.num_running))
    if counts.num_queued:
        parts.append(tr("{num_queued} queued", num_queued=counts.num_queued))
    if line.is_live and counts.num_unasked:
        parts.append(tr("{num_unasked} still to be chosen", num_unasked=counts.num_unasked))
    if counts.num_unfinished:
        parts.append(tr("{num_unfinished} stopped, failed or lost", num_unfinished=counts.num_unfinished))
    return " · ".join(parts)


def best_words(sweep: SweepDetail) -> str:
    """Return the best value so far, or a dash."""
    return f"{sweep.best.value:.4f}" if sweep.best is not None and sweep.best.value is not None else "–"


def time_words(sweep: SweepDetail) -> str:
    """Return the time left of a sweep that continues, or what its runs took."""
    if sweep.line.is_live:
        return duration(sweep.seconds_left)
    return duration(sweep.seconds_of_runs)
