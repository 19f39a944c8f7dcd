"""Who may ask the REST API, how often and how much: keys, scopes, limits, and what refusals look like."""

import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from core.api import access, exposure
from core.api.application import create_api
from core.api.settings import ApiSettings
from core.api.watching import LOGGER, JsonLines
from core.errors import DatabaseError
from core.services.desk import Desk
from core.services.desk.api_keys import Scope, make_key, revoke_key
from core.services.desk.home_lock import HomeHeldError
from core.services.desk.restoring import RestoreRequest, restore
from core.settings import AppSettings
from tests.app.api_server import ServedApi, serve_api

LOCAL = "http://localhost:8001"
OUTSIDE = [
    {"X-Forwarded-For": "203.0.113.7"},
    {"X-Forwarded-Host": "desk.example"},
    {"Forwarded": "for=203.0.113.7"},
    {"Via": "1.1 proxy"},
    {"CF-Connecting-IP": "203.0.113.7"},
    {"Host": "desk.example"},
    {"Host": "desk@localhost"},
    {"Host": ""},
]


def client(**settings) -> TestClient:
    return TestClient(create_api(ApiSettings(**settings)), base_url=LOCAL, raise_server_exceptions=False)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("headers", OUTSIDE, ids=str)
def test_what_may_come_from_outside_needs_a_key(desk: Desk, headers: dict[str, str]) -> None:
    """A forwarding header or a foreign name asks for a key, whatever the settings; with one the answer is given."""
    key = make_key(desk, "pacs", [Scope.READ])[1]
    refused = client().get("/v1/batches", headers=headers)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client().get("/v1/batches", headers={**headers, **bearer(key)}).status_code == 200
    assert client().get("/v1/batches", headers={**headers, "X-API-Key": key}).status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.7", "2001:db8::1", "", "localhost"])
def test_another_machine_needs_a_key(desk: Desk, address: str) -> None:
    """Anyone who connects from another address than this machine's is asked for a key."""
    api = create_api(ApiSettings())
    assert TestClient(api, base_url=LOCAL, client=(address, 5000)).get("/v1/batches").status_code == 401
    for own in ("127.0.0.1", "::1"):
        assert TestClient(api, base_url=LOCAL, client=(own, 5000)).get("/v1/batches").status_code == 200


def test_a_server_that_listens_beyond_loopback_asks_everybody(desk: Desk) -> None:
    """Once this process listens on all addresses, a request from this very machine needs a key too."""
    exposure.listens_beyond_loopback.cache_clear()
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        listening.listen()
        assert client().get("/v1/batches").status_code == 401
    exposure.listens_beyond_loopback.cache_clear()
    assert client().get("/v1/batches").status_code == 200


def test_the_setting_asks_programs_on_this_machine_too(desk: Desk) -> None:
    """With keys required nothing but what says nothing is open."""
    key = make_key(desk, "pacs", [Scope.READ])[1]
    asked = client(keys_required=True)
    for path in ("/v1/batches", "/v1/models", "/v1/runs", "/v1/worklist", "/v1/evaluations", "/metrics"):
        assert asked.get(path).status_code == 401
        assert asked.get(path, headers=bearer(key)).status_code == 200
    for path in ("/healthz", "/version", "/docs", "/openapi.json"):
        assert asked.get(path).status_code == 200


def test_a_wrong_key_is_refused_even_where_none_is_needed(desk: Desk) -> None:
    """Nobody may believe that a bent or foreign key opened something."""
    for text in ("x", "pd_aaaaaaaaaa_bbbb", "é"):
        headers = {"Authorization": f"Bearer {text}".encode()}
        assert client().get("/v1/batches", headers=headers).status_code == 401


