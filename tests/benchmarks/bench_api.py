"""The REST API against the original study's endpoint: 32 clients, native images, the same machine, the same run.

Clients, server and model share the machine's cores. The machine's speed drifts, so both servers are asked in turns,
and the median of the rounds' ratios counts. Start-up is left out.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from clients import film_request, load
from films import ROOT, data_folder, line

from tests.app.api_server import serve_api

CLIENTS = 32
ROUNDS = 5
WARM = 64


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    requests = [film_request(path) for path in films]
    place = f"{ROOT}/tests/benchmarks"
    with (
        tempfile.TemporaryDirectory() as home,
        serve_api(Path(home) / "ours") as ours,
        serve_api(Path(home) / "original", application="original_endpoint:app", PYTHONPATH=place) as original,
    ):
        ports = [int(served.address.rsplit(":", 1)[1]) for served in (ours, original)]
        # Images that the gate rightly stops are answered 422, and the original has no gate.
        known = [request for request in requests if load(ports[0], [request], 1, 1).num_errors == 0]
        print(f"{len(known)} of {len(requests)} native images pass the gate")
        for port in ports:
            load(port, known, CLIENTS, WARM)
        measured = []
        for _ in range(rounds):
            pair = [load(ports[0], known, CLIENTS, 3 * len(known)), load(ports[1], known, CLIENTS, len(known))]
            measured.append(pair)
            print(*pair, sep="\n", flush=True)
    first, second = zip(*measured, strict=True)
    speed = np.array([mine.per_second / theirs.per_second for mine, theirs in measured])
    wait = np.array([mine.p99 / theirs.p50 for mine, theirs in measured])
    line("ours", float(np.median([one.per_second for one in first])), "images/s")
    line("original study's endpoint", float(np.median([one.per_second for one in second])), "images/s")
    line(
        "ours / original, requests a second",
        float(np.median(speed)),
        "times",
        f"{speed.min():.2f} to {speed.max():.2f}; must reach 4",
    )
    line("ours, p50", float(np.median([one.p50 for one in first])) * 1000, "ms")
    line("ours, p99", float(np.median([one.p99 for one in first])) * 1000, "ms")
    line("original study's endpoint, p50", float(np.median([one.p50 for one in second])) * 1000, "ms")
    line("our p99 / its p50", float(np.median(wait)), "of 1", f"{wait.min():.2f} to {wait.max():.2f}; must not pass 1")
    line("our errors", sum(one.num_errors for one in first), "of", str(sum(one.num_answers for one in first)))


if __name__ == "__main__":
    main()
