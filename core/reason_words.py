"""The words for reasons, in the one language that the desk speaks: a sentence without its full stop for each code.

Another language is another table like `ENGLISH`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from core import reason_words_datasets, reason_words_files, reason_words_work
from core.language import tr
from core.result_words import range_in_words, score_in_words

Values = Mapping[str, Any]


def in_english(code: str, values: Values) -> str:
    """Return a reason as a sentence; a code that is not known here, as a later version writes it, names itself."""
    words = ENGLISH.get(code)
    if words is None:
        return f"{code.replace('_', ' ')} (named by another version of PneumoDesk)"
    values = {name: _spoken(value) for name, value in values.items()}
    return words(values) if callable(words) else tr(words, **values)


def codes_saying(text: str) -> list[str]:
    """Return the codes whose words hold a text, in any case, for those who search among what is stored."""
    sentences = {code: tr(words) for code, words in ENGLISH.items() if isinstance(words, str)}
    return [code for code, sentence in sentences.items() if text.lower() in sentence.lower()]


def _spoken(value: Any) -> Any:
    """Return a value as it is put into a sentence: reasons within a reason in words."""
    if isinstance(value, list) and value and all(map(_is_reason, value)):
        return " ".join(map(_spoken, value))
    return in_english(value["code"], value["values"]) if _is_reason(value) else value


def _is_reason(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and value.keys() == {"code", "values"}


def age_in_words(age_years: float) -> str:
    """Return an age as people say it."""
    if age_years >= 2:
        return f"{int(age_years)} years"
    months = int(age_years * 12 + 1e-9)
    if months < 1:
        return "under a month"
    return "1 month" if months == 1 else f"{months} months"


def bytes_in_words(num_bytes: int) -> str:
    """Return a size in megabytes, or in bytes where it is less than one."""
    return f"{num_bytes / 10**6:,.0f} MB" if num_bytes >= 10**6 else f"{num_bytes:,} bytes"


def _above_band(values: Values) -> str:
    return _score_and_range(values, "above")


def _within_band(values: Values) -> str:
    return f"{_score_and_range(values, 'within')}: a human must decide"


def _below_band(values: Values) -> str:
    return f"{_score_and_range(values, 'below')}; this does not exclude disease"


def _score_and_range(values: Values, place: str) -> str:
    score, low, high = values["probability"], values["low"], values["high"]
    shown, ends = score_in_words(score, low, high), range_in_words(low, high, score)
    return f"AI score {shown}, {place} the indeterminate range {ends}"


def _age_out_of_scope(values: Values) -> str:
    said = "the stated age cannot be understood, such as one without a unit"
    if values["age_years"] is not None:
        said = age_in_words(values["age_years"])
    return (
        f"out of scope: {said}; the model was made for children of {values['youngest']} to {values['oldest']} years, "
        f"so its AI score of {score_in_words(values['probability'])} may mean nothing: a human must decide"
    )


LIES = {1: "lies on its side", 2: "stands on its head", 3: "lies on its side"}
TURNS = {1: "by 90° counter-clockwise", 2: "by 180°", 3: "by 90° clockwise"}
"""By the quarter turns that would put an image upright."""


def _turned(values: Values) -> str:
    quarters = values["quarters"] % 4
    return (
        f"looks like a chest X-ray that {LIES[quarters]}: rotate it {TURNS[quarters]} and add it again, or read it "
        "without the model"
    )


def _file_too_large(values: Values) -> str:
    return (
        f"the file is larger than {bytes_in_words(values['limit_bytes'])}, the most that is read "
        "(PNEUMODESK_MAX_FILE_MEGABYTES)"
    )


def _archive_too_large(values: Values) -> str:
    return f"the archive unpacks to more than {bytes_in_words(values['limit_bytes'])}: send it in smaller parts"


ENGLISH: dict[str, str | Callable[[Values], str]] = {
    "said": "{sentence}",
    "above_band": _above_band,
    "within_band": _within_band,
    "below_band": _below_band,
    "age_out_of_scope": _age_out_of_scope,
    "age_not_stated": "the file does not state the patient's age",
    "may_show_text": "the file does not rule out writing burned into the image, such as a name",
    "too_few_pixels": "{width} by {height} pixels are too few: send the image at its full size",
    "odd_shape": "{width} by {height} pixels is no shape a chest image has",
    "in_colour": "the image is in colour; X-rays are grey",
    "blank": "the image is blank: nearly all of it has one grey value",
    "noise": "neighbouring pixels have nothing in common: this is noise, not an image",
    "flat_bright": (
        "large parts have exactly one bright grey value, as screenshots and documents do: send the image itself"
    ),
    "writing_on_dark": "this looks like writing on a dark screen: send the image itself",
    "drawn_frame": (
        "parts have exactly one grey value, as the frame of a viewer on a screen has: send the image itself"
    ),
    "wide_border": (
        "much of the image is border and only what lies within its border was analysed: a human must decide"
    ),
    "turned": _turned,
    "not_recognised": (
        "not recognised as a frontal chest X-ray: check orientation and view, or read it without the model"
    ),
    "file_too_large": _file_too_large,
    "archive_too_large": _archive_too_large,
    "archive_too_full": "the archive names more than {limit:,} files: send it in smaller parts",
    "archive_overlaps": "the archive unpacks the same bytes more than once, as none that was made in good faith does",
    "archive_empty": "the archive holds no file",
    "archive_damaged": (
        "the archive is cut short or damaged ({detail}): copy it again, or unpack it and send the folder"
    ),
    "member_outside": "the member's name leads out of the archive; it was not opened",
    "member_locked": "the member is locked with a password: unpack the archive and send it",
    "archive_within": "an archive within an archive is not opened: unpack it and send it",
    "member_packed_uncommonly": "the member is packed in an uncommon way: unpack the archive and send the folder",
    "member_swells": "the member says it unpacks to more than {limit} times its size; it was not opened",
    "member_damaged": "the member is damaged or not as long as the archive says: pack it again",
    "not_a_file": "this is a device or a pipe, not a file; it was not opened",
    "not_permitted": "this user may not open it: ask for permission to read it",
    "file_gone": "the file is gone, or is a link that leads nowhere: check its place",
    "open_failed": "the file could not be opened ({detail}): check the disk it lies on",
    **reason_words_files.ENGLISH,
    **reason_words_work.ENGLISH,
    **reason_words_datasets.ENGLISH,
}
