"""Who may ask the desk: its own pages and programs on this machine, not pages of other sites."""

import http.client

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.api.own_origin import OwnOrigin

HOSTS = ["localhost", "[::1]", "*.clinic.example"]


def client(allowed_hosts: list[str]) -> TestClient:
    def answer(request) -> PlainTextResponse:
        return PlainTextResponse("desk")

    paths = ("/", "/api/healthz")
    routes = [Route(path, answer, methods=["GET", "POST"]) for path in paths]
    return TestClient(OwnOrigin(Starlette(routes=routes), allowed_hosts))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST.:8501", 200),
        ("[::1]:8501", 200),
        ("desk.clinic.example", 200),
        ("clinic.example", 403),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("evil@localhost", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_the_desks_own_names_are_answered(host: str, status: int) -> None:
    """A name that another site gave this machine's address opens nothing."""
    assert client(HOSTS).get("/", headers={"Host": host}).status_code == status


def test_without_a_list_any_name_is_answered_and_health_always_is() -> None:
    """An empty list means that names are checked elsewhere; a watcher may ask for health by address."""
    assert client([]).get("/", headers={"Host": "any.example"}).status_code == 200
    assert client(HOSTS).get("/api/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost:8501", 200),
        ("http://localhost:9999", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_only_the_desks_own_pages_change_anything(origin: str | None, status: int) -> None:
    """A form on another site, or on another port of this machine, is refused; programs send no origin."""
    headers = {"Host": "localhost:8501"} | ({"Origin": origin} if origin else {})
    assert client(HOSTS).post("/", headers=headers).status_code == status
    assert client(HOSTS).get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin", "is_let_in"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("localhost:8501", None, True),
        ("localhost:8501", "http://localhost:9999", False),
        ("localhost:8501", "http://evil.example", False),
        ("localhost:8501", "null", False),
        ("evil.example", "http://evil.example", False),
    ],
)
def test_only_the_desks_own_pages_open_a_websocket(host: str, origin: str | None, is_let_in: bool) -> None:
    """A page of another port or site can neither read nor press anything over a WebSocket."""

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("desk")
        await websocket.close()

    guarded = TestClient(OwnOrigin(Starlette(routes=[WebSocketRoute("/_stcore/stream", talk)]), HOSTS))
    headers = {"Host": host} | ({"Origin": origin} if origin else {})
    if is_let_in:
        with guarded.websocket_connect("/_stcore/stream", headers=headers) as websocket:
            assert websocket.receive_text() == "desk"
    else:
        with (
            pytest.raises(WebSocketDisconnect) as refused,
            guarded.websocket_connect("/_stcore/stream", headers=headers) as websocket,
        ):
            websocket.receive_text()
        assert refused.value.code == 1008


def test_the_served_dashboard_refuses_websockets_of_foreign_pages(dashboard) -> None:
    """The real application answers a foreign page's WebSocket with 403, its own with 101."""
    place = dashboard.address.removeprefix("http://")
    for origin, status in ((f"http://{place}", 101), ("http://evil.example", 403), ("http://localhost:1", 403)):
        connection = http.client.HTTPConnection(place, timeout=30)
        connection.request(
            "GET",
            "/_stcore/stream",
            headers={
                "Host": place,
                "Origin": origin,
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        assert connection.getresponse().status == status
        connection.close()


def test_the_served_dashboard_keeps_to_its_names(dashboard) -> None:
    """Pages and API of the real application refuse a foreign name and answer to their own."""
    place = dashboard.address.removeprefix("http://")
    for path in ("/", "/api/version"):
        for host, status in ((place, 200), ("evil.example", 403)):
            connection = http.client.HTTPConnection(place, timeout=30)
            connection.request("GET", path, headers={"Host": host})
            assert connection.getresponse().status == status
            connection.close()
