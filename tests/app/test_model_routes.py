"""Models over HTTP: which is active, and who may change that."""

from starlette.testclient import TestClient

from core.api.application import create_api
from core.api.settings import ApiSettings
from core.services.desk import Desk
from core.services.desk.api_keys import Scope, make_key
from core.services.registry.promotion import PromoteRequest, promote


def test_a_version_is_activated_by_those_who_may(desk: Desk) -> None:
    """The list names the active model; a reading key is refused, a training key activates, once more is said so."""
    promote(desk, PromoteRequest(source="starter", name="ward"))
    client = TestClient(create_api(ApiSettings()), base_url="http://localhost:8001")
    reading, training = (
        {"Authorization": f"Bearer {make_key(desk, scope.value, [scope])[1]}"} for scope in (Scope.READ, Scope.TRAIN)
    )

    def active() -> list[str]:
        return [one["name"] for one in client.get("/v1/models").json()["items"] if one["is_active"]]

    assert active() == ["starter"]
    assert client.post("/v1/models/ward@1/activate", headers=reading).status_code == 403
    assert client.post("/v1/models/ward@9/activate", headers=training).status_code == 404
    answer = client.post("/v1/models/ward@1/activate", headers=training)
    assert (answer.status_code, answer.json()["model"], answer.json()["actor"]) == (200, "ward@1", "train")
    assert active() == ["ward@1"]
    again = client.post("/v1/models/ward@1/activate", headers=training)
    assert again.status_code == 409 and "active model already" in again.json()["detail"]
