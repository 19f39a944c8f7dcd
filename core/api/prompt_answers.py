"""Lets answers leave at once: the dashboard's server leaves Nagle's algorithm on, which costs 40 ms an answer.

asyncio switches it off only for sockets that were made with an explicit protocol, which the server's is not. A
connection takes the option over from the socket that listens.
"""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil


@asynccontextmanager
async def answer_at_once(app: Any) -> AsyncIterator[None]:
    """Set the option on every socket on which this process listens, for as long as the application lives."""
    for connection in psutil.Process().net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.fd >= 0:
            with socket.socket(fileno=os.dup(connection.fd)) as listening:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    yield
