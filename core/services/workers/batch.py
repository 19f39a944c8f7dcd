"""`python -m core.services.workers.batch BATCH`: the process that reads one batch."""

import signal
import sys

from core.errors import PneumoDeskError
from core.services.desk import open_desk
from core.services.triage.batch_reading import work_on_batch
from core.services.worklist.retention import apply_retention_if_allowed


def main() -> None:
    """Read a batch to its end; what went wrong is in its row, and in this process's log."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        desk = open_desk()
        work_on_batch(desk, sys.argv[1])
        apply_retention_if_allowed(desk)
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
