"""Signatures by which a route knows that the desk itself handed out an address, and until when.

The secret lies in the desk's home and never leaves it; a holder of a signature may do the one thing it was made for.
"""

import hmac
import time

from core.services.desk.opening import Desk
from core.services.desk.secret_keys import secret_key

SECRET_FILE = "signing.key"
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


def _digest(desk: Desk, purpose: str, expires: int) -> str:
    key = secret_key(desk.settings.home / SECRET_FILE, if_too_short="delete the file, and a new one is made")
    return hmac.digest(key, f"{expires}\n{purpose}".encode(), "sha256").hex()
