"""The files in a backup, unpacked into a folder of their own and compared with what was signed."""

import hashlib
import shutil
from pathlib import Path, PurePosixPath
from zipfile import ZipInfo

from core.language import tr
from core.services.desk.backup_format import BackupError, Contents, is_kept
from core.services.desk.backup_keys import RISK
from core.triage.archives import chunks_of


def unpack(file: Path, contents: Contents, folder: Path, *, accept_unverified: bool) -> int:
    """Unpack what is listed and a backup would hold, and return how many files are not what they were.

    Raises BackupError, and UnreadableFileError for a damaged member.
    """
    members = [
        member
        for member in contents.members
        if is_kept(member.filename)
        and not member.is_dir()
        and (contents.listed is None or member.filename in contents.listed)
    ]
    num_bytes, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if num_bytes > free:
        raise BackupError(
            tr(
                "{file} needs {num_bytes:,.0f} MB, and {free:,.0f} MB are free in {folder}. Free some space or "
                "restore into another home.",
                file=file,
                num_bytes=num_bytes / 1e6,
                free=free / 1e6,
                folder=folder,
            )
        )
    changed = []
    for member in members:
        digest, size = _unpack_one(file, member, folder)
        expected = contents.listed[member.filename] if contents.listed is not None else None
        if expected is not None and (expected.sha256, expected.size) != (digest, size):
            changed.append(member.filename)
    if changed and not accept_unverified:
        raise BackupError(
            tr(
                "{changed!r} in {file} was changed after the backup was made. {risk}",
                changed=changed[0],
                file=file,
                risk=tr(RISK),
            )
        )
    return len(changed)


def _unpack_one(file: Path, member: ZipInfo, folder: Path) -> tuple[str, int]:
    """Unpack one member and return its hash and size."""
    place = folder.joinpath(*PurePosixPath(member.filename).parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with place.open("xb") as stream:
        for chunk in chunks_of(file, member, member.file_size):
            digest.update(chunk)
            size += stream.write(chunk)
    if place.suffix == ".key":
        place.chmod(0o600)
    return digest.hexdigest(), size
