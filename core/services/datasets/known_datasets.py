"""The folders that were indexed on this desk and what each holds for training."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from core.progress import OnCount
from core.radiograph.phantom import is_marked_as_drawn
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.films.reachable import reachable_path
from db import models as tables


@dataclass(frozen=True)
class KnownCohort:
    """A folder that was indexed here: where it is and how many images it holds for training."""

    root: Path
    fingerprint: str
    num_images: int
    num_for_training: int

    @property
    def words(self) -> str:
        """The folder and how many images it holds, and whether these are drawn."""
        films = "synthetic images" if is_marked_as_drawn(self.root) else "films"
        return f"{self.root} · {self.num_images:,} {films}"


def dataset_names(desk: Desk) -> dict[str, str]:
    """Return what this desk calls each dataset, its folder's name, by fingerprint; a name is the desk's own."""
    with desk.reading() as session:
        rows = session.execute(select(tables.Cohort.fingerprint, tables.Cohort.root).order_by(tables.Cohort.id))
        return {fingerprint: Path(root).name for fingerprint, root in rows}


def list_known_cohorts(desk: Desk) -> list[KnownCohort]:
    """Return the folders that were indexed and are still there, the last one first, each once."""
    with desk.reading() as session:
        rows = session.scalars(select(tables.Cohort).order_by(tables.Cohort.id.desc())).all()
    known: dict[str, KnownCohort] = {}
    for row in rows:
        if row.root not in known and Path(row.root).is_dir():
            known[row.root] = KnownCohort(Path(row.root), row.fingerprint, row.num_images, _num_for_training(row))
    return list(known.values())


def _num_for_training(row: tables.Cohort) -> int:
    images: dict[str, dict[str, int]] = row.summary.get("images", {})
    held = [sum(labels.values()) for split, labels in images.items() if split != "test"]
    return sum(held) or row.num_images


def index_server_folder(desk: Desk, folder: str, on_count: OnCount) -> None:
    """Index a folder of this machine; raises SettingsError if it lies below no allowed root."""
    indexing.index(desk, reachable_path(desk, folder), on_count)
