"""Where PneumoDesk keeps its files and what it may use, read once from the environment."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import SettingsError
from core.language import mark, tr

PROJECT_ROOT = Path(__file__).resolve().parent.parent
NOTICE = mark(
    "For research and education; not a medical device. PneumoDesk flags images for a human reader. "
    "An image it does not flag may still show disease."
)

MEGABYTE = 10**6

Settings = TypeVar("Settings", bound=BaseSettings)


class AppSettings(BaseSettings):
    """The settings of one desk; each field is read from `PNEUMODESK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PNEUMODESK_", frozen=True)

    if TYPE_CHECKING:
        # Pydantic makes it of what is frozen.
        def __hash__(self) -> int: ...

    home: Path = Field(default=PROJECT_ROOT / "var", description=mark("Folder for everything written at run time."))
    database_url: str = Field(
        default="", description=mark("SQLAlchemy URL; empty means an SQLite file in the home folder.")
    )
    device: str = Field(default="auto", description=mark("Where models compute: auto, cpu, cuda, cuda:1, mps."))
    decode_threads: int = Field(
        default=0, ge=0, le=64, description=mark("Threads that decode images; 0 means one per core.")
    )
    max_file_megabytes: int = Field(
        default=200, ge=1, le=4096, description=mark("Largest image file that is opened, in MB.")
    )
    max_archive_megabytes: int = Field(
        default=20_000, ge=1, le=1_000_000, description=mark("Most that one zip may hold when unpacked, in MB.")
    )

    checkpoint_minutes: float = Field(
        default=10,
        gt=0,
        le=1440,
        description=mark("How often a run in training keeps its whole state beside the end of each epoch, in minutes."),
    )
    keep_identifiers: bool = Field(
        default=False,
        description=mark("Whether uploaded images are kept as they came, with names, dates and other metadata."),
    )
    study_numbers: bool = Field(
        default=False,
        description=mark("Whether images are listed and uploads kept under study numbers instead of file names."),
    )
    reader_waits_minutes: float = Field(
        default=10,
        ge=0,
        le=1440,
        description=mark(
            "How long a process that has the model ready waits for images once the Triage page was opened, in "
            "minutes; 0 turns it off."
        ),
    )
    keep_predictions_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description=mark(
            "Days after which what the REST API found of single images is deleted; 0 keeps it for good. Batches have "
            "a retention period of their own, in the rules of the worklist."
        ),
    )
    host: str = Field(
        "",
        max_length=128,
        description=mark(
            "Name of this machine or container among all that share the database; empty means one made of the "
            "machine's own name and id. Two that share a name must not share a database."
        ),
    )
    cluster: str = Field(
        default="",
        description="Address of a Ray cluster that carries out the runs, such as http://head:8265; its nodes must see "
        "the home folder and the database. Empty means processes of this machine.",
    )
    film_roots: str = Field(
        default="",
        description=mark(
            "Folders of this machine whose images the dashboard may read, separated as in PATH; empty means the "
            "user's own home folder."
        ),
    )

    @property
    def allowed_film_roots(self) -> tuple[Path, ...]:
        """The folders below which the dashboard may take images on this machine."""
        named = [Path(root) for root in self.film_roots.split(os.pathsep) if root]
        return tuple(root.expanduser().resolve() for root in (*(named or [Path.home()]), self.home))

    @property
    def max_file_bytes(self) -> int:
        """How large a file of one image may be."""
        return self.max_file_megabytes * MEGABYTE

    @property
    def max_archive_bytes(self) -> int:
        """How large a zip may be, packed and unpacked."""
        return self.max_archive_megabytes * MEGABYTE

    @property
    def resolved_database_url(self) -> str:
        """The URL of the database, the SQLite file in the home folder unless another is set."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'pneumodesk.db'}"

    @property
    def caches(self) -> Path:
        """Folder for what can be made again at any time."""
        return self.home / "caches"

    @property
    def ensembles(self) -> Path:
        """Folder with one subfolder for each ensemble."""
        return self.home / "ensembles"

    @property
    def imported(self) -> Path:
        """Folder with one subfolder for each model that came from elsewhere."""
        return self.home / "imported"

    @property
    def models(self) -> Path:
        """Folder with one subfolder for each promoted model, and in it one for each version."""
        return self.home / "models"

    @property
    def runs(self) -> Path:
        """Folder with one subfolder for each training run."""
        return self.home / "runs"

    @property
    def uploads(self) -> Path:
        """Folder with one subfolder for each upload."""
        return self.home / "uploads"

    @property
    def worklists(self) -> Path:
        """Folder with one subfolder for each triage batch."""
        return self.home / "worklists"


@lru_cache(maxsize=1)
def get_settings() -> AppSettings:
    """Return the settings of this process; raises SettingsError naming the variable that is wrong."""
    return read_settings(AppSettings)


def read_settings(kind: type[Settings]) -> Settings:
    """Return settings of a kind from the environment; raises SettingsError naming the variable that is wrong."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        name = kind.model_config.get("env_prefix", "") + str(first["loc"][0]).upper()
        raise SettingsError(
            tr(
                "{setting} is set to {given!r}: {problem}.",
                setting=name,
                given=first["input"],
                problem=first["msg"].lower(),
            )
        ) from error
