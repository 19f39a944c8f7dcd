"""The words for reasons, in the language of the page: a sentence without its full stop for each code."""

import re
import string
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from core import reason_words_datasets, reason_words_files, reason_words_work
from core.language import form_of, mark, tr, tr_n
from core.result_words import range_in_words, score_in_words

Values = Mapping[str, Any]


FORMATS = re.compile(r"\+?0?\d?,?(\.\d{1,2})?[dfgeEGn%s]?")
"""How numbers are printed in sentences."""


def in_words(code: str, values: Values) -> str:
    """Return a reason as a sentence; a code that is not known here, as a later version writes it, names itself."""
    words = REASON_WORDS.get(code)
    if words is None:
        return f"{code.replace('_', ' ')} (named by another version of PneumoDesk)"
    values = {name: _spoken(value) for name, value in values.items()}
    return words(values) if callable(words) else tr(words, **values)


def codes_saying(text: str) -> list[tuple[str, ...]]:
    """Return what is stored where words hold a text, in any case: a code, with the value that chose among its words."""
    sentences = {(code,): words for code, words in REASON_WORDS.items() if isinstance(words, str)}
    sentences |= {
        (code, value): words
        for code, variants in reason_words_work.VARIANTS.items()
        for value, words in variants.items()
    }
    return [stored for stored, words in sentences.items() if text.lower() in _without_placeholders(tr(words)).lower()]


def _without_placeholders(words: str) -> str:
    return re.sub(r"{[^}]*}", "", words)


def _spoken(value: Any) -> Any:
    """Return a value as it is put into a sentence: reasons within a reason in words."""
    if isinstance(value, list) and value and all(map(_is_reason, value)):
        return " ".join(map(_spoken, value))
    return in_words(value["code"], value["values"]) if _is_reason(value) else value


def fill_in(values: Values) -> str:
    """Return a kept message with its values; as it stands where it asks for more than to print them.

    Messages come back from databases and from records of other desks, and Python's placeholders can name attributes
    and widths of any size.
    """
    message, plural = values["message"], values["plural"]
    filled = {name: _spoken(value) for name, value in values["filled"].items()}
    try:
        words = form_of(message, plural, filled.get("n", 0))
        asked = [field[1:] for field in string.Formatter().parse(words) if field[1] is not None]
        if all(name in filled and FORMATS.fullmatch(form or "") for name, form, _ in asked):
            return words.format(**filled) if filled else words
    except (ValueError, TypeError, KeyError):
        pass
    return message


