"""How states, AI results, findings and times look on every page; never by colour alone."""

from datetime import datetime
from typing import Literal, NamedTuple

from core.language import mark, tr
from core.triage.ai_result import AIResult

Colour = Literal["red", "orange", "blue", "green", "gray"]
RESULT_ICONS = {
    AIResult.FLAGGED: ":material/flag:",
    AIResult.INDETERMINATE: ":material/help:",
    # Neither tick nor green: nobody has cleared the image.
    AIResult.NO_FLAG: None,
    AIResult.UNSUITABLE: ":material/block:",
    AIResult.FILE_ERROR: ":material/broken_image:",
}
RESULT_COLOURS: dict[AIResult, Colour] = {
    AIResult.FLAGGED: "red",
    AIResult.INDETERMINATE: "orange",
    AIResult.NO_FLAG: "blue",
    AIResult.UNSUITABLE: "gray",
    AIResult.FILE_ERROR: "gray",
}
ORDER_ICONS = {
    "urgent": ":material/keyboard_double_arrow_up:",
    "review": ":material/keyboard_arrow_up:",
    "routine": ":material/drag_handle:",
}
FINDING_ICONS = {
    "pneumonia": ":material/add_circle:",
    "normal": ":material/do_not_disturb_on:",
    "unsure": ":material/help:",
    "not readable": ":material/hide_image:",
}


class StateWord(NamedTuple):
    """How a state is shown: its word, which is that of the command line and of the REST API, an icon and a colour."""

    word: str
    icon: str
    colour: Colour


_LOOKS: tuple[tuple[str, str, Colour], ...] = (
    (mark("queued"), ":material/schedule:", "gray"),
    (mark("starting"), ":material/hourglass_top:", "blue"),
    (mark("running"), ":material/play_circle:", "blue"),
    (mark("stopping"), ":material/pause_circle:", "orange"),
    (mark("completed"), ":material/check_circle:", "green"),
    (mark("stopped"), ":material/stop_circle:", "gray"),
    (mark("failed"), ":material/error:", "red"),
    (mark("lost"), ":material/link_off:", "orange"),
)
STATES = {state: StateWord(state, icon, colour) for state, icon, colour in _LOOKS}
"""Of runs, sweeps, batches and imports alike."""


def state_word(state: str) -> StateWord:
    """Return how a state is shown, in the current language; one that an imported record calls otherwise as it is."""
    found = STATES.get(state, StateWord(state, ":material/help:", "gray"))
    return found._replace(word=tr(found.word))


def duration(seconds: float | None) -> str:
    """Return seconds as people say them."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return tr("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return tr("{seconds:.0f} min", seconds=seconds / 60)
    return (
        tr("{seconds:.1f} h", seconds=seconds / 3600)
        if seconds < 172_800
        else tr("{seconds:.0f} days", seconds=seconds / 86400)
    )


def moment(when: datetime | None) -> str:
    """Return a moment in the server's own time zone, a dash for none."""
    return "–" if when is None else f"{when.astimezone():%Y-%m-%d %H:%M}"


def size(num_bytes: int) -> str:
    """Return bytes as people say them."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if num_bytes >= step:
            return f"{num_bytes / step:.1f} {unit}"
    return tr("{num_bytes} B", num_bytes=num_bytes)
