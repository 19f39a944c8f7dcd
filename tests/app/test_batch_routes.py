"""Batches over HTTP: sent once or twice, followed to their end, stopped, evaluated, and never lost to a bad file."""

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk, open_desk
from core.settings import AppSettings
from db import models as tables
from tests.app.api_server import ServedApi
from tests.hostile_files import encoded
from tests.patience import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def films(real_data: Path) -> list[tuple[str, bytes]]:
    folder = real_data / "chest_xray" / "test"
    return [
        (path.name, path.read_bytes())
        for kind in ("NORMAL", "PNEUMONIA")
        for path in sorted((folder / kind).iterdir())[:2]
    ]


def send(api: ServedApi, files: list[tuple[str, bytes]], key: str | None = None, **form: str) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    sent = [("files", file) for file in files]
    return httpx.post(f"{api.address}/v1/batches", files=sent, data=form, headers=headers, timeout=PATIENCE_SECONDS)


def until_ended(api: ServedApi, batch_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        batch = httpx.get(f"{api.address}/v1/batches/{batch_id}").json()
        if batch["finished_at"]:
            return batch
        time.sleep(0.2)
    raise AssertionError(f"the batch did not end: {batch}")


@pytest.fixture(scope="module")
def batch(api: ServedApi, films: list[tuple[str, bytes]]) -> dict[str, Any]:
    """A finished batch of two images, a zip of two more and a text, followed by its Location."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, content in films[2:]:
            zipped.writestr(f"ward/{name}", content)
    sent = send(api, [*films[:2], ("more.zip", archive.getvalue()), ("letter.txt", b"text")], title="Monday")
    assert sent.status_code == 202
    assert sent.headers["location"] == f"/v1/batches/{sent.json()['id']}"
    return until_ended(api, sent.json()["id"])


def test_every_file_sent_has_its_row(api: ServedApi, batch: dict[str, Any], films) -> None:
    """Images, members of a zip and a text all are answered for, and one bad file harms no other."""
    assert (batch["state"], batch["title"], batch["num_done"]) == ("completed", "Monday", 5)
    page = httpx.get(f"{api.address}/v1/batches/{batch['id']}/readings").json()
    rows = {row["file"].rsplit("/", 1)[-1]: row for row in page["items"]}
    assert set(rows) == {name for name, _ in films} | {"letter.txt"}
    assert (rows["letter.txt"]["status"], rows["letter.txt"]["reason_code"]) == ("failed", "not_a_picture")
    assert page["next"] is None
    listed = httpx.get(f"{api.address}/v1/batches/{batch['id']}/worklist.csv")
    assert listed.headers["content-type"].startswith("text/csv")
    assert len(listed.text.splitlines()) == 6


def test_pages_follow_one_another_without_loss(api: ServedApi, batch: dict[str, Any]) -> None:
    """Page by page the same rows come in the same order as at once."""
    whole = httpx.get(f"{api.address}/v1/batches/{batch['id']}/readings").json()["items"]
    address, found = f"/v1/batches/{batch['id']}/readings?limit=2", []
    while address:
        page = httpx.get(f"{api.address}{address}").json()
        assert len(page["items"]) <= 2
        found += page["items"]
        address = page["next"]
    assert found == whole


def test_film_saliency_and_verdict_of_a_reading(api: ServedApi, batch: dict[str, Any]) -> None:
    """A reading gives its image and the AI heatmap; a verdict is kept, counted and undone."""
    rows = httpx.get(f"{api.address}/v1/batches/{batch['id']}/readings").json()["items"]
    urgent = next(row for row in rows if row["finding"] == "pneumonia")
    place = f"{api.address}/v1/readings/{urgent['id']}"
    assert httpx.get(place).json()["lineage"]["File (SHA-256)"] == urgent["file_hash"]
    assert Image.open(io.BytesIO(httpx.get(f"{place}/film").content)).mode == "L"
    assert Image.open(io.BytesIO(httpx.get(f"{place}/saliency").content)).has_transparency_data
    given = httpx.post(f"{place}/verdicts", json={"reader": "Dr A", "verdict": "normal"})
    assert (given.status_code, given.json()["reader"], given.json()["finding"]) == (201, "Dr A", "pneumonia")
    on_list = httpx.get(f"{api.address}/v1/worklist", params={"limit": 500}).json()["items"]
    assert next(row for row in on_list if row["reading_id"] == urgent["id"])["is_judged"]
    verdict = f"{api.address}/v1/verdicts/{given.json()['id']}"
    assert httpx.delete(verdict, params={"reader": "Dr B"}).status_code == 400
    assert not httpx.delete(verdict, params={"reader": "Dr A"}).json()["is_current"]
    assert [row["is_current"] for row in httpx.get(f"{place}/verdicts").json()] == [False]


def test_a_repeated_request_starts_nothing_twice(api: ServedApi, films) -> None:
    """With its key the same request names the same batch; another with that key is refused, and keeps no image."""
    first = send(api, films[:1], key="upload-1")
    again = send(api, films[:1], key="upload-1")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    other = send(api, films[1:2], key="upload-1")
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert send(api, films[:1], key="upload-2").json()["id"] != first.json()["id"]
    kept = {path.parent for path in (api.home / "uploads").rglob("closed")}
    assert all(any((folder / "files").iterdir()) for folder in kept)
    until_ended(api, first.json()["id"])


def test_names_that_lead_out_or_clash_keep_nothing(api: ServedApi, films) -> None:
    """A batch with a name that leads out, or the same name for two images, is refused whole."""
    before = set((api.home / "uploads").iterdir())
    content = films[0][1]
    assert send(api, [("../out.jpg", content)]).status_code in {202, 400}
    assert send(api, [("a.jpg", content), ("a.jpg", content + b"x")]).status_code == 409
    other = encoded(synthesise_phantom(2, size=300)), encoded(synthesise_phantom(3, size=300))
    size = max(map(len, other)) + 1
    same_size = [("a.png", image.ljust(size, b"\0")) for image in other]
    refused = send(api, same_size)
    assert refused.status_code == 409 and "a.png" in refused.json()["detail"]
    assert not (api.home / "out.jpg").exists()
    left = set((api.home / "uploads").iterdir()) - before
    assert len(left) <= 1


def test_models_and_what_cannot_be_named(api: ServedApi, films) -> None:
    """The bundled model is listed with its card; a path is no name of a model."""
    listed = httpx.get(f"{api.address}/v1/models").json()["items"]
    assert listed[0]["name"] == "starter"
    assert httpx.get(f"{api.address}/v1/models/starter").json()["weights_hash"] == listed[0]["checkpoint_hash"]
    assert send(api, films[:1], model="/etc").status_code == 422
    assert send(api, films[:1], model="run:0123").status_code == 404


def test_as_many_batches_as_may_and_no_more(api: ServedApi, films) -> None:
    """While as many batches are live as may, the next is told to come later, and may come with the same key."""
    desk: Desk = open_desk(AppSettings(home=api.home))
    with desk.transaction() as session:
        some = session.query(tables.Batch).first()
        kept = {name: getattr(some, name) for name in ("model_version_id", "operating_point_id", "request")}
        session.add_all(tables.Batch(id=f"00000000000{n}", source="waits", **kept) for n in range(4))
    refused = send(api, films[:1], key="later")
    assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
    for n in range(4):
        address = f"{api.address}/v1/batches/00000000000{n}"
        assert httpx.post(f"{address}/stop").json()["state"] == "stopped"
    assert send(api, films[:1], key="later").status_code == 202
