"""Single images over HTTP: the original study's client, what it gets beside its keys, and what is refused."""

import io
import json
import shutil
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from core.services.desk import open_desk
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.services.worklist.batch_list import ranked_readings
from core.settings import NOTICE, AppSettings
from tests.app.api_server import ServedApi
from tests.patience import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def films(real_data: Path) -> list[Path]:
    """Three native images of either kind."""
    return [path for kind in ("NORMAL", "PNEUMONIA") for path in sorted((real_data / "originals" / kind).iterdir())[:3]]


def post(api: ServedApi, content: bytes, path: str = "/predict") -> httpx.Response:
    return httpx.post(f"{api.address}{path}", files={"file": ("film", content)}, timeout=PATIENCE_SECONDS)


def logged_request(log: Path, request_id: str, *, seconds: float = 30) -> dict:
    """The one line of a request; the server writes it after the answer has left, so it may still be on its way."""
    deadline = time.monotonic() + seconds
    while True:
        whole = log.read_text().rpartition("\n")[0].splitlines()
        lines = [
            line
            for line in map(json.loads, filter(lambda text: text.startswith("{"), whole))
            if line["request_id"] == request_id
        ]
        if lines or time.monotonic() > deadline:
            (line,) = lines
            return line
        time.sleep(0.02)


def test_the_original_studys_curl_line_works(api: ServedApi, films: list[Path]) -> None:
    """The line of the study's README, run as it stands but for port and file, prints the keys it promised."""
    curl = shutil.which("curl") or pytest.skip("there is no curl on this machine")
    command = [curl, "-s", "-X", "POST", f"{api.address}/predict", "-F", f"file=@{films[-1]}"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_SECONDS).stdout)
    assert list(answer)[:4] == ["prediction", "probability_pneumonia", "label", "note"]
    assert (type(answer["prediction"]), answer["prediction"], answer["label"]) == (int, 1, "Neumonía")
    assert answer["probability_pneumonia"] == round(answer["probability_pneumonia"], 4)
    assert 0 <= answer["probability_pneumonia"] <= 1
    assert "diagnóstico" in answer["note"]


def test_a_client_of_the_standard_library_works(api: ServedApi, films: list[Path]) -> None:
    """A form built by hand is read, and every number of the answer agrees with the others."""
    boundary = uuid.uuid4().hex
    for film in films:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="imagen.jpg"\r\n\r\n'
        body = head.encode() + film.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(f"{api.address}/predict", body, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            answer = json.load(response)
        assert answer["prediction"] == int(answer["probability_pneumonia"] >= answer["threshold"])
        assert answer["label"] == ("Neumonía" if answer["prediction"] else "Normal")
        assert answer["gate"]["distance"] <= answer["gate"]["limit"]
        assert answer["notice"] == NOTICE


def test_it_says_what_triage_says(api: ServedApi, films: list[Path], tmp_path: Path) -> None:
    """The same image gets the same probability and band by the API and in a batch."""
    for film in films:
        shutil.copy(film, tmp_path)
    desk = open_desk(AppSettings(home=api.home))
    rows = {
        row["file"]: row for row in ranked_readings(desk, run_triage(desk, TriageRequest(paths=(tmp_path,))).batch_id)
    }
    for film in films:
        answer = post(api, film.read_bytes()).json()
        assert answer["probability_pneumonia"] == pytest.approx(rows[film.name]["probability"], abs=0.003)
        assert answer["band"] == rows[film.name]["finding"]


def test_the_lineage_leads_from_the_answer_to_what_it_rests_on(api: ServedApi, films: list[Path]) -> None:
    """The id of an answer finds the same answer again, with the checkpoint, the run, the dataset and the rule."""
    answer = post(api, films[0].read_bytes(), "/v1/predictions").json()
    found = httpx.get(f"{api.address}/v1/predictions/{answer['lineage_id']}").json()
    assert found["answer"] == answer
    assert found["status"] == "read"
    assert len(answer["model"]["checkpoint_hash"]) == 64
    assert answer["model"]["run_id"]
    assert answer["model"]["cohort_fingerprint"]
    assert answer["operating_point"]["threshold"] == answer["threshold"]
    picture = httpx.get(f"{api.address}/v1/predictions/{answer['lineage_id']}/saliency")
    if picture.status_code == 200:
        assert Image.open(io.BytesIO(picture.content)).has_transparency_data
    assert httpx.get(f"{api.address}/v1/predictions/{'0' * 32}").status_code == 404


def test_what_is_no_film_is_refused_with_its_reason(api: ServedApi) -> None:
    """Text, an empty file, a blank and a coloured picture: 422, a problem document, the reason's code."""
    colour_HW3 = np.zeros((300, 300, 3), np.uint8)
    colour_HW3[..., 0] = np.linspace(0, 255, 300, dtype=np.uint8)
    pictures = {"blank": np.full((300, 300), 128, np.uint8), "colour": colour_HW3}
    contents = {"not_a_picture": b"this is text", "empty_file": b""}
    for reason, pixels in pictures.items():
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        contents[reason] = stream.getvalue()
    for reason, content in contents.items():
        response = post(api, content)
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["reason"] == reason
        assert problem["detail"].endswith(".")
        assert problem["request_id"] == response.headers["x-request-id"]
        kept = httpx.get(f"{api.address}/v1/predictions/{problem['lineage_id']}").json()
        assert (kept["reason_code"], kept["answer"]) == (reason, None)


def test_dicom_files_are_taken_with_typed_refusals(api: ServedApi) -> None:
    """A DICOM file is told apart by its content; one of an ankle is refused for what it says it shows."""
    pydicom_data = pytest.importorskip("pydicom.data")
    content = Path(pydicom_data.get_testdata_file("RG3_UNCR.dcm", download=False)).read_bytes()
    refused = post(api, content)
    assert (refused.status_code, refused.json()["reason"]) == (422, "not_chest")


def test_a_form_without_a_film_is_told_what_is_missing(api: ServedApi) -> None:
    """A form with another field, or none at all, is 422 and names the field."""
    for response in (
        httpx.post(f"{api.address}/predict", files={"image": ("film", b"x")}),
        httpx.post(f"{api.address}/predict"),
    ):
        assert response.status_code == 422
        assert "file" in response.json()["detail"]


def test_the_server_never_loads_torch(api: ServedApi, films: list[Path]) -> None:
    """Where the fast engine serves, the server's process maps no library of torch."""
    assert post(api, films[0].read_bytes()).status_code == 200
    maps = Path(f"/proc/{api.pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not show what a process maps")
    assert "openvino" in maps.read_text()
    assert "libtorch" not in maps.read_text()


def test_documentation_comes_from_this_machine_alone(api: ServedApi, tab, foreign_requests: list[str]) -> None:
    """The root leads to Swagger, which shows /predict and asks no other host for anything."""
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(api.address)
    assert tab.url == f"{api.address}/docs"
    tab.get_by_text("/predict", exact=True).first.wait_for()
    assert foreign_requests == []
    assert problems == []


def test_log_lines_are_json_and_name_no_file(api: ServedApi, films: list[Path]) -> None:
    """Every request has one line with its id; neither the image's name nor a query is in the log."""
    files = {"file": ("DOE^JANE.jpg", films[0].read_bytes())}
    httpx.post(
        f"{api.address}/predict?patient=DOE", files=files, headers={"X-Request-Id": "trace-1"}, timeout=PATIENCE_SECONDS
    )
    line = logged_request(api.log, "trace-1")
    text = api.log.read_text()
    assert (line["route"], line["status"], line["method"]) == ("/predict", 200, "POST")
    assert "DOE" not in text
