"""Reasons: codes with values, kept as such and put into words when shown."""

import itertools
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from babel.messages.catalog import Catalog
from hypothesis import given
from hypothesis import strategies as st

from core import dataset_reasons, file_reasons, language, reason_words_datasets, reason_words_work, work_reasons
from core.dataset.problems import FilmProblem
from core.dataset_reasons import (
    CopiesFound,
    FewPatients,
    FilesLeftOut,
    FoldersAlike,
    Imbalance,
    OtherFiles,
    SubtypeMissing,
)
from core.errors import CheckpointError, PneumoDeskError, TrainingError, UnusableFilmError, WorkTakenOverError
from core.language import speaking, tr, tr_n
from core.reason_words import REASON_WORDS, codes_saying, in_words
from core.reasons import (
    AboveBand,
    AgeOutOfScope,
    Blank,
    FileTooLarge,
    MayShowText,
    Reason,
    Said,
    Value,
    WithinBand,
    read_aloud,
    read_remarks,
    recalled,
    say,
    store,
)
from core.runs.failures import FailureKind
from core.runs.work_queue import Gone
from core.work_reasons import BatchTakenOver, FailedInARow, FileRefused, Interrupted, StepNeedsMemory, Worded, why_of
from tests.messages import compile_catalogue

KINDS = sorted(Reason.__subclasses__(), key=lambda kind: kind.code)
MODULES = (file_reasons, work_reasons, dataset_reasons)
WHOLE_SENTENCES = {module.__name__ for module in (work_reasons, dataset_reasons)}
"""All kinds are known once these are loaded."""
EXAMPLES: dict[str, tuple[Value, ...]] = {
    "int": (7, 1),
    "float": (0.25,),
    "str": ("detail",),
    "bool": (True, False),
    "int | None": (None, 8),
    "float | None": (None, 0.5),
    "str | None": (None, "detail"),
    "list": ([Blank().stored()],),
}
STORED_BY_EARLIER_VERSIONS = {
    *("said", "above_band", "within_band", "below_band", "age_out_of_scope", "age_not_stated", "may_show_text"),
    *("too_few_pixels", "odd_shape", "in_colour", "blank", "noise", "flat_bright", "writing_on_dark", "drawn_frame"),
    *("wide_border", "turned", "not_recognised", "file_too_large", "archive_too_large", "archive_too_full"),
    *("archive_overlaps", "archive_empty", "archive_damaged", "member_outside", "member_locked", "archive_within"),
    *("member_packed_uncommonly", "member_swells", "member_damaged", "not_a_file", "not_permitted", "file_gone"),
    "open_failed",
}
"""Codes that databases out there hold: only ever added to."""


OF_THEIR_OWN: dict[type[Reason], list[Reason]] = {
    FewPatients: [FewPatients(["normal"], [1], 10), FewPatients(["normal", "pneumonia"], [3, 1], 10)],
    Imbalance: [Imbalance(["all"], [2.5], ["normal"])],
    SubtypeMissing: [SubtypeMissing(["val"], ["virus"])],
    OtherFiles: [OtherFiles(3, [".txt", ".ini"])],
    FoldersAlike: [FoldersAlike([["TRAIN", "train"]])],
    FilesLeftOut: [FilesLeftOut(problem, 2) for problem in (*FilmProblem, "truncated")],
    Worded: [
        Worded("Nothing was there", None, {}),
        Worded("{n:,} file in {folder}", "{n:,} files in {folder}", {"n": 3000, "folder": Blank().stored()}),
    ],
    CopiesFound: [CopiesFound(*key.split("_", 1), 1, 2) for key in reason_words_datasets.COPIES],
}


