"""Convert a model for the fast engine: `python -m core.services.workers.graph_conversion MODEL`.

It is a process that ends: a server that serves for months should not hold what only the conversion needs.
"""

import sys

from core.errors import PneumoDeskError
from core.services.desk import open_desk
from core.services.models.loading import load_predictor


def main() -> None:
    """Make the engine once, which leaves the converted graph in the cache."""
    try:
        load_predictor(open_desk(), sys.argv[1])
    except PneumoDeskError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
