"""What a film's file says that the model cannot see: an age it was not made for, and writing in the picture."""

from core.radiograph.film import Radiograph
from core.triage.priority import in_words

DOUBTFUL = "doubtful_file"
AGE_OUT_OF_SCOPE = "age_out_of_scope"
YOUNGEST, OLDEST = 1, 5
"""Whole years of age of the children whose films the standard cohort holds."""
AGE_NOT_STATED = "the file does not state the patient's age"
TEXT_WARNING = "the file does not rule out writing burned into the picture, such as a name"


def is_age_in_scope(age_years: float | None, is_unclear: bool = False) -> bool:
    """Return whether the model was made for this age, from the first birthday to the day before the sixth.

    An age that is not stated is not held against a film; one that is stated and cannot be understood is.
    """
    return not is_unclear and (age_years is None or YOUNGEST <= age_years < OLDEST + 1)


def explain_age(age_years: float | None, probability: float) -> str:
    """Return why a film of this age, or of one that cannot be understood (None), needs a human, in one sentence."""
    said = (
        "states an age that cannot be understood, such as one without a unit"
        if age_years is None
        else f"says the patient is {age_in_words(age_years)} old"
    )
    return (
        f"out of scope: the file {said}, and the model was made for children of {YOUNGEST} to {OLDEST} years, so its "
        f"probability of {in_words(probability)} may mean nothing: a human must decide"
    )


def notes_on(radiograph: Radiograph) -> tuple[str, ...]:
    """Return what is to be said of a film beside its finding.

    Only files that could have told are said not to: a picture format states neither age nor writing.
    """
    notes = []
    if radiograph.may_show_text is not None and radiograph.age_years is None and not radiograph.is_age_unclear:
        notes.append(AGE_NOT_STATED)
    if radiograph.may_show_text:
        notes.append(TEXT_WARNING)
    return (*notes, *radiograph.doubts, *radiograph.notes)


def age_in_words(age_years: float) -> str:
    """Return an age as people say it."""
    if age_years >= 2:
        return f"{int(age_years)} years"
    months = int(age_years * 12 + 1e-9)
    if months < 1:
        return "under a month"
    return "1 month" if months == 1 else f"{months} months"
