"""Secret keys of the desk, each in a file of its own that only its user can read."""

import secrets
from functools import lru_cache
from pathlib import Path

from core.errors import SettingsError
from core.language import tr

SECRET_BYTES = 32


def secret_key(path: Path, *, if_too_short: str) -> bytes:
    """Return the key in a file, drawn when first asked for; raises SettingsError, with what to do if it is too short.

    Of two processes that ask at once both get the first one's key.
    """
    try:
        try:
            state = path.stat()
        except FileNotFoundError:
            _make(path)
            state = path.stat()
        key = _read(path, state.st_ino, state.st_mtime_ns)
    except OSError as error:
        raise SettingsError(
            tr("The key {path} cannot be read or made ({strerror}).", path=path, strerror=error.strerror)
        ) from error
    if len(key) < SECRET_BYTES:
        raise SettingsError(tr("The key {path} is too short: {advice}.", path=path, advice=if_too_short))
    return key


@lru_cache(maxsize=16)
def _read(path: Path, inode: int, modified_ns: int) -> bytes:
    """Read a key once for as long as its file stays the same: a page may need thousands of signatures."""
    return path.read_bytes()


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    try:
        fresh.write_bytes(secrets.token_bytes(SECRET_BYTES))
        # A link, not a rename: of two processes that start at once, the first one's key stands.
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
