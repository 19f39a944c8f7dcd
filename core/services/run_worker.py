"""`python -m core.services.run_worker RUN`: the process that carries out one run."""

import sys

from core.errors import PneumoDeskError
from core.runs.reporting import RunStopped
from core.services.desk import open_desk
from core.services.run_supervisor import go_on
from core.services.run_work import work_on_run


def main() -> None:
    """Carry out a run; how it ended stands in its row, and more in this process's log."""
    desk = open_desk()
    try:
        result = work_on_run(desk, sys.argv[1])
    except RunStopped:
        sys.stderr.write("Stopped as asked.\n")
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    else:
        sys.stderr.write(f"Completed with checkpoint {result.checkpoint_hash}.\n")
    finally:
        # What waits must not wait for a supervisor that was killed meanwhile.
        go_on(desk)


if __name__ == "__main__":
    main()