def examples(kind: type[Reason]) -> list[Reason]:
    """Reasons of one kind with each form of its values: None and a value, true and false."""
    if kind in OF_THEIR_OWN:
        return OF_THEIR_OWN[kind]
    choices = [EXAMPLES[getattr(field.type, "__name__", str(field.type))] for field in fields(kind)]
    return [kind(*values) for values in itertools.product(*choices)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_reason_is_kept_and_put_into_words(kind: type[Reason]) -> None:
    """Kept as JSON and read back it says what it said; the sentence has no full stop and no field left open."""
    for reason in examples(kind):
        kept = json.loads(json.dumps(store((reason,))))
        assert kept == [{"code": kind.code, "values": reason.stored()["values"]}]
        assert recalled(kept[0]) == reason
        assert read_aloud(kept) == str(reason)
        assert kind.__module__ in WHOLE_SENTENCES or not str(reason).endswith(".")
        assert "{" not in str(reason) and "None" not in str(reason)


def test_codes_are_used_once_and_each_has_words() -> None:
    """No two kinds share a code, and there are words for the codes that exist and no others."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    assert {kind.code for kind in KINDS} == set(REASON_WORDS)


def test_no_code_that_was_ever_stored_is_unknown() -> None:
    """What a database of an earlier version holds is put into words."""
    assert set(REASON_WORDS) >= STORED_BY_EARLIER_VERSIONS


def test_sentences_have_the_words_of_the_field() -> None:
    """A score is an AI score and lies to the indeterminate range; a limit is said with its value."""
    assert str(WithinBand(0.13, 0.1, 0.93, 0.88)) == (
        "AI score 0.13, within the indeterminate range 0.10–0.93: a human must decide"
    )
    assert str(AboveBand(0.999, 0.1, 0.93)) == "AI score over 0.99, above the indeterminate range 0.10–0.93"
    assert str(FileTooLarge(2_000_000)) == (
        "the file is larger than 2 MB, the most that is read (PNEUMODESK_MAX_FILE_MEGABYTES)"
    )
    assert str(AgeOutOfScope(0.6, 1, 5, 0.5)).startswith(
        "out of scope: 7 months; the model was made for children of 1 to"
    )
    assert "AI score of 0.50 may mean nothing" in str(AgeOutOfScope(45.2, 1, 5, 0.5))


def test_every_class_of_failure_and_of_loss_has_words() -> None:
    """Next steps and losses are worded by values that are stored: none of them is without words."""
    assert set(reason_words_work.NEXT_STEPS) == {kind.value for kind in FailureKind}
    assert set(reason_words_work.RUN_LOST) == set(reason_words_work.WORK_LOST) == {how.value for how in Gone}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.__module__ == dataset_reasons.__name__])
def test_what_an_audit_finds_has_title_and_advice(kind: type[Reason]) -> None:
    """All three are words of the same code with the same values; every kind of the audit has them."""
    for reason in examples(kind):
        kept = reason.stored()
        title = reason_words_datasets.title_of(kept["code"], kept["values"])
        advice = reason_words_datasets.advice_for(kept["code"], kept["values"])
        assert title[0].isupper() and not title.endswith(".") and advice.endswith(".") and "{" not in title + advice


def test_a_reason_within_a_reason_is_worded_too() -> None:
    """Why the last run of a search failed is kept as its code, and said within why the search ended."""
    ended = FailedInARow(3, store([StepNeedsMemory()]))
    assert say(json.loads(json.dumps(store([ended])))) == (
        "3 runs in a row failed, the last one so: There was not enough memory for a training step."
    )


def test_what_ended_work_is_a_code_with_values() -> None:
    """Errors of the desk bring their own; of the system its words and the file, of others class and message."""
    assert why_of(WorkTakenOverError(BatchTakenOver())) == BatchTakenOver()
    assert why_of(KeyboardInterrupt()) == Interrupted()
    assert str(why_of(OSError(28, "No space left on device", "a.db"))) == "a.db: No space left on device."
    assert str(why_of(OSError(28, "No space left on device"))) == "A file: No space left on device."
    assert str(why_of(ZeroDivisionError("by zero"))) == "ZeroDivisionError: by zero"
    assert str(why_of(MemoryError())) == "MemoryError"
    assert why_of(PneumoDeskError("As it is.")) == Said("As it is.")


@pytest.fixture
def backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which some sentences are said the other way round."""
    catalog = Catalog(locale="es")
    catalog.add("{file} has {n:,} rows: {problem}", "{problem}: {n:,} rows has {file}")
    many = "of {name} {n} runs"
    catalog.add(("{n} run of {name}", "{n} runs of {name}"), ("of {name} {n} run", many, many))
    catalog.add("There was not enough memory for a training step.", "step training a for memory enough not")
    compile_catalogue(catalog, tmp_path / "es" / "LC_MESSAGES" / "messages.mo")
    monkeypatch.setattr(language, "LOCALES", tmp_path)


@pytest.mark.usefixtures("backwards")
def test_a_sentence_that_ended_work_is_said_in_any_language() -> None:
    """It is kept as its message with its values, an error among these as its own reason; plural forms are chosen."""
    within = TrainingError(StepNeedsMemory())
    ended = why_of(CheckpointError(tr("{file} has {n:,} rows: {problem}", file=Path("a"), n=3000, problem=within)))
    counted = why_of(CheckpointError(tr_n("{n} run of {name}", "{n} runs of {name}", 2, name="b")))
    kept = json.loads(json.dumps(store([ended, counted])))
    assert say(kept) == "a has 3,000 rows: There was not enough memory for a training step. 2 runs of b"
    with speaking("es"):
        assert say(kept) == "step training a for memory enough not: 3,000 rows has a of b 2 runs"


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        (tr("{x:.2f}", x=float("nan")), Said("nan")),
        (tr("{x:.1f}", x=np.float32(0.25)), Worded("{x:.1f}", None, {"x": 0.25})),
        (tr("{x!r}", x=Path("a")), Said("PosixPath('a')")),
        (tr("{x!r}", x="it's"), Worded("{x!r}", None, {"x": "it's"})),
        (tr("{x}", x=True), Worded("{x}", None, {"x": True})),
        (f"{tr('Whole.')} Glued.", Said("Whole. Glued.")),
        (tr("{as it is}"), Worded("{as it is}", None, {})),
    ],
)
def test_a_sentence_is_kept_as_its_message_only_where_it_says_the_same_again(sentence: str, kept: Reason) -> None:
    """What JSON cannot hold, and what is no whole message, stays the sentence that was said."""
    assert why_of(PneumoDeskError(sentence)) == kept
    assert say(store([kept])) == sentence


