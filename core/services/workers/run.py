"""`python -m core.services.workers.run RUN`: the process that carries out one run."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from core.errors import PneumoDeskError
from core.runs.reporting import RunStopped
from core.services.desk import open_desk
from core.services.runs.distributed import run_rank
from core.services.runs.execution import work_on_run
from core.services.runs.supervision import ensure_supervisor

if TYPE_CHECKING:
    from core.training.team import Team


def main() -> None:
    """Carry out a run; how it ended is in its row, and more in this process's log."""
    desk = open_desk()
    team = _team()
    if team is not None and team.rank > 0:
        # Not as a failure, for which torchrun would end the first process in its last act.
        with suppress(RunStopped):
            run_rank(desk, sys.argv[1], team)
        return
    try:
        result = work_on_run(desk, sys.argv[1], team=team)
    except RunStopped:
        sys.stderr.write("Stopped as asked.\n")
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    else:
        sys.stderr.write(f"Completed with checkpoint {result.checkpoint_hash}.\n")
    finally:
        # What waits must not wait for a supervisor that was killed meanwhile.
        ensure_supervisor(desk)


def _team() -> "Team | None":
    """Return the processes that share the run, or None where this one carries it out alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return None
    # Only now, so that a process of its own does not load torch before it has claimed its run.
    from core.training.team import team_asked_for

    return team_asked_for()


if __name__ == "__main__":
    main()
