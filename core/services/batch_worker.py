"""`python -m core.services.batch_worker BATCH`: the process that reads one batch."""

import signal
import sys

from core.errors import PneumoDeskError
from core.services.desk import open_desk
from core.services.triage import work_on_batch


def main() -> None:
    """Read a batch to its end; what went wrong stands in its row, and in this process's log."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work_on_batch(open_desk(), sys.argv[1])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
