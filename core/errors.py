"""Every error that PneumoDesk raises on purpose; each carries a sentence a user can act on.

PneumoDeskError
├── SettingsError            an environment variable or option does not make sense
├── InputNotFoundError       a path, run, model or batch that was named does not exist
├── RadiographError          one file is no usable image (see core.radiograph.rejection)
│   ├── UnreadableFileError  it could not be read at all          → status "failed"
│   └── UnusableFilmError    it was read but is no usable image    → status "rejected"
├── CohortError              a folder that cannot serve as a dataset
├── CheckpointError          a checkpoint that is damaged, foreign or does not fit
├── WeightsError             pretrained weights that are not available here
├── TrainingError            a run that cannot start or continue
│   └── LossNotFiniteError   the loss became infinite or no number
├── WorklistError            a verdict, an assignment or rules that cannot be saved
├── EvaluationError          scores from which a figure cannot be computed
├── WorkTakenOverError       work was given to another process, so that this one must leave it
└── DatabaseError            the database cannot be opened, upgraded or trusted
"""

from core.reasons import Reason


class PneumoDeskError(Exception):
    """The root of the tree: what went wrong, where, and what to do, in one or two sentences.

    `why` is the reason as a code with values where it has one, and is kept as such; else the sentence.
    """

    def __init__(self, why: Reason | str = "") -> None:
        super().__init__(str(why))
        self.why = why


class SettingsError(PneumoDeskError):
    """An environment variable or option has a value that does not make sense."""


class InputNotFoundError(PneumoDeskError):
    """Something that was named does not exist."""


class RadiographError(PneumoDeskError):
    """One file is no usable image; `reason` is a `RejectionReason` value, `why` the reason in full."""

    why: Reason

    def __init__(self, reason: str, why: Reason) -> None:
        super().__init__(why)
        self.reason = reason

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return str(self.why)


class UnreadableFileError(RadiographError):
    """The file could not be read as a picture at all."""


class UnusableFilmError(RadiographError):
    """The file is a picture, but not a usable image."""


class CohortError(PneumoDeskError):
    """A folder cannot serve as a dataset."""


class CheckpointError(PneumoDeskError):
    """A checkpoint is damaged, foreign or does not fit."""


class WeightsError(PneumoDeskError):
    """Pretrained weights are not available here."""


class TrainingError(PneumoDeskError):
    """A run cannot start or continue."""


class LossNotFiniteError(TrainingError):
    """The loss of a training step is infinite or no number."""


class WorklistError(PneumoDeskError):
    """A verdict, an assignment or rules cannot be saved."""


class EvaluationError(PneumoDeskError):
    """A figure cannot be computed from these scores."""


class WorkTakenOverError(PneumoDeskError):
    """A piece of work was given to another process, because nothing was heard of this one."""


class DatabaseError(PneumoDeskError):
    """The database cannot be opened, upgraded or trusted."""
