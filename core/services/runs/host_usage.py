"""The machine on which runs continue."""

from core.runs.host_meter import HostReading, read_host
from core.services.desk import Desk


def read_machine(desk: Desk) -> HostReading:
    """Return how busy processor, memory, disk and GPUs are now; costs no waiting."""
    return read_host(desk.settings.home)
