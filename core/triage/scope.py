"""What a film's file says that the model cannot see: an age it was not made for, and writing in the picture."""

from core.triage.priority import in_words

AGE_OUT_OF_SCOPE = "age_out_of_scope"
YOUNGEST, OLDEST = 1, 5
"""Whole years of age of the children whose films the standard cohort holds."""
TEXT_WARNING = "the file does not rule out writing burned into the picture, such as a name"


def is_age_in_scope(age_years: float | None) -> bool:
    """Return whether the model was made for this age; one that is not known is not held against a film."""
    return age_years is None or YOUNGEST <= age_years < OLDEST + 1


def explain_age(age_years: float, probability: float) -> str:
    """Return why a film of this age needs a human, in one sentence."""
    return (
        f"out of scope: the file says the patient is {age_in_words(age_years)} old, and the model was made for "
        f"children of {YOUNGEST} to {OLDEST} years, so its probability of {in_words(probability)} may mean nothing: "
        "a human must decide"
    )


def age_in_words(age_years: float) -> str:
    """Return an age as people say it."""
    if age_years >= 2:
        return f"{int(age_years)} years"
    months = int(age_years * 12 + 1e-9)
    if months < 1:
        return "under a month"
    return "1 month" if months == 1 else f"{months} months"
