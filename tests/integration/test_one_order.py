"""One function says where a study stands: whatever the desk, every door lists the same studies in the same order."""

import csv
import io
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from typer.testing import CliRunner

from core.api.access import NO_NAME
from core.api.application import create_api
from core.api.settings import ApiSettings
from core.cli.commands import app
from core.result_words import READING_ORDER
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, AuditFilter, list_events
from core.services.worklist import studies as studies_module
from core.services.worklist.deletion import delete_batch
from core.services.worklist.reports import ExportFormat, export_batch, export_study
from core.services.worklist.rules import current_rules, save_rules
from core.services.worklist.studies import Show, StudyFilter, count_bands, place_reading, select_studies
from core.services.worklist.verdicts import Verdict, give_verdict, last_verdict, undo_verdict
from core.triage.rules import HumanBand, WorklistRules
from core.ui.triage.study_list import current_worklist
from tests.pdf_text import pages_of
from tests.small_desk import add_batch, small_desk

RESULT_LINES = ("AI flagged", "Indeterminate", "No AI flag", "Not analysed:[ a-z]*")
"""The first line of each AI result in its column."""
NOW = datetime(2026, 11, 27, 12, 30, 41, tzinfo=UTC)
BATCHES = ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
READERS = ("Ada", "Bob")
PDF_ROW = re.compile(
    rf"({'|'.join(READING_ORDER.values())})(?:, escalated|,)? (?:{'|'.join(RESULT_LINES)}) "
    r"(?:–|over 0\.99|under 0\.01|0\.\d\d) (\w+\.png)"
)
DOORS = ("core.cli.worklist", "core.cli.reports", "core.api.v1.batches", "core.api.v1.readings")
BANDS = ("urgent", "review", "routine")

results = st.sampled_from(["failed", "rejected"]) | st.integers(0, 100).map(lambda percent: percent / 100)


@dataclass(frozen=True)
class Plan:
    """A small desk: two batches of (content, result) with their age in hours, verdicts and rules."""

    batches: list[tuple[list[tuple[int, float | str]], int]]
    verdicts: list[tuple[int, str, Verdict | None]]
    rules: WorklistRules
    distance: float


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a desk; contents recur within a batch and between batches, ages lie on both sides of the waiting cap."""
    film = st.tuples(st.integers(0, 8), results)
    batch = st.tuples(st.lists(film, min_size=1, max_size=7), st.sampled_from([0, 5, 30, 55]))
    rules = WorklistRules(
        urgent_from=draw(st.none() | st.sampled_from([0.45, 0.7])),
        routine_below=draw(st.none() | st.sampled_from([0.1, 0.3])),
        uncertain_band=draw(st.sampled_from(HumanBand)),
        rejected_band=draw(st.sampled_from(HumanBand)),
        unreadable_band=draw(st.sampled_from(HumanBand)),
        waiting_cap_hours=draw(st.sampled_from([4, 24])),
    )
    said = st.tuples(st.integers(0, 20), st.sampled_from(READERS), st.none() | st.sampled_from(Verdict))
    return Plan(
        [draw(batch), draw(batch)], draw(st.lists(said, max_size=6)), rules, draw(st.sampled_from([1.0, 1.95, 3.0]))
    )


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with nothing on it, to be copied: making its tables takes longer than all the rest."""
    home = tmp_path_factory.mktemp("empty") / "home"
    small_desk(home).engine.dispose()
    return home


@pytest.fixture(scope="module")
def program() -> TestClient:
    return TestClient(create_api(ApiSettings(requests_per_minute=100_000)), base_url="http://localhost:8001")


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """All doors look at one moment."""
    monkeypatch.setattr(studies_module, "utc_now", lambda: NOW)
    yield monkeypatch


def made(plan: Plan, home: Path) -> Desk:
    """The desk of a plan."""
    desk, ids = small_desk(home), []
    for batch_id, (films, hours) in zip(BATCHES, plan.batches, strict=True):
        names = [f"{batch_id[0]}{number:02}.png" for number in range(len(films))]
        # One content is one file: what the model found of it is the same within a batch.
        found = dict(reversed(films))
        rows = [(name, found[content]) for name, (content, _) in zip(names, films, strict=True)]
        contents = {name: str(content) for name, (content, _) in zip(names, films, strict=True)}
        made_at = {"hours_ago": hours, "gate_distance": plan.distance, "contents": contents, "now": NOW}
        ids += add_batch(desk, rows, batch_id=batch_id, **made_at).values()
    for place, reader, verdict in plan.verdicts:
        if verdict is not None:
            give_verdict(desk, ids[place % len(ids)], reader, verdict, f"note of {reader}")
        elif (last := last_verdict(desk, reader)) is not None:
            undo_verdict(desk, last.id, reader)
    save_rules(desk, plan.rules, "Ada")
    # The newest readings of all contents are in a batch that was deleted: no door may show them.
    deleted = {f"c{content}.png": str(content) for content in range(9)}
    add_batch(desk, [(name, 0.99) for name in deleted], batch_id="cccccccccccc", contents=deleted, now=NOW)
    delete_batch(desk, "cccccccccccc", "cccccccccccc", "Ada")
    return desk


def all_items(program: TestClient, path: str) -> list[dict[str, Any]]:
    """Every item of a list, page after page."""
    items, following = [], f"{path}?limit=3"
    while following:
        page = program.get(following).json()
        items, following = items + page["items"], page["next"]
    return items


