"""Where the images of a dataset come from when they do not lie in a folder of this machine yet."""

from pathlib import Path
from zipfile import ZipInfo

from PIL import Image

from core.dataset.split_words import LABELS, split_named
from core.errors import InputNotFoundError, PneumoDeskError, UnreadableFileError
from core.language import tr
from core.progress import OnProgress, Progress
from core.radiograph.phantom import mark_as_drawn, synthesise_phantom
from core.services.desk import Desk
from core.services.films.upload_names import UploadNameError, safe_name
from core.triage.archives import list_members, read_member

STANDARD_COHORT = "paultimothymooney/chest-xray-pneumonia"
NUM_PHANTOM_PATIENTS = 60
PHANTOM_SIDE = 256


class DownloadError(PneumoDeskError):
    """The standard dataset could not be downloaded."""


def draw_cohort(root: Path, on_progress: OnProgress) -> None:
    """Draw a dataset of synthetic images in the standard layout: 60 patients of each class, a sixth for testing."""
    count = 2 * NUM_PHANTOM_PATIENTS
    root.mkdir(parents=True, exist_ok=True)
    mark_as_drawn(root)
    for number in range(count):
        is_ill = number % 2 == 1
        patient = number // 2 + 1
        split = "test" if patient % 6 == 0 else "train"
        name = f"person{patient}_bacteria_{patient}.jpeg" if is_ill else f"IM-{patient:04}-0001.jpeg"
        path = root / split / ("PNEUMONIA" if is_ill else "NORMAL") / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(synthesise_phantom(number, PHANTOM_SIDE, opacity=is_ill)).save(path, quality=92)
        on_progress(Progress("drawing", number + 1, count))


def fetch_standard_cohort() -> Path:
    """Download the standard dataset from Kaggle, or find it where it was downloaded before; raises DownloadError."""
    import kagglehub
    from kagglehub.exceptions import KaggleApiHTTPError
    from requests.exceptions import RequestException

    try:
        folder = Path(kagglehub.dataset_download(STANDARD_COHORT))
    except (RequestException, KaggleApiHTTPError, OSError) as error:
        raise DownloadError(
            tr(
                "Kaggle could not be reached ({name}). This needs internet and 2.5 GB of room; without it, copy the "
                "data set to this machine and give its folder.",
                name=type(error).__name__,
            )
        ) from error
    found = next((path.parent for path in sorted(folder.rglob("train")) if path.is_dir()), None)
    if found is None:
        raise DownloadError(tr("What Kaggle sent to {folder} has no folder `train`.", folder=folder))
    return found


def unpack_cohort(desk: Desk, upload: Path, on_progress: OnProgress) -> Path:
    """Return the folder of an upload with its zips unpacked beside the files; raises InputNotFoundError if empty."""
    archives = [path for path in sorted(upload.rglob("*.zip")) if path.is_file()]
    for number, archive in enumerate(archives):
        on_progress(Progress("unpacking", number, len(archives)))
        _unpack(desk, archive)
    folder = upload
    # A folder sent by the browser, or zipped, usually stands alone within.
    while len(inside := [path for path in folder.iterdir() if not path.name.startswith((".", "__"))]) == 1:
        if not inside[0].is_dir() or inside[0].name.lower() in LABELS or split_named(inside[0].name):
            break
        folder = inside[0]
    if not any(path.is_file() for path in folder.rglob("*")):
        raise InputNotFoundError(tr("There are no images in what was sent."))
    return folder


def _unpack(desk: Desk, archive: Path) -> None:
    """Unpack an archive beside itself; a member that cannot be read becomes an empty file, which the index names."""
    limits = {
        "max_file_bytes": desk.settings.max_file_bytes,
        "max_archive_bytes": desk.settings.max_archive_bytes,
    }
    target = archive.with_suffix("")
    for name, info in list_members(archive, **limits):
        try:
            place = target / safe_name(name)
        except UploadNameError:
            # It points out of the archive: nobody's image, and no place is its own.
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_content(archive, info, limits["max_file_bytes"]))
    archive.unlink()


def _content(archive: Path, info: ZipInfo | UnreadableFileError, limit_bytes: int) -> bytes:
    if isinstance(info, UnreadableFileError):
        return b""
    try:
        return read_member(archive, info, limit_bytes)
    except UnreadableFileError:
        return b""
