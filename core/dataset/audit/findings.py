"""What an audit finds: each finding says what holds, how many files it concerns, which, and what to do.

It is kept as a code with values; title, sentence and advice are worded when they are shown.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

from core.reason_words_datasets import advice_for, title_of
from core.reasons import Reason


class Severity(StrEnum):
    """How much a finding matters to a person who trains on the dataset."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing found: `code` names it, `why` is its kind with values, `groups` the files that belong together.

    Each file is in the groups once.
    """

    code: str
    severity: Severity
    why: Reason
    groups: tuple[tuple[str, ...], ...] = ()

    @property
    def title(self) -> str:
        """What holds, in a few words."""
        return title_of(self.why.code, asdict(self.why))

    @property
    def sentence(self) -> str:
        """What holds."""
        return str(self.why)

    @property
    def advice(self) -> str:
        """What to do about it."""
        return advice_for(self.why.code, asdict(self.why))

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
