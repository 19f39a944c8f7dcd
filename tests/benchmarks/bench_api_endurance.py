"""What a served REST API stands: memory over many requests, and its health while somebody abuses it.

Memory is that of the server's process alone (unique set size). Health is asked for every fifty milliseconds while one
client sends a gigabyte, others send an image byte by byte, and 500 connections stand open and say nothing.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from clients import film_request, load, read_answer
from films import data_folder, line

from tests.app.api_server import memory_megabytes, serve_api

CLIENTS = 32
REQUESTS = 20_000
PARTS = 10
IDLE = 500
SLOW = 60
GIGABYTE = 10**9
SECONDS = 15


async def ask_health(port: int, waits: list[float]) -> None:
    while True:
        began = perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert await read_answer(reader) == 200
        waits.append(perf_counter() - began)
        writer.close()
        await asyncio.sleep(0.05)


async def send_gigabyte(port: int, announced: bool) -> None:
    """Send a gigabyte, announced or in chunks, until it is sent or the server will have no more."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    length = f"Content-Length: {GIGABYTE}" if announced else "Transfer-Encoding: chunked"
    kind = "Content-Type: multipart/form-data; boundary=b"
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n{length}\r\n\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    block = os.urandom(2**20)
    try:
        writer.write(head.encode())
        writer.write(part if announced else f"{len(part):x}\r\n".encode() + part + b"\r\n")
        for _ in range(GIGABYTE // len(block)):
            writer.write(block if announced else f"{len(block):x}\r\n".encode() + block + b"\r\n")
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def send_slowly(port: int, request: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for position in range(len(request)):
            writer.write(request[position : position + 1])
            await writer.drain()
            await asyncio.sleep(0.2)
    except ConnectionError:
        pass


async def abuse(port: int, request: bytes) -> list[float]:
    waits: list[float] = []
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IDLE)]
    others = [asyncio.create_task(send_slowly(port, request)) for _ in range(SLOW)]
    others += [asyncio.create_task(send_gigabyte(port, announced)) for announced in (True, False)]
    watcher = asyncio.create_task(ask_health(port, waits))
    await asyncio.sleep(SECONDS)
    for task in (watcher, *others):
        task.cancel()
    outcomes = await asyncio.gather(watcher, *others, return_exceptions=True)
    for _, writer in idle:
        writer.close()
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not failed, failed
    return waits


def main() -> None:
    num_requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    requests = [film_request(path) for path in films]
    with tempfile.TemporaryDirectory() as home, serve_api(Path(home) / "home") as served:
        port = int(served.address.rsplit(":", 1)[1])
        # Images that the gate rightly stops are answered 422; here every answer but 200 is an error.
        requests = [request for request in requests if load(port, [request], 1, 1).num_errors == 0]
        load(port, requests, CLIENTS, 4 * len(requests))
        used, num_errors = [memory_megabytes(served.pid)], 0
        for _ in range(PARTS):
            seen = load(port, requests, CLIENTS, num_requests // PARTS)
            num_errors += seen.num_errors
            used.append(memory_megabytes(served.pid))
            print(f"{used[-1]:.0f} MB, {seen}", flush=True)
        line("memory after warming up", used[0], "MB")
        line(f"memory after {num_requests} requests", used[-1], "MB")
        line("errors", num_errors, "of", str(num_requests))
        slope = np.polyfit(np.arange(len(used) - 1), used[1:], 1)[0] * PARTS / num_requests * 1000
        line("growth over 1,000 requests, second part on", float(slope), "MB", "must be flat")
        waits = asyncio.run(abuse(port, requests[0]))
        line("memory while abused and after", memory_megabytes(served.pid), "MB")
        line(f"health under abuse, {len(waits)} answers, median", float(np.median(waits)) * 1000, "ms")
        line("health under abuse, slowest", max(waits) * 1000, "ms", "must be below 1000")


if __name__ == "__main__":
    main()
