"""The words for why a batch, an import, a run or a search ended before its end, and for what to do then."""

from collections.abc import Callable, Mapping
from typing import Any

from core.language import mark, tr

Values = Mapping[str, Any]

WORK_LOST = {
    "ended": mark("Its process exited unexpectedly. Resume it: nothing read is lost."),
    "rebooted": mark(
        "The machine was restarted or lost power while it was carried out. Resume it: nothing read is lost."
    ),
    "silent": mark("Nothing has been heard of its process on {host} for minutes. Resume it: nothing read is lost."),
    "never_came": mark("Its process never began. Resume it: nothing read is lost."),
}
RUN_LOST = {
    "ended": mark("The process of this run exited unexpectedly: it was killed from outside, or the system ended it."),
    "rebooted": mark("The machine was restarted or lost power while this run was running."),
    "silent": mark("Nothing has been heard for minutes of this run's process on {host}."),
    "never_came": mark("The process of this run never began."),
}
"""By how it is known that the process is gone."""
VARIANTS = {"work_lost": WORK_LOST, "run_lost": RUN_LOST}
"""Codes whose words are chosen by one of their values."""
NEXT_STEPS = {
    "out of memory": mark(
        "Clone the run with a smaller batch size (half of it is a good first try) or smaller images, or end other "
        "programs that use much memory, then requeue it."
    ),
    "bad file": mark("Repair, replace or remove the file that is named, then requeue the run."),
    "loss not finite": mark(
        "Clone the run with a smaller learning rate (a tenth is a good first try) or fp32 precision."
    ),
    "disk full": mark("Free some space, for example by cleaning checkpoints of other runs, then resume the run."),
    "folder not writable": mark(
        "Let this user write the folder that is named, or set PNEUMODESK_HOME to another, then resume the run."
    ),
    "data gone": mark("Put the folder of the dataset back, or clone the run with the folder's new place."),
    "configuration": mark("Clone the run and correct the choice that is named."),
    "weights not available": mark("Clone the run with weights from the package, a file, or none."),
    "database": mark("Close other programs that hold the database, then resume the run."),
    "killed": mark(
        "Resume the run: it continues from its last checkpoint. If it happens again, watch the memory: a system that "
        "runs out of it kills processes without warning."
    ),
    "not heard of": mark(
        "See whether that machine or container still runs and reaches the database, then resume the run: it continues "
        "from its last checkpoint."
    ),
    "lost power": mark("Resume the run: it continues from its last checkpoint."),
    "unknown": mark("Read the end of the run's log, then resume or clone the run."),
}
"""By the class of failure."""


def _work_lost(values: Values) -> str:
    if values["how"] == "silent" and values["host"] is None:
        return tr(
            "Nothing has been heard of its process on another machine for minutes. Resume it: nothing read is lost."
        )
    return tr(WORK_LOST.get(values["how"], WORK_LOST["ended"]), **values)


def _run_lost(values: Values) -> str:
    if values["how"] == "silent" and values["host"] is None:
        return tr("Nothing has been heard for minutes of this run's process on another machine.")
    return tr(RUN_LOST.get(values["how"], RUN_LOST["ended"]), **values)


def _file_refused(values: Values) -> str:
    if values["path"] is None:
        return tr("A file: {detail}.", **values)
    return tr("{path}: {detail}.", **values)


def _foreign_error(values: Values) -> str:
    if not values["detail"]:
        return tr("{error}", **values)
    return tr("{error}: {detail}", **values)


def _next_step(values: Values) -> str:
    return tr(NEXT_STEPS.get(values["kind"], NEXT_STEPS["unknown"]))


REASON_WORDS: dict[str, str | Callable[[Values], str]] = {
    "work_lost": _work_lost,
    "run_lost": _run_lost,
    "interrupted": mark("It was interrupted."),
    "batch_taken_over": mark(
        "Nothing was heard of this process for long, and its batch was given to another, which reads on."
    ),
    "import_taken_over": mark(
        "Nothing was heard of this process for long, and its dataset was given to another, which continues."
    ),
    "file_refused": _file_refused,
    "foreign_error": _foreign_error,
    "step_needs_memory": mark("There was not enough memory for a training step."),
    "failed_in_a_row": mark("{num_runs} runs in a row failed, the last one so: {last}"),
    "drawn_choices_clash": mark("{num_times} times in a row the drawn choices did not go together."),
    "next_step": _next_step,
    "smaller_batch_fits": mark(
        "By a short trial a batch of {num_images} images would fit into the memory that is free now: clone the run "
        "with batch size {num_images}."
    ),
    "no_batch_fits": mark(
        "By a short trial not even two images would fit into the memory that is free now: end other programs that use "
        "much memory, or clone the run with smaller images or a smaller network."
    ),
}
