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


def test_a_version_is_promoted_with_its_intended_use(desk: Desk) -> None:
    """A training key promotes and its name and words stand on the card; no path, no other field, no reading key."""
    client = TestClient(create_api(ApiSettings()), base_url="http://localhost:8001")
    reading, training = (
        {"Authorization": f"Bearer {make_key(desk, scope.value, [scope])[1]}"} for scope in (Scope.READ, Scope.TRAIN)
    )
    asked = {"source": "starter", "intended_use": "Adults over 18.", "limits": ["One site."]}
    assert client.post("/v1/models/ward/versions", json=asked, headers=reading).status_code == 403
    for wrong in ({"source": "/etc"}, {"source": "starter", "folder": "x"}, {"source": "starter", "limits": [""]}):
        assert client.post("/v1/models/ward/versions", json=wrong, headers=training).status_code == 422
    gone = client.post("/v1/models/ward/versions", json={"source": "run:none"}, headers=training)
    assert gone.status_code == 404 and "no run 'none'" in gone.json()["detail"]
    made = client.post("/v1/models/ward/versions", json=asked, headers=training)
    assert (made.status_code, made.json()["model"], made.json()["promoted_by"]) == (201, "ward@1", "train")
    card = client.get("/v1/models/ward@1").json()
    assert "As train states at promotion: Adults over 18." in card["intended_use"]
    assert card["limits"][0] == "One site. (Stated by train at promotion.)"
