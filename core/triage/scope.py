"""What an image's file says that the model cannot see: an age it was not made for, and writing in the picture."""

from core.radiograph.film import Radiograph
from core.reasons import AgeNotStated, AgeOutOfScope, MayShowText, Reason

DOUBTFUL = "doubtful_file"
AGE_OUT_OF_SCOPE = "age_out_of_scope"
YOUNGEST, OLDEST = 1, 5
"""Whole years of age of the children whose images the standard dataset holds."""


def is_age_in_scope(age_years: float | None, is_unclear: bool = False) -> bool:
    """Return whether the model was made for this age, from the first birthday to the day before the sixth.

    An age that is not stated is not held against an image; one that is stated and cannot be understood is.
    """
    return not is_unclear and (age_years is None or YOUNGEST <= age_years < OLDEST + 1)


def explain_age(age_years: float | None, probability: float) -> Reason:
    """Return why an image of this age, or of one that cannot be understood (None), needs a human."""
    return AgeOutOfScope(age_years, YOUNGEST, OLDEST, probability)


def notes_on(radiograph: Radiograph) -> tuple[Reason, ...]:
    """Return what is to be said of an image beside its finding.

    Only files that could have stated it are said not to: a picture format states neither age nor writing.
    """
    notes: list[Reason] = []
    if radiograph.may_show_text is not None and radiograph.age_years is None and not radiograph.is_age_unclear:
        notes.append(AgeNotStated())
    if radiograph.may_show_text:
        notes.append(MayShowText())
    return (*notes, *radiograph.doubts, *radiograph.notes)
