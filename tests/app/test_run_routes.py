"""Training over HTTP: who may queue what, and what stop and resume say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.api.application import create_api
from core.api.settings import ApiSettings
from core.dataset.splitting import SplitConfig
from core.services.datasets import indexing
from core.services.datasets.splits import save_split
from core.services.desk import Desk, open_desk
from core.services.desk.api_keys import Scope, make_key
from core.settings import get_settings
from tests.no_workers import let_nobody_work
from tests.unit.dataset.small_cohorts import write_film


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


@pytest.fixture
def desk(tmp_path: Path, films: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk that may analyse images below one folder, and begins nothing by itself."""
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PNEUMODESK_FILM_ROOTS", str(films))
    let_nobody_work(monkeypatch)
    get_settings.cache_clear()
    yield open_desk()
    get_settings.cache_clear()


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return TestClient(create_api(ApiSettings()), base_url="http://localhost:8001")


def test_runs_are_queued_stopped_and_resumed(client: TestClient, films: Path) -> None:
    """One run is queued for each seed; what has not begun is stopped at once, and may continue."""
    asked = {"data": str(films), "name": "night", "config": {"epochs": 3}, "seeds": [1, 2]}
    launched = client.post("/v1/runs", json=asked)
    assert launched.status_code == 202
    first, second = launched.json()["run_ids"]
    listed = {run["id"]: run for run in client.get("/v1/runs").json()["items"]}
    assert {listed[first]["state"], listed[second]["state"]} == {"queued"}
    assert {client.get(f"/v1/runs/{run}").json()["config"]["seed"] for run in (first, second)} == {1, 2}
    assert client.post(f"/v1/runs/{first}/resume").status_code == 409
    assert client.post(f"/v1/runs/{first}/stop").json()["state"] == "stopped"
    assert client.post(f"/v1/runs/{first}/stop").json()["state"] == "stopped"
    assert client.post(f"/v1/runs/{first}/resume").json()["state"] == "queued"


def test_cohorts_are_read_below_the_film_folders_only(client: TestClient, films: Path, tmp_path: Path) -> None:
    """A folder outside is refused whether it exists or not, also by a way round; a missing one inside is 404."""
    (films / "way-out").symlink_to(tmp_path)
    for folder in ("/etc", "/no/such/folder", "films", f"{films}/../secret", f"{films}/way-out"):
        assert client.post("/v1/runs", json={"data": folder}).status_code == 403
    weights = {"weights": "file", "weights_file": "/etc/passwd"}
    assert client.post("/v1/runs", json={"data": str(films), "config": weights}).status_code == 403
    assert client.post("/v1/runs", json={"data": str(films / "missing")}).status_code == 404
    assert client.post("/v1/runs", json={"data": str(films), "config": {"epochs": -1}}).status_code == 422


def test_runs_are_queued_on_a_saved_split(client: TestClient, desk: Desk, films: Path) -> None:
    """A split is named as it was saved; an unknown name is 404, one of other images 400 with the reason."""
    for number in range(1, 11):
        write_film(films / f"ward/NORMAL/IM-{number:04}-0001.png", number)
        write_film(films / f"ward/PNEUMONIA/person{number}_virus_1.png", 100 + number)
    save_split(desk, indexing.index(desk, films / "ward"), SplitConfig(), "baseline")
    asked = {"data": str(films / "ward"), "split": "baseline"}
    [run] = client.post("/v1/runs", json=asked).json()["run_ids"]
    assert client.get(f"/v1/runs/{run}").json()["split_name"] == "baseline"
    [listed] = client.get("/v1/splits").json()["items"]
    assert (listed["name"], set(listed["counts"])) == ("baseline", {"train", "validation", "calibration"})
    assert client.post("/v1/runs", json={**asked, "split": "unknown"}).status_code == 404
    (films / "ward/NORMAL/IM-0001-0001.png").unlink()
    refused = client.post("/v1/runs", json=asked)
    assert refused.status_code == 400 and "have changed since the split" in refused.json()["detail"]


def test_only_the_scope_for_training_opens_it(client: TestClient, desk: Desk, films: Path) -> None:
    """A key for triage queues nothing and stops nothing; one for training does."""
    keys = {scope: {"Authorization": f"Bearer {make_key(desk, scope, [scope])[1]}"} for scope in Scope}
    for scope in (Scope.READ, Scope.TRIAGE):
        for path in ("/v1/runs", "/v1/runs/000000000000/stop", "/v1/runs/000000000000/resume"):
            assert client.post(path, json={"data": str(films)}, headers=keys[scope]).status_code == 403
    assert client.post("/v1/runs/000000000000/stop", headers=keys[Scope.TRAIN]).status_code == 404
    assert client.post("/v1/runs", json={"data": str(films)}, headers=keys[Scope.TRAIN]).status_code == 202
