"""Queues that nobody carries out: what is asked for stays where it is."""

import pytest


def let_nobody_work(patch: pytest.MonkeyPatch) -> None:
    """Let no supervisor be started while `patch` holds."""
    patch.setattr("core.services.sweeps.control.start_supervisor", lambda desk: None)
    patch.setattr("core.services.runs.control.start_supervisor", lambda desk: None)
    patch.setattr("core.services.runs.control.ensure_supervisor", lambda desk: None)
