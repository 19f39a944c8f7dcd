"""Writes real pictures that are no chest images: `python tests/outside_pictures.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.services.evaluation.non_film_images import write_photographs

if __name__ == "__main__":
    print(write_photographs(Path(sys.argv[1])))
