"""Signatures by which a route knows that the desk itself handed out an address, and until when.

The secret lies in the desk's home and never leaves it; whoever has a signature may do the one thing it was made for.
"""

import hmac
import secrets
import time
from functools import lru_cache
from pathlib import Path

from core.errors import SettingsError
from core.services.desk.opening import Desk

SECRET_FILE = "signing.key"
SECRET_BYTES = 32
VALID_SECONDS = 12 * 3600
"""A signature holds for at least this long and at most twice as long."""


def sign(desk: Desk, purpose: str, now: float | None = None) -> str:
    """Return a signature for a purpose; it stays the same for hours, so that browsers can keep what it opens."""
    now = time.time() if now is None else now
    expires = (int(now) // VALID_SECONDS + 2) * VALID_SECONDS
    return f"{expires:x}-{_digest(desk, purpose, expires)}"


def is_signed(desk: Desk, purpose: str, signature: str, now: float | None = None) -> bool:
    """Return whether the desk signed exactly this purpose and the time is not over."""
    now = time.time() if now is None else now
    expires_hex, _, digest = signature.partition("-")
    try:
        expires = int(expires_hex, 16)
    except ValueError:
        return False
    # Bytes, since the comparison refuses text that is not ASCII.
    is_ours = hmac.compare_digest(_digest(desk, purpose, expires).encode(), digest.encode("utf-8", "replace"))
    return is_ours and now < expires


def signing_secret(desk: Desk) -> bytes:
    """Return the desk's own key, for what must be the same on this desk and a riddle elsewhere."""
    return _secret(desk.settings.home)


def _digest(desk: Desk, purpose: str, expires: int) -> str:
    return hmac.digest(_secret(desk.settings.home), f"{expires}\n{purpose}".encode(), "sha256").hex()


def _secret(home: Path) -> bytes:
    path = home / SECRET_FILE
    try:
        try:
            state = path.stat()
        except FileNotFoundError:
            _make_secret(path)
            state = path.stat()
        return _read_secret(path, state.st_ino, state.st_mtime_ns)
    except OSError as error:
        raise SettingsError(f"The signing key {path} cannot be read or made ({error.strerror}).") from error


@lru_cache(maxsize=8)
def _read_secret(path: Path, inode: int, modified_ns: int) -> bytes:
    """Read the key once for as long as the file stays the same: a page may need thousands of signatures."""
    secret = path.read_bytes()
    if len(secret) < SECRET_BYTES:
        raise SettingsError(f"The signing key {path} is too short: delete the file, and a new one is made.")
    return secret


def _make_secret(path: Path) -> None:
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
