"""Many clients in one process that ask as fast as they are answered, over plain sockets so that they cost little."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

BOUNDARY = "films-of-the-benchmark"


@dataclass(frozen=True)
class Load:
    """What many clients saw."""

    num_answers: int
    num_errors: int
    per_second: float
    p50: float
    p99: float


def film_request(path: Path, route: str = "/predict") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="film.jpeg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    return (
        f"POST {route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer whole and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


def load(port: int, requests: Sequence[bytes], num_clients: int, num_requests: int) -> Load:
    """Let clients send `num_requests` in all, each its next as soon as its last is answered."""
    return asyncio.run(_load(port, requests, num_clients, num_requests))


async def _load(port: int, requests: Sequence[bytes], num_clients: int, num_requests: int) -> Load:
    numbers = iter(range(num_requests))
    seconds: list[float] = []
    statuses: list[int] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        for number in numbers:
            began = perf_counter()
            writer.write(requests[number % len(requests)])
            statuses.append(await read_answer(reader))
            seconds.append(perf_counter() - began)
        writer.close()

    began = perf_counter()
    outcomes = await asyncio.gather(*(client() for _ in range(num_clients)), return_exceptions=True)
    wall = perf_counter() - began
    num_broken = sum(isinstance(outcome, Exception) for outcome in outcomes)
    errors = sum(status != 200 for status in statuses) + num_broken
    p50, p99 = np.percentile(seconds, [50, 99])
    return Load(len(statuses), errors, len(statuses) / wall, float(p50), float(p99))
