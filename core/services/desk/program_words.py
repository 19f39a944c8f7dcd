"""What programs read stays in the language of the code, also where people read the same in another."""

from collections.abc import Callable

Say = Callable[..., str]
"""`tr`, or `in_english` where the answer is for programs; both take a message, which `mark` names, and its values."""


def in_english(message: str, /, **values: object) -> str:
    """Return a message as the code has it, with its placeholders filled in."""
    return message.format(**values) if values else message