@pytest.mark.parametrize("message", ["{x:>999999999999}", "{x.__class__}", "{x[0]}", "{y}", "{x", "{x:{x}}", "{0}"])
def test_a_message_that_asks_for_more_than_to_print_is_not_filled_in(message: str) -> None:
    """A record of another desk may hold any message: neither memory nor an object's inside is given for it."""
    assert say([{"code": "worded", "values": {"message": message, "plural": None, "filled": {"x": "a"}}}]) == message


def test_a_name_that_is_no_text_can_be_kept() -> None:
    """A file's name with bytes of no character set is stored in a form that any database takes."""
    kept = store([FileRefused("r\udcf6ntgen", "gone")])
    assert json.dumps(kept).encode() and kept[0]["values"]["path"] == "r\\udcf6ntgen"


def test_what_sentences_say_is_found_by_their_codes() -> None:
    """Who searches for a word of a sentence gets the codes that say it."""
    assert codes_saying("Not enough memory for a training") == [("step_needs_memory",)]
    assert codes_saying("lost power while this run") == [("run_lost", "rebooted")]
    assert codes_saying("num_runs") == []


def test_several_reasons_are_read_in_their_order() -> None:
    """A band and a caution are one line, the band first."""
    kept = store((AboveBand(0.97, 0.1, 0.93), MayShowText()))
    assert read_aloud(kept).split("; ")[1] == str(MayShowText())


def test_a_remark_is_what_the_score_does_not_say() -> None:
    """Of score and caution only the caution is left, of a score alone nothing; a row from before keeps its sentence."""
    score, age = AboveBand(0.97, 0.1, 0.93), AgeOutOfScope(45, 1, 5, 0.98)
    assert read_remarks(store((score, MayShowText()))) == str(MayShowText())
    assert read_remarks(store((score,))) == "" and read_remarks(store((age,))) == str(age)
    assert read_remarks(None, "as it was") == "as it was"


def test_a_row_from_before_keeps_its_sentence() -> None:
    """Without codes the stored sentence is shown; with them it is not looked at."""
    assert read_aloud(None, "as it was") == "as it was"
    assert read_aloud(store((MayShowText(),)), "as it was") == str(MayShowText())


def test_a_code_of_a_later_version_names_itself() -> None:
    """It is said in its own words that another version wrote it, and nothing fails."""
    assert in_words("tilted_tube", {"degrees": 4}) == "tilted tube (named by another version of PneumoDesk)"


@given(sentence=st.text(max_size=200))
def test_a_sentence_without_a_code_is_kept_whole(sentence: str) -> None:
    """Braces and all: what a decoder said is no template."""
    assert read_aloud(store((Said(sentence),))) == sentence == str(Said(sentence))


def test_an_error_carries_its_reason() -> None:
    """It reads as a sentence and knows the code and values."""
    error = UnusableFilmError("blank", FileTooLarge(5))
    assert str(error) == error.sentence and error.why == FileTooLarge(5)