def printed(*command: str) -> list[dict[str, Any]]:
    """What a command prints as JSON."""
    done = CliRunner().invoke(app, list(command), catch_exceptions=False)
    return json.loads(done.stdout)


def written(*command: str | Path) -> str:
    """What a command writes to the file that is named last."""
    CliRunner().invoke(app, [str(part) for part in command], catch_exceptions=False)
    return Path(command[-1]).read_bytes().decode()


def places_of_one(desk: Desk, program: TestClient, reading_id: int, home: Path) -> set[tuple[str, bool, int]]:
    """Band, whether for waiting only, and rules' version of one study, as each of its own documents says them."""
    found = set()
    for document in (
        json.loads(export_study(desk, reading_id, ExportFormat.JSON)),
        json.loads(written("report", "study", str(reading_id), "--out", home / "study.json")),
    ):
        found.add((document["priority"], document["is_lifted"], document["rules_version"]))
    (row,) = csv.DictReader(io.StringIO(export_study(desk, reading_id, ExportFormat.CSV).decode()))
    found.add((row["priority"], row["is_lifted"] == "True", int(row["rules_version"])))
    answer = program.get(f"/v1/readings/{reading_id}").json()
    return found | {(answer["priority"], row["is_lifted"] == "True", answer["rules_version"])}


def studies_of(rows: list[dict[str, Any]], band: str) -> list[tuple[str, str]]:
    """Study and band of each row, files of one study taken together."""
    pairs = [(row["study"], row[band]) for row in rows]
    return [pair for number, pair in enumerate(pairs) if number == 0 or pairs[number - 1] != pair]


def page_of(desk: Desk, batch_id: str | None, reader: str) -> list[tuple[str, str]]:
    """Study and band of each row of the worklist on the page, with no filter."""
    shown = select_studies(current_worklist(desk, batch_id), StudyFilter(show=Show.ALL), reader)
    return list(zip(shown["study"], shown["band"], strict=True))


def pdf_of(desk: Desk, batch_id: str, studies: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of a batch's PDF, over all its pages."""
    text = " ".join(pages_of(export_batch(desk, batch_id, ExportFormat.PDF)))
    bands = {words: band for band, words in READING_ORDER.items()}
    return [{"study": studies[file], "band": bands[words]} for words, file in PDF_ROW.findall(text)]


@settings(
    max_examples=int(os.environ.get("PNEUMODESK_DESKS", "8")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=plans())
def test_every_door_lists_the_same_studies_in_the_same_order(
    plan: Plan, empty_home: Path, program: TestClient, frozen: pytest.MonkeyPatch, tmp_path_factory
) -> None:
    """Page, CSV, JSON, PDF, command line, REST and badges agree on studies, order, bands, counts and rules."""
    home = tmp_path_factory.mktemp("desk") / "home"
    shutil.copytree(empty_home, home)
    desk = made(plan, home)
    for door in DOORS:
        frozen.setattr(f"{door}.open_desk", lambda: desk)
    version = current_rules(desk).version
    counted = count_bands(desk, BATCHES)
    for batch_id in BATCHES:
        document = json.loads(export_batch(desk, batch_id, ExportFormat.JSON))
        table = list(csv.DictReader(io.StringIO(export_batch(desk, batch_id, ExportFormat.CSV).decode())))
        files = {row["file"]: row["study"] for row in document["readings"]}
        listed = printed("worklist", "list", "--all", "--batch", batch_id, "--json")
        read = all_items(program, f"/v1/batches/{batch_id}/readings")
        fetched = program.get(f"/v1/batches/{batch_id}/worklist.csv").text
        wanted = page_of(desk, batch_id, "Ada")
        assert (
            page_of(desk, batch_id, "Bob") == wanted
            and fetched == export_batch(desk, batch_id, ExportFormat.CSV).decode()
        )
        for rows, band in ((document["readings"], "priority"), (table, "priority"), (read, "priority")):
            assert studies_of(rows, band) == wanted
            assert len(rows) == len(files) and {row["file"] for row in rows} == set(files)
            assert {int(row["rules_version"]) for row in rows} == {version}
        assert studies_of(listed, "band") == studies_of(pdf_of(desk, batch_id, files), "band") == wanted
        counts = Counter(band for _, band in wanted)
        assert document["rules_version"] == version and {row["rules_version"] for row in listed} == {version}
        assert {band: counted[batch_id][band] for band in BANDS} == {band: counts[band] for band in BANDS}
        assert document["counts"] == counted[batch_id] == program.get(f"/v1/batches/{batch_id}").json()["counts"]
        for row in document["readings"]:
            assert place_reading(desk, row["id"]).band == row["priority"]
        for row in document["readings"][:2]:
            assert places_of_one(desk, program, row["id"], home) == {(row["priority"], row["is_lifted"], version)}
        for ending in ("csv", "json"):
            printed_to = written("report", "batch", batch_id, "--out", home / f"batch.{ending}")
            assert printed_to == export_batch(desk, batch_id, ExportFormat(ending)).decode()
    assert NO_NAME in {event.who for event in list_events(desk, AuditFilter(actions=(AuditAction.EXPORT,)))}
    everywhere = page_of(desk, None, "Ada")
    assert studies_of(printed("worklist", "list", "--all", "--json"), "band") == everywhere
    assert studies_of(all_items(program, "/v1/worklist"), "band") == everywhere
    desk.engine.dispose()
