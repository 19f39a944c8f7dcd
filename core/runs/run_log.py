"""What the processes of a run have written: one file in the run's folder, all attempts one after another."""

from pathlib import Path

LOG_FILE = "log.txt"
MOST_BYTES = 65_536
LINES_KEPT_WITH_FAILURE = 60


def read_tail(log: Path, num_lines: int) -> str:
    """Return the last lines of a log; empty where there is none, or it cannot be read."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - MOST_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-num_lines:])
