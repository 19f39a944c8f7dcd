"""Letting go of a desk in the process that opened it."""

from core.services.desk import Desk, opening


def close_desk(desk: Desk) -> None:
    """Let go of a desk's database and home, so that this process is in no restore's way."""
    opening._open.cache_clear()
    desk.engine.dispose()
    desk.lock.release()
