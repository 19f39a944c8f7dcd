"""The routes under /v1, one file for each kind of thing."""

from core.api.v1 import batches, models, predictions, readings, run_control, runs, splits

routers = (
    predictions.router,
    batches.router,
    readings.router,
    models.router,
    runs.router,
    run_control.router,
    splits.router,
)
