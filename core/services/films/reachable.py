"""What images a desk may reach: folders of this machine below its roots, and files no larger than it reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import SettingsError
from core.language import tr
from core.services.desk import Desk
from core.triage.intake import Candidate, IntakeProblem, gather


def is_reachable(desk: Desk, path: Path) -> bool:
    """Return whether a full path, links followed, lies below a folder that the desk may read."""
    return path.is_absolute() and any(path.resolve().is_relative_to(root) for root in desk.settings.allowed_film_roots)


def reachable_path(desk: Desk, folder: str) -> Path:
    """Return the path that a person typed; raises SettingsError if it is not full or lies below no allowed root."""
    path = Path(folder.strip()).expanduser()
    if not is_reachable(desk, path):
        raise SettingsError(
            tr(
                "Images may be read below {root} only. Give a full path there, or let PNEUMODESK_FILM_ROOTS name more "
                "folders.",
                root=" and ".join(str(root) for root in desk.settings.allowed_film_roots),
            )
        )
    return path


def files_below(desk: Desk, paths: Sequence[Path]) -> Iterator[Candidate | IntakeProblem]:
    """Yield every file under the paths, those in zips too; raises InputNotFoundError if a path does not exist."""
    settings = desk.settings
    return gather(paths, max_file_bytes=settings.max_file_bytes, max_archive_bytes=settings.max_archive_bytes)
