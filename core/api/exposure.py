"""Whether a request may have come from outside this machine.

Anything that speaks for it counts: the server listens beyond loopback, the asker's address or the name that was asked
for is not this machine's, or a proxy or tunnel passed the request on.
"""

import socket
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import psutil
from starlette.datastructures import Headers
from starlette.types import Scope

FORWARDING_HEADERS = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host", "cf-connecting-ip", "true-client-ip"}
)
FORWARDING_PREFIX = "x-forwarded-"


def is_exposed(scope: Scope) -> bool:
    """Return whether a request may have come from outside this machine."""
    headers = Headers(scope=scope)
    return (
        any(name in FORWARDING_HEADERS or name.startswith(FORWARDING_PREFIX) for name in headers)
        or not _is_own_name(host_name(headers.get("host", "")))
        or not _is_own_address((scope.get("client") or ("", 0))[0])
        or not _came_over_tcp(scope)
        or listens_beyond_loopback()
    )


def host_name(host: str) -> str:
    """Return the name in a Host header without its port, empty for one that makes no sense."""
    try:
        return "" if "@" in host else (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=1)
def listens_beyond_loopback() -> bool:
    """Return whether any address on which this process listens can be reached from another machine."""
    try:
        connections = psutil.Process().net_connections(kind="tcp")
    except psutil.Error:
        return True
    return any(
        connection.status == psutil.CONN_LISTEN and not ip_address(connection.laddr.ip).is_loopback
        for connection in connections
    )


def _is_own_name(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or (_is_address(name) and ip_address(name).is_loopback)


def _is_own_address(address: str) -> bool:
    # The test client is no address, and no socket ever has such a peer.
    return address == "testclient" or (_is_address(address) and ip_address(address).is_loopback)


def _came_over_tcp(scope: Scope) -> bool:
    """Return whether a request came over TCP: only proxies speak to a server's local socket."""
    server = scope.get("server")
    return server is not None and server[1] is not None


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False
