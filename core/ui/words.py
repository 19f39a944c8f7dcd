"""How states, bands and times are said on every page; never by colour alone."""

from datetime import datetime
from typing import Literal, NamedTuple

from core.language import mark, tr

Colour = Literal["red", "orange", "blue", "green", "gray"]
BAND_ICONS = {
    "urgent": ":material/priority_high:",
    "review": ":material/visibility:",
    "routine": ":material/check:",
    "rejected": ":material/block:",
    "failed": ":material/broken_image:",
}
BAND_HELP = {
    "urgent": mark("Flagged by the model, or waiting too long."),
    "review": mark("A human must decide: uncertain, near the limit of the model's scope, or not read by it."),
    "routine": mark("Not flagged. This does not exclude disease."),
    "rejected": mark("Opened, but no usable chest image. A human must look."),
    "failed": mark("Could not be read at all."),
}
BAND_COLOURS: dict[str, Colour] = {
    "urgent": "red",
    "review": "orange",
    "routine": "blue",
    "rejected": "gray",
    "failed": "gray",
}
VERDICT_ICONS = {
    "pneumonia": ":material/priority_high:",
    "normal": ":material/check:",
    "unsure": ":material/question_mark:",
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
