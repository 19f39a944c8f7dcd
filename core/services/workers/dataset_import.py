"""`python -m core.services.workers.dataset_import ID`: the process that examines one folder."""

import signal
import sys

from core.errors import PneumoDeskError
from core.services.datasets.import_jobs import work_on_examination
from core.services.desk import open_desk


def main() -> None:
    """Import a folder; what went wrong is in its row, and in this process's log."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work_on_examination(open_desk(), sys.argv[1])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
