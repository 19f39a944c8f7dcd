"""What an audit finds: each finding says what holds, how many files it concerns, which, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters to a person who trains on the dataset."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing found; `groups` holds the files that belong together, each file once."""

    code: str
    severity: Severity
    title: str
    sentence: str
    advice: str
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All files it concerns."""
        return tuple(file for group in self.groups for file in group)

    @property
    def num_files(self) -> int:
        """How many files it concerns; 0 for what concerns the dataset as a whole."""
        return sum(len(group) for group in self.groups)


def each_alone(files: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return files that do not belong together as groups of one."""
    return tuple((file,) for file in sorted(files))