def test_a_revoked_key_opens_nothing_within_seconds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has just seen a key notices that it was revoked, once it has forgotten what it knew of it."""
    key = make_key(desk, "pacs", [Scope.READ])[1]
    asked = client(keys_required=True)
    assert asked.get("/v1/batches", headers=bearer(key)).status_code == 200
    revoke_key(desk, "pacs")
    later = time.monotonic() + access.SECONDS_A_KEY_IS_REMEMBERED
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: later))
    assert asked.get("/v1/batches", headers=bearer(key)).status_code == 401


def test_each_scope_opens_its_own(desk: Desk) -> None:
    """A key that may read starts no batch and gives no verdict; one that may triage does both and may look."""
    asked = client(keys_required=True)
    reader, triager = (bearer(make_key(desk, scope, [scope])[1]) for scope in (Scope.READ, Scope.TRIAGE))
    doors = [
        ("POST", "/predict", {"files": {"file": b"x"}}),
        ("POST", "/v1/predictions", {"files": {"file": b"x"}}),
        ("POST", "/v1/batches", {"files": {"files": b"x"}}),
        ("POST", "/v1/batches/000000000000/stop", {}),
        ("POST", "/v1/batches/000000000000/resume", {}),
        ("POST", "/v1/readings/1/verdicts", {"json": {"reader": "A", "verdict": "normal"}}),
        ("DELETE", "/v1/verdicts/1?reader=A", {}),
    ]
    for method, path, body in doors:
        refused = asked.request(method, path, headers=reader, **body)
        assert (refused.status_code, "triage" in refused.json()["detail"]) == (403, True)
    assert asked.post("/v1/batches/000000000000/stop", headers=triager).status_code == 404
    assert asked.get("/v1/batches", headers=triager).status_code == 200


def test_a_page_of_another_site_changes_nothing(desk: Desk) -> None:
    """A form on a foreign page is refused on this machine, where no key is needed."""
    form = {"files": {"file": b"x"}}
    for origin in ("https://evil.example", "null", "http://localhost:9999", "http://["):
        assert client().post("/predict", headers={"Origin": origin}, **form).status_code == 403


def test_too_many_requests_are_told_when_to_come_back(desk: Desk) -> None:
    """Above its limit one asker gets 429 with Retry-After, and another key is not affected."""
    asked = client(requests_per_minute=3)
    key = make_key(desk, "pacs", [Scope.READ])[1]
    statuses = [asked.get("/v1/batches").status_code for _ in range(5)]
    # On a busy machine five requests take long enough for the sliding window to let a fourth in.
    assert statuses[:3] == [200] * 3 and statuses[-1] == 429
    refused = asked.get("/v1/batches")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"
    assert asked.get("/v1/batches", headers=bearer(key)).status_code == 200
    assert asked.get("/healthz").status_code == 200


def test_a_body_above_the_limit_is_refused_announced_or_not(desk: Desk) -> None:
    """An image above the desk's limit is 413 whether its size is announced or found out, and the connection ends."""
    asked = client()
    announced = asked.post("/predict", content=b"", headers={"Content-Length": str(10**9)})
    hidden = asked.post(
        "/predict",
        content=(b"x" * 10**5 for _ in range(30)),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    document = asked.post("/v1/readings/1/verdicts", content=b"x" * 1_100_000)
    for refused in (announced, hidden, document):
        assert refused.status_code == 413
        assert refused.headers["connection"] == "close"
        assert "MB" in refused.json()["detail"]


def test_a_key_cannot_be_judged_without_the_database(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the database does not answer, a request with a key is told so: it is neither let in nor called wrong."""

    def fail(*_) -> None:
        raise DatabaseError("The database does not answer: see that it runs.")

    monkeypatch.setattr("core.services.desk.api_keys.find_key", fail)
    response = client().get("/v1/batches", headers=bearer("pd_aaaaaaaaaa_bbbb"))
    assert (response.status_code, response.json()["detail"]) == (503, "The database does not answer: see that it runs.")
    assert response.headers["retry-after"]


def test_every_error_is_a_problem_document(desk: Desk) -> None:
    """Unknown addresses, wrong methods and unfit values: type, title, status, sentence and request id."""
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/predict", 405),
        ("GET", "/v1/batches?limit=0", 422),
        ("GET", "/v1/batches/000000000000", 404),
    ):
        response = client().request(method, path, headers={"X-Request-Id": "mine"})
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
        problem = response.json()
        assert set(problem) >= {"type", "title", "status", "detail", "request_id"}
        assert (problem["status"], problem["request_id"], response.headers["x-request-id"]) == (status, "mine", "mine")
        assert problem["detail"].endswith(".")


def test_no_trace_leaves_the_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of is a bare 500 with its request's id; what happened stays in the log."""

    def fail(*_) -> None:
        raise ZeroDivisionError("the secret of /home/desk")

    monkeypatch.setattr("core.api.v1.batches.list_batches", fail)
    response = client().get("/v1/batches")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text
    assert "Traceback" not in response.text


@pytest.fixture
def lines() -> Iterator[list[str]]:
    written: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(JsonLines())
    handler.emit = lambda record: written.append(handler.format(record))
    LOGGER.addHandler(handler)
    yield written
    LOGGER.removeHandler(handler)


def test_a_request_is_named_counted_and_written(desk: Desk, lines: list[str]) -> None:
    """An id that is usable is kept, any other replaced; line and figures know the route, not the path asked for."""
    asked = client()
    key = make_key(desk, "pacs", [Scope.READ])[1]
    asked.get("/v1/batches/aaaaaaaaaaaa?name=DOE", headers={**bearer(key), "X-Request-Id": "a b"})
    (line,) = [json.loads(text) for text in lines]
    assert line["request_id"] != "a b"
    assert (line["route"], line["status"], line["caller"]) == ("/v1/batches/{batch_id}", 422, "pacs")
    asked.request("MADEUP", "/DOE")
    figures = asked.get("/metrics").text
    assert 'pneumodesk_requests_total{method="GET",route="/v1/batches/{batch_id}",status="422"} 1.0' in figures
    assert "DOE" not in figures + "".join(lines)
    assert "MADEUP" not in figures


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that makes no sense is told by the name of its variable."""
    from core.api.settings import get_api_settings
    from core.errors import SettingsError

    monkeypatch.setenv("PNEUMODESK_API_MAX_WAITING", "many")
    get_api_settings.cache_clear()
    with pytest.raises(SettingsError, match="PNEUMODESK_API_MAX_WAITING"):
        get_api_settings()
    get_api_settings.cache_clear()


def test_beside_the_dashboard_everything_is_under_its_place(desk: Desk) -> None:
    """Mounted under /api the documentation, its files, the next page and a batch's place all start there."""
    mounted = TestClient(Starlette(routes=[Mount("/api", app=create_api(ApiSettings()))]), base_url=LOCAL)
    assert mounted.get("/api/", follow_redirects=False).headers["location"] == "/api/docs"
    page = mounted.get("/api/docs").text
    addresses = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    found = [first or second for first, second in addresses]
    assert len(found) >= 4
    for address in found:
        assert address.startswith("/api/")
        assert mounted.get(address).status_code == 200
    assert mounted.get("/api/v1/models?limit=1").json()["items"]
    assert mounted.get("/api/v1/batches", headers={"Via": "1.1 proxy"}).status_code == 401


def test_a_server_bound_to_all_addresses_needs_keys(api: ServedApi) -> None:
    """`--host 0.0.0.0` asks for a key even on this machine, and gives its documentation away."""
    with serve_api(api.home, host="0.0.0.0") as open_to_all:
        assert httpx.get(f"{open_to_all.address}/v1/batches").status_code == 401
        assert httpx.get(f"{open_to_all.address}/docs").status_code == 200
    assert httpx.get(f"{api.address}/v1/batches").status_code == 200


def test_slow_and_broken_senders_do_not_stay(api: ServedApi) -> None:
    """Who stops in the middle of an image is told so and let go, and others are answered meanwhile."""
    with serve_api(api.home, PNEUMODESK_API_SILENCE_SECONDS="1") as served:
        port = int(served.address.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
            head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            slow.sendall(f"{head}Content-Length: 1000\r\n\r\n--b".encode())
            assert httpx.get(f"{served.address}/healthz").status_code == 200
            answer = b""
            while chunk := slow.recv(4096):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 408")


def test_a_restore_is_refused_while_the_server_runs(api: ServedApi, tmp_path: Path) -> None:
    """Anyone who would restore beneath a served desk is told which process has it open, before the backup is looked
    at.
    """
    (tmp_path / "desk.zip").write_bytes(b"")
    with pytest.raises(HomeHeldError, match=rf"in process {api.pid} \("):
        restore(AppSettings(home=api.home), RestoreRequest(tmp_path / "desk.zip", replace=True))
