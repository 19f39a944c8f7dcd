"""Study numbers in place of file names, for sites whose names tell who was filmed."""

import hmac

from core.services.desk import Desk
from core.services.desk.signed_urls import signing_secret

NUM_LETTERS = 12


def study_number(desk: Desk, name: str) -> str:
    """Return the number of a file name: always the same on this desk, and nobody without its key can find the name."""
    digest = hmac.digest(signing_secret(desk), f"study number\n{name}".encode("utf-8", "surrogateescape"), "sha256")
    return f"study-{digest.hex()[:NUM_LETTERS]}"
