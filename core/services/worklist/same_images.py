"""The same image in several files: under two names, of two patients, or one file sent twice; each list marks them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from core.radiograph.rejection import RejectionReason
from core.services.desk import Desk
from core.services.triage.kept import kept_batches
from core.triage.priority import Status
from db import models as tables

MOST_NAMED = 5


@dataclass(frozen=True)
class _File:
    study: str
    file: str
    patient: str | None


class SameImages:
    """Which files show the same image as which; one file sent again under its name is no other file."""

    def __init__(self, groups: Iterable[set[_File]]) -> None:
        self._of_study: dict[str, set[_File]] = defaultdict(set)
        for group in groups:
            for file in group:
                self._of_study[file.study] |= group

    def words(self, study: str, file: str) -> str:
        """Return the other files with the image of a study's file, in words; empty if there are none."""
        files = self._of_study.get(study, set())
        patients = {one.patient for one in files if one.study == study and one.patient}
        others = sorted(_in_words(one, study, patients) for one in files if (one.study, one.file) != (study, file))
        more = [f"{len(others) - MOST_NAMED:,} more"] if len(others) > MOST_NAMED else []
        return ", ".join([*others[:MOST_NAMED], *more])

    def studies(self, study: str) -> set[str]:
        """Return all studies with the image of a study, itself among them."""
        return {study} | {one.study for one in self._of_study.get(study, set())}


def find_same_images(desk: Desk, studies: Select[str] | None = None) -> SameImages:
    """Return the images on the desk that lie in several files, of the studies that a query names or of all.

    Images are the same by their pixels as they were analysed, or by the file's content. Files that could not be opened
    and blank images are alike without being the same.
    """
    reading = tables.Reading
    groups: dict[tuple[str, str], set[_File]] = defaultdict(set)
    with desk.reading() as session:
        for name in ("image_hash", "file_hash"):
            column: InstrumentedAttribute[str | None] = getattr(reading, name)
            several = select(column).where(*_are_images(column)).group_by(column)
            several = several.having(or_(_number_of(reading.study) > 1, _number_of(reading.file) > 1))
            if studies is not None:
                several = several.where(column.in_(select(column).where(reading.study.in_(studies))))
            found = select(column, reading.study, reading.file, reading.patient)
            for key, study, file, patient in session.execute(
                found.where(*_are_images(column), column.in_(several)).distinct()
            ):
                groups[name, key or ""].add(_File(study, file, patient))
    return SameImages(groups.values())


def _are_images(column: InstrumentedAttribute[str | None]) -> tuple[ColumnElement[bool], ...]:
    reading = tables.Reading
    return (
        column.is_not(None),
        reading.batch_id.in_(kept_batches()),
        reading.status != Status.FAILED.value,
        reading.reason_code != RejectionReason.BLANK.value,
    )


def _number_of(column: InstrumentedAttribute[str]) -> ColumnElement[int]:
    return func.count(column.distinct())


def _in_words(other: _File, study: str, patients: set[str]) -> str:
    if other.study == study:
        return f"{other.file} (the same file, sent more than once)"
    is_of_another = bool(patients) and other.patient is not None and other.patient not in patients
    return f"{other.file} (of another patient)" if is_of_another else other.file
