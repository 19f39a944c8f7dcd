"""What people read where a study's AI result, place in the reading order or finding is stored as a short value.

One table each, for pages, PDFs and tables of the command line alike; JSON, CSV and addresses keep the stored values.
"""

from core.language import mark, tr


class Words(dict[str, str]):
    """Words by stored value; looking one up gives it in the current language."""

    def __getitem__(self, stored: str) -> str:
        return tr(super().__getitem__(stored))

    def get(self, stored: str, default: str | None = None) -> str | None:
        """Return the words for a stored value in the current language, or the default."""
        try:
            return self[stored]
        except KeyError:
            return default


AI_RESULTS = Words(
    {
        "flagged": mark("AI flagged"),
        "indeterminate": mark("Indeterminate"),
        "no_flag": mark("No AI flag"),
        "unsuitable": mark("Not analysed: unsuitable image"),
        "file_error": mark("Not analysed: file error"),
    }
)
AI_RESULTS_SHORT = Words(AI_RESULTS | {"unsuitable": mark("Unsuitable image"), "file_error": mark("File error")})
"""Where there is little room, as above a column of counts."""
AI_RESULT_HELP = Words(
    {
        "flagged": mark("The AI score is above the indeterminate range."),
        "indeterminate": mark(
            "The AI score is within the indeterminate range, or the image is out of scope or doubtful."
        ),
        "no_flag": mark("The AI score is below the indeterminate range. This does not exclude disease."),
        "unsuitable": mark("The model gave no score: this is not an image that it can analyse."),
        "file_error": mark("The file could not be opened."),
    }
)
READING_ORDER = Words({"urgent": mark("Read first"), "review": mark("Read next"), "routine": mark("Read in turn")})
"""By the band that the site's rules give a study."""
READING_ORDER_HELP = Words(
    {
        "urgent": mark("AI flagged, put first by the site's rules, or waiting too long."),
        "review": mark("Indeterminate, not analysed, or near a limit of the site's rules."),
        "routine": mark("No AI flag. This does not exclude disease."),
    }
)
FINDINGS = Words(
    {
        "pneumonia": mark("pneumonia"),
        "normal": mark("no pneumonia"),
        "unsure": mark("equivocal"),
        "not readable": mark("non-diagnostic"),
    }
)
"""By a reader's verdict."""
STAGES = Words(
    {
        "auditing": mark("auditing"),
        "computing features": mark("computing features"),
        "decoding": mark("decoding"),
        "downloading": mark("downloading"),
        "drawing": mark("drawing"),
        "evaluating and timing": mark("evaluating and timing"),
        "indexing": mark("indexing"),
        "measuring": mark("measuring"),
        "reading": mark("analysing"),
        "reading folds": mark("evaluating folds"),
        "reading images": mark("analysing images"),
        "scoring": mark("scoring"),
        "training": mark("training"),
        "unpacking": mark("unpacking"),
    }
)
"""By the stage of a piece of work."""
SCORE_HELP = mark("Output of the model from 0 to 1. It is not severity.")


def order_in_words(band: str, is_escalated: bool = False) -> str:
    """Return a study's place in the reading order, and whether only its waiting put it there."""
    return tr("{order}, escalated", order=READING_ORDER[band]) if is_escalated else READING_ORDER[band]


def stage_in_words(stage: str) -> str:
    """Return what a piece of work is doing; a stage that has no words of its own is shown by its name."""
    return STAGES.get(stage) or tr(stage)


def escalation_in_words(waiting_cap_hours: float) -> str:
    """Return why a study was escalated."""
    return tr("escalated: waiting over {hours:g} h", hours=waiting_cap_hours)


def score_in_words(score: float, *limits: float) -> str:
    """Return an AI score to two places, to more where it would read as one of the limits that it is not.

    It never reads as the 0.00 or 1.00 that would claim certainty.
    """
    places = next(places for places in range(_places(score, limits), 7) if places == 6 or _holds(score, limits, places))
    step = 10.0**-places
    if score >= 1 - step / 2:
        most = f"{1 - step:.{places}f}"
        return tr("over {score}", score=most)
    least = f"{step:.{places}f}"
    return tr("under {score}", score=least) if score < step / 2 else f"{score:.{places}f}"


def range_in_words(low: float, high: float, score: float | None = None) -> str:
    """Return the indeterminate range, in as many places as distinguish its ends from a score."""
    return "–".join(_ends_in_words(low, high, score))


def operating_point_in_words(low: float, high: float) -> str:
    """Return from which AI score on there is which AI result; results that no score can have are left out.

    Of a range without width nothing is indeterminate; one that begins at 0 or ends at 1 leaves nothing beyond.
    """
    least, most = _ends_in_words(low, high)
    no_flag = [tr("No AI flag < {limit}", limit=least)] if low > 0 else []
    if low == high:
        return " · ".join([*no_flag, tr("AI flagged ≥ {limit}", limit=least)])
    flagged = [tr("AI flagged > {limit}", limit=most)] if high < 1 else []
    return " · ".join([*no_flag, tr("indeterminate {low}–{high}", low=least, high=most), *flagged])


def _ends_in_words(low: float, high: float, score: float | None = None) -> tuple[str, str]:
    places = max(_places(low, (high, 0, 1)), _places(high, (0, 1)))
    if score is not None:
        places = max(places, _places(score, (low, high)))
    return f"{low:.{places}f}", f"{high:.{places}f}"


def _holds(score: float, limits: tuple[float, ...], places: int) -> bool:
    """Return whether "under 0.01" or "over 0.99", if it comes to that, leaves each limit on its side of the score."""
    step = 10.0**-places
    if score < step / 2:
        return all(limit <= score or limit >= step for limit in limits)
    if score >= 1 - step / 2:
        return all(limit >= score or limit <= 1 - step for limit in limits)
    return True


def _places(score: float, limits: tuple[float, ...]) -> int:
    """Return the fewest decimal places, at least two, at which a score differs from limits that it is not."""
    for places in range(2, 6):
        said = f"{score:.{places}f}"
        if all(limit == score or f"{limit:.{places}f}" != said for limit in limits):
            return places
    return 6
