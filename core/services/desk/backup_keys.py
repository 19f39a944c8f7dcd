"""Which key vouches for a backup, and what it means if none does."""

from pathlib import Path

from core.errors import InputNotFoundError
from core.language import mark, tr
from core.services.desk.backup_format import KEY_FILE, BackupError, Contents, name_of_key
from core.services.desk.secret_keys import SECRET_BYTES

RISK = mark(
    "If you restore it all the same, with --accept-unverified, anyone who changed it decides what readers said, which "
    "model analyses and at which threshold."
)


def known_keys(home: Path, key_file: Path | None) -> list[bytes]:
    """Return the keys that a backup may be signed with: the one that was given, then the home's own.

    Raises InputNotFoundError and BackupError for a file that is none.
    """
    keys = []
    if key_file is not None:
        if not key_file.is_file():
            raise InputNotFoundError(tr("There is no file {key_file}.", key_file=key_file))
        keys.append(_read_key(key_file))
    if (home / KEY_FILE).is_file():
        keys.append(_read_key(home / KEY_FILE))
    return keys


def _read_key(file: Path) -> bytes:
    """Return a key from a desk's own file or from the copy that `backup-key` writes."""
    with file.open("rb") as stream:
        content = stream.read(1000)
    if len(content) == SECRET_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != SECRET_BYTES:
        raise BackupError(tr("{file} holds no key of a desk. `python -m core backup-key FILE` writes one.", file=file))
    return key


def key_that_vouches(file: Path, contents: Contents, keys: list[bytes], *, accept_unverified: bool) -> bytes | None:
    """Return the key that vouches for a backup, or None if none does and that is allowed; raises BackupError."""
    for key in keys:
        if contents.listed is not None and contents.is_signed_with(key):
            return key
    if accept_unverified:
        return None
    signed_by = contents.manifest.key
    if contents.listed is None or signed_by is None:
        raise BackupError(
            tr(
                "{file} is not signed, as those of earlier versions are not: nobody vouches for it. {risk}",
                file=file,
                risk=tr(RISK),
            )
        )
    if signed_by in map(name_of_key, keys):
        raise BackupError(
            tr("{file} was changed after it was made. Use another backup. {risk}", file=file, risk=tr(RISK))
        )
    sentence = tr(
        "{file} was signed by another desk, with the key {key}, and this home has none.", file=file, key=signed_by
    )
    if keys:
        sentence = tr(
            "{file} was signed by another desk, with the key {key}, and this home has the key {own_key}.",
            file=file,
            key=signed_by,
            own_key=name_of_key(keys[-1]),
        )
    advice = tr(
        "Give that desk's key with --key FILE: its own file {key_file}, or the copy that `python -m core backup-key` "
        "made of it. {risk}",
        key_file=KEY_FILE,
        risk=tr(RISK),
    )
    raise BackupError(f"{sentence} {advice}")
