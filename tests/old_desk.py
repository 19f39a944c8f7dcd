"""The home of a desk of schema 0012, unpacked: how it was made is told in `old_home/build.py`."""

import json
import tarfile
from pathlib import Path
from typing import Any

from core.services.desk.path_relocation import point_to_new_home
from db.engine import make_engine
from db.upgrade import upgrade_to_head

ARCHIVE = Path(__file__).with_name("old_home") / "first_wave.tar.xz"


def unpack_old_home(folder: Path) -> dict[str, Any]:
    """Unpack the old home as `home` below a folder and return what it says of itself.

    Its database is left as it was made, but for paths: those in it lead to where it lies now.
    """
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return json.loads((folder / "about.json").read_text())


def move_in(database_url: str, about: dict[str, Any], home: Path) -> None:
    """Upgrade the old home's database and let its paths lead to where the home lies now, as a restored backup's do."""
    engine = make_engine(database_url)
    upgrade_to_head(engine)
    point_to_new_home(engine, about["home"], str(home))
    engine.dispose()
