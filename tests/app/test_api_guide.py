"""The guide to the REST API does what it says: its curl lines, its example, its table of settings."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from core.api.settings import ApiSettings
from core.services.desk.api_keys import Scope
from tests.app.api_server import ServedApi
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def folder(real_data: Path, tmp_path: Path) -> Path:
    """A folder with the two files that the guide's lines send."""
    film = sorted((real_data / "chest_xray" / "test" / "PNEUMONIA").iterdir())[0]
    shutil.copy(film, tmp_path / "imagen.jpg")
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.write(film, "inside.jpg")
    return tmp_path


def test_every_curl_line_of_the_guide_works(api: ServedApi, folder: Path) -> None:
    """Run in their order, with the ids that came before put in, no line is answered with an error."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    ids: dict[str, str] = {}
    assert len(LINES) >= 7
    for line in LINES:
        command = line.replace("http://localhost:8001", api.address)
        for name, value in ids.items():
            command = command.replace(name, value)
        ended = subprocess.run(["bash", "-c", f"{command} -s -S --fail-with-body"], cwd=folder, capture_output=True)
        assert ended.returncode == 0, f"{line}\n{ended.stdout.decode()}{ended.stderr.decode()}"
        if "/predict" in line and "-X POST" in line:
            ids["LINEAGE_ID"] = json.loads(ended.stdout)["lineage_id"]
        if line.startswith('curl -X POST "http://localhost:8001/v1/batches"'):
            ids["BATCH_ID"] = json.loads(ended.stdout)["id"]
    assert (folder / "where-the-model-looked.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "worklist.csv").read_text().startswith("file,")
    while not httpx.get(f"{api.address}/v1/batches/{ids['BATCH_ID']}").json()["finished_at"]:
        time.sleep(0.2)


def test_the_example_reads_films_alone_and_as_a_batch(api: ServedApi, folder: Path) -> None:
    """The typed example, run as it stands, prints a result for each image, also for one that is none."""
    (folder / "letter.txt").write_text("text")
    command = [sys.executable, ROOT / "docs" / "examples" / "predict_films.py", api.address]
    ended = subprocess.run(
        [*command, folder / "imagen.jpg", folder / "letter.txt"], capture_output=True, text=True, env=os.environ
    )
    assert ended.returncode == 0, ended.stderr
    first, second, *ranked = ended.stdout.splitlines()
    assert "band='pneumonia'" in first
    assert "probability=None" in second
    assert [line.split("\t")[1] for line in ranked] == ["imagen.jpg", "letter.txt"]


def test_the_guide_names_every_setting_and_scope() -> None:
    """Settings, their defaults and scopes are in the guide as they are in the code."""
    for name, field in ApiSettings.model_fields.items():
        assert f"`{name.upper()}`" in GUIDE
        assert str(field.default).lower() in GUIDE.lower()
    for scope in Scope:
        assert f"| `{scope}` |" in GUIDE
