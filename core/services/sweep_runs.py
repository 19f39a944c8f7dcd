"""The run that one trial of a sweep is."""

from core.services.sweep_request import Row, SweepRequest, words_of
from core.services.training import TrainRequest


def trial_request(request: SweepRequest, row: Row) -> TrainRequest:
    """Return what the run of a sweep with settings of its own is asked to do."""
    own = words_of(row)
    return TrainRequest(
        data=request.data,
        split=request.split,
        name=f"{request.name}: {own}" if own else request.name,
        config=request.config_of(row),
    )
