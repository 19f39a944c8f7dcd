"""Send films to a desk, one by one and as a batch: a typed example that needs only httpx.

python docs/examples/predict_films.py http://localhost:8001 FILM [FILM ...]

On the desk's own machine no key is needed; from anywhere else put one into PNEUMODESK_KEY.
"""

import os
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass(frozen=True)
class FilmResult:
    """What the desk says of one film; `probability` is None if it was not read, and `reason` says why."""

    film: str
    probability: float | None
    band: str | None
    reason: str
    lineage_id: str


class DeskClient:
    """Asks one desk; waits and asks again when the desk says that it is busy."""

    def __init__(self, address: str, key: str = "", attempts: int = 5) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=120)
        self._attempts = attempts

    def predict(self, film: Path) -> FilmResult:
        """Return what the desk says of a film; raises httpx.HTTPStatusError for anything but an answer about it."""
        response = self._ask("POST", "/predict", files={"file": (film.name, film.read_bytes())})
        answer: dict[str, Any] = response.json()
        if response.status_code == 422 and "lineage_id" in answer:
            return FilmResult(film.name, None, None, answer["detail"], answer["lineage_id"])
        response.raise_for_status()
        probability = answer["probability_pneumonia"]
        return FilmResult(film.name, probability, answer["band"], answer["explanation"], answer["lineage_id"])

    def triage(self, films: list[Path], title: str) -> list[dict[str, Any]]:
        """Return the ranked readings of a batch, most urgent first."""
        files = [("files", (film.name, film.read_bytes())) for film in films]
        # Repeated with the same key after a broken connection, the batch is not started twice.
        once = {"Idempotency-Key": uuid.uuid4().hex}
        response = self._ask("POST", "/v1/batches", files=files, data={"title": title}, headers=once)
        response.raise_for_status()
        place = response.headers["Location"]
        while not (batch := self._ask("GET", place).raise_for_status().json())["finished_at"]:
            time.sleep(0.5)
        if batch["state"] != "completed":
            raise RuntimeError(f"The batch ended as {batch['state']}: {batch['error']}")
        readings: list[dict[str, Any]] = []
        page: str | None = f"{place}/readings?limit=500"
        while page:
            found = self._ask("GET", page).raise_for_status().json()
            readings += found["items"]
            page = found["next"]
        return readings

    def _ask(self, method: str, address: str, **request: Any) -> httpx.Response:
        for _ in range(self._attempts):
            response = self._http.request(method, address, **request)
            if response.status_code not in {429, 503}:
                break
            time.sleep(float(response.headers.get("Retry-After", "1")))
        return response


def main() -> None:
    """Print what the desk says of each film, then their order in a batch."""
    address, *names = sys.argv[1:]
    desk, films = DeskClient(address, os.environ.get("PNEUMODESK_KEY", "")), [Path(name) for name in names]
    lines = [str(desk.predict(film)) for film in films]
    lines += [f"{row['priority']}\t{row['file']}\t{row['reason']}" for row in desk.triage(films, "example")]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
