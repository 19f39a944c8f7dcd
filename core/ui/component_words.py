"""The words of the browser's side of a component: translated here at each rendering, filled in and counted there."""

from core.language import current_language, tr_n

Words = dict[str, str | dict[str, str]]
SAMPLES = (1, 2, 0, 3, 11, 100, 1_000_000)
"""Numbers of every kind that some language has a form of its own for."""


def plural_forms(singular: str, plural: str, /) -> dict[str, str]:
    """Return a sentence with the placeholder `{count}`, and no other value, as it is for numbers of every kind."""
    return {str(number): tr_n(singular, plural, number, count="{count}") for number in SAMPLES}


def with_words(words: Words) -> dict[str, object]:
    """Return what a script needs to say these words: they themselves, and the language that numbers are written in."""
    return {"words": words, "language": current_language().replace("_", "-")}
