"""What the desk says of itself to a machine that asks."""

from starlette.testclient import TestClient

from core.api.application import create_api
from core.api.security_headers import SECURITY_HEADERS, SecurityHeaders
from core.services.desk import Desk
from core.settings import NOTICE
from tests.closing import close_desk


def test_a_healthy_desk_answers_with_code_and_notice(desk: Desk) -> None:
    """Health is ok, and the version names the code and says what the desk is not."""
    client = TestClient(create_api())
    assert client.get("/healthz").json() == {"status": "ok"}
    version = client.get("/version").json()
    assert version["code"]
    assert version["notice"] == NOTICE


def test_a_damaged_database_is_unhealthy_in_a_sentence(desk: Desk) -> None:
    """With a database that is none, health is 503 and says so."""
    close_desk(desk)
    for path in desk.settings.home.glob("pneumodesk.db*"):
        path.unlink()
    (desk.settings.home / "pneumodesk.db").write_bytes(b"this is no database at all" * 100)
    response = TestClient(create_api()).get("/healthz")
    assert response.status_code == 503
    assert "database" in response.json()["detail"].lower()


def test_every_answer_carries_the_security_headers(desk: Desk) -> None:
    """The headers are on good answers and on refusals, and let no foreign frame or script in."""
    client = TestClient(SecurityHeaders(create_api()))
    for address in ("/healthz", "/nothing"):
        headers = client.get(address).headers
        for name, value in SECURITY_HEADERS.items():
            assert headers[name] == value
    assert "frame-ancestors 'self'" in SECURITY_HEADERS["Content-Security-Policy"]
    assert "http" not in SECURITY_HEADERS["Content-Security-Policy"]