def _is_reason(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and value.keys() == {"code", "values"}


def age_in_words(age_years: float) -> str:
    """Return an age as people say it."""
    if age_years >= 2:
        return tr_n("{n} year", "{n} years", int(age_years))
    months = int(age_years * 12 + 1e-9)
    return tr_n("{n} month", "{n} months", months) if months else tr("under a month")


def bytes_in_words(num_bytes: int) -> str:
    """Return a size in megabytes, or in bytes where it is less than one."""
    if num_bytes < 10**6:
        return tr_n("{n:,} byte", "{n:,} bytes", num_bytes)
    return tr("{megabytes:,.0f} MB", megabytes=num_bytes / 10**6)


def _score_and_range(values: Values) -> dict[str, str]:
    score, low, high = values["probability"], values["low"], values["high"]
    return {"score": score_in_words(score, low, high), "ends": range_in_words(low, high, score)}


def _above_band(values: Values) -> str:
    return tr("AI score {score}, above the indeterminate range {ends}", **_score_and_range(values))


def _within_band(values: Values) -> str:
    shown = _score_and_range(values)
    return tr("AI score {score}, within the indeterminate range {ends}: a human must decide", **shown)


def _below_band(values: Values) -> str:
    shown = _score_and_range(values)
    return tr("AI score {score}, below the indeterminate range {ends}; this does not exclude disease", **shown)


def _age_out_of_scope(values: Values) -> str:
    shown = {**values, "score": score_in_words(values["probability"])}
    if values["age_years"] is None:
        return tr(
            "out of scope: the stated age cannot be understood, such as one without a unit; the model was made for "
            "children of {youngest} to {oldest} years, so its AI score of {score} may mean nothing: a human must "
            "decide",
            **shown,
        )
    return tr(
        "out of scope: {age}; the model was made for children of {youngest} to {oldest} years, so its AI score of "
        "{score} may mean nothing: a human must decide",
        age=age_in_words(values["age_years"]),
        **shown,
    )


TURNED = {
    1: mark(
        "looks like a chest X-ray that lies on its side: rotate it by 90° counter-clockwise and add it again, or read "
        "it without the model"
    ),
    2: mark(
        "looks like a chest X-ray that stands on its head: rotate it by 180° and add it again, or read it without the "
        "model"
    ),
    3: mark(
        "looks like a chest X-ray that lies on its side: rotate it by 90° clockwise and add it again, or read it "
        "without the model"
    ),
}
"""By the quarter turns that would put an image upright."""


def _turned(values: Values) -> str:
    return tr(TURNED[values["quarters"] % 4])


def _file_too_large(values: Values) -> str:
    return tr(
        "the file is larger than {size}, the most that is read (PNEUMODESK_MAX_FILE_MEGABYTES)",
        size=bytes_in_words(values["limit_bytes"]),
    )


def _archive_too_large(values: Values) -> str:
    size = bytes_in_words(values["limit_bytes"])
    return tr("the archive unpacks to more than {size}: send it in smaller parts", size=size)


REASON_WORDS: dict[str, str | Callable[[Values], str]] = {
    "said": "{sentence}",
    "worded": fill_in,
    "above_band": _above_band,
    "within_band": _within_band,
    "below_band": _below_band,
    "age_out_of_scope": _age_out_of_scope,
    "age_not_stated": mark("the file does not state the patient's age"),
    "may_show_text": mark("the file does not rule out writing burned into the image, such as a name"),
    "too_few_pixels": mark("{width} by {height} pixels are too few: send the image at its full size"),
    "odd_shape": mark("{width} by {height} pixels is no shape a chest image has"),
    "in_colour": mark("the image is in colour; X-rays are grey"),
    "blank": mark("the image is blank: nearly all of it has one grey value"),
    "noise": mark("neighbouring pixels have nothing in common: this is noise, not an image"),
    "flat_bright": mark(
        "large parts have exactly one bright grey value, as screenshots and documents do: send the image itself"
    ),
    "writing_on_dark": mark("this looks like writing on a dark screen: send the image itself"),
    "drawn_frame": mark(
        "parts have exactly one grey value, as the frame of a viewer on a screen has: send the image itself"
    ),
    "wide_border": mark(
        "much of the image is border and only what lies within its border was analysed: a human must decide"
    ),
    "turned": _turned,
    "not_recognised": mark(
        "not recognised as a frontal chest X-ray: check orientation and view, or read it without the model"
    ),
    "file_too_large": _file_too_large,
    "archive_too_large": _archive_too_large,
    "archive_too_full": mark("the archive names more than {limit:,} files: send it in smaller parts"),
    "archive_overlaps": mark(
        "the archive unpacks the same bytes more than once, as none that was made in good faith does"
    ),
    "archive_empty": mark("the archive holds no file"),
    "archive_damaged": mark(
        "the archive is cut short or damaged ({detail}): copy it again, or unpack it and send the folder"
    ),
    "member_outside": mark("the member's name leads out of the archive; it was not opened"),
    "member_locked": mark("the member is locked with a password: unpack the archive and send it"),
    "archive_within": mark("an archive within an archive is not opened: unpack it and send it"),
    "member_packed_uncommonly": mark("the member is packed in an uncommon way: unpack the archive and send the folder"),
    "member_swells": mark("the member says it unpacks to more than {limit} times its size; it was not opened"),
    "member_damaged": mark("the member is damaged or not as long as the archive says: pack it again"),
    "not_a_file": mark("this is a device or a pipe, not a file; it was not opened"),
    "not_permitted": mark("this user may not open it: ask for permission to read it"),
    "file_gone": mark("the file is gone, or is a link that leads nowhere: check its place"),
    "open_failed": mark("the file could not be opened ({detail}): check the disk it lies on"),
    **reason_words_files.REASON_WORDS,
    **reason_words_work.REASON_WORDS,
    **reason_words_datasets.REASON_WORDS,
}
