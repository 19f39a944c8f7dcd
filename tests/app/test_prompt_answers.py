"""Connections that the desk accepts send at once."""

import asyncio
import socket

from core.api.prompt_answers import answer_at_once


def test_a_connection_to_a_plain_listening_socket_does_not_wait_for_more_to_send() -> None:
    """A socket made as the dashboard's server makes it hands the option on to what it accepts."""

    async def enter() -> None:
        async with answer_at_once(None):
            pass

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        asyncio.run(enter())
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
