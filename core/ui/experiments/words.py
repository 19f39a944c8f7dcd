"""How the states and figures of runs are said on the Experiments page; never by colour alone."""

RUN_STATES = {
    "queued": ("waiting", ":material/hourglass_empty:"),
    "starting": ("starting", ":material/play_arrow:"),
    "running": ("training", ":material/progress_activity:"),
    "stopping": ("stopping", ":material/stop:"),
    "completed": ("complete", ":material/check:"),
    "stopped": ("stopped", ":material/stop_circle:"),
    "failed": ("failed", ":material/error:"),
    "lost": ("interrupted", ":material/link_off:"),
}
STATE_COLOURS = {"completed": "green", "failed": "red", "lost": "red", "running": "blue"}
FIGURE_WORDS = {
    "auc": ("AUC", "How often a film with pneumonia gets a higher probability than one without; 0.5 is chance."),
    "average_precision": ("Average precision", "Area under the precision–recall curve."),
    "accuracy": ("Accuracy", "Share of all films read rightly at the threshold. Interval: Wilson."),
    "sensitivity": ("Sensitivity", "Share of the pneumonia films that are flagged. Interval: Wilson."),
    "specificity": ("Specificity", "Share of the normal films that are not flagged. Interval: Wilson."),
    "precision": ("Precision", "Share of the flagged films that show pneumonia, among these films."),
    "f1": ("F1", "Harmonic mean of precision and sensitivity."),
    "brier": ("Brier score", "Mean squared distance of probability and truth; lower is better."),
    "ece": ("ECE", "Mean gap between stated probability and share of pneumonia in 15 bins of equal width."),
}


def figure(value: object, digits: int = 3) -> str:
    """Return a number as people read it, a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if abs(value) < 0.01 else f"{value:.{digits}f}"
    return str(value)


def with_interval(value: float | None, interval: tuple[float, float] | None, digits: int = 3) -> str:
    """Return a figure with its interval, or the interval alone."""
    bounds = f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}" if interval else ""
    if value is None:
        return bounds or "–"
    return f"{value:.{digits}f} ({bounds})" if bounds else f"{value:.{digits}f}"
