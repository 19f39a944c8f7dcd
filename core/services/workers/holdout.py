"""`python -m core.services.workers.holdout RUN`: evaluates a run's held-out images in a process that ends."""

import sys

from core.errors import PneumoDeskError
from core.services.desk import open_desk
from core.services.experiments.holdout import judge_holdout


def main() -> None:
    """Read the images; what the model said of them is kept on the desk."""
    try:
        judge_holdout(open_desk(), sys.argv[1])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
