"""A working day at the desk in a real browser: many real images read by keyboard alone, through refresh and restart."""

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.services.desk import Desk, open_desk
from core.services.desk.audit_trail import AuditAction, AuditFilter, count_events
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.services.worklist.agreement import report_agreement
from core.services.worklist.studies import load_worklist
from core.services.worklist.verdicts import Verdict, current_verdicts, give_verdict
from core.settings import AppSettings
from tests.app.conftest import ROOT, Served, serve

NUM_BY_KEYBOARD = int(os.environ.get("PNEUMODESK_TEST_WORKING_DAY", "18"))
"""How many of the 200 images are analysed; all of them take minutes."""
PNEUMONIA = re.compile("^Pneumonia")
"""The button's name goes on with its key, and another button's name ends in the same word."""
KEYS = {Verdict.PNEUMONIA: "p", Verdict.NORMAL: "n", Verdict.UNSURE: "u", Verdict.NOT_READABLE: "x"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """A desk that has read the native images, a file that is no image and one with a hostile name."""
    home = tmp_path_factory.mktemp("day") / "home"
    folder = tmp_path_factory.mktemp("ward")
    shutil.copytree(real_data / "originals", folder, dirs_exist_ok=True)
    (folder / "=1+1 <img src=x onerror=alert(1)> **bold**.jpeg").write_text("no image")
    run_triage(open_desk(AppSettings(home=home)), TriageRequest(paths=(folder,), reader="Night shift"))
    return home


@pytest.fixture
def desk(home: Path) -> Desk:
    return open_desk(AppSettings(home=home))


@pytest.fixture(scope="module")
def evening(home: Path) -> Iterator[Served]:
    """The desk, served once for what comes after the day's reading."""
    with serve(ROOT / "Home.py", home) as served:
        yield served


def as_reader(tab, address: str, name: str) -> None:
    tab.context.add_cookies([{"name": "pneumodesk_reader", "value": name, "url": address}])


def truth_of(file: str) -> Verdict:
    return Verdict.PNEUMONIA if "PNEUMONIA" in file else Verdict.NORMAL


def wait_until_idle(tab) -> None:
    tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def read_by_keyboard(tab, desk: Desk, count: int) -> None:
    """Evaluate images as they come, by their folder's name, each by one key; wait for the next one after each."""
    judged = {row.study for row in current_verdicts(desk)}
    for _ in range(count):
        row = next(row for row in load_worklist(desk).studies.itertuples() if row.study not in judged)
        film = tab.locator(".viewer .film.arrived")
        expect(film).to_have_attribute("alt", re.compile(re.escape(row.file)))
        verdict = truth_of(row.file)
        wait_until_idle(tab)
        tab.keyboard.press(KEYS[verdict])
        expect(tab.get_by_test_id("stMain")).to_contain_text(f"{len(judged) + 1} of 201 studies read")
        judged.add(row.study)


def test_a_day_of_reading_loses_nothing(home: Path, desk: Desk, tab, foreign_requests: list[str]) -> None:
    """Every verdict given by keyboard is kept through a refresh and a killed server; agreement is shown in the end."""
    part = NUM_BY_KEYBOARD // 3
    with serve(ROOT / "Home.py", home) as served:
        as_reader(tab, served.address, "Ada")
        tab.goto(f"{served.address}/triage")
        read_by_keyboard(tab, desk, part)
        tab.reload()
        read_by_keyboard(tab, desk, part)
        os.kill(served.pid, signal.SIGKILL)
    with serve(ROOT / "Home.py", home) as served:
        as_reader(tab, served.address, "Ada")
        tab.goto(f"{served.address}/triage")
        read_by_keyboard(tab, desk, NUM_BY_KEYBOARD - 2 * part)
        files = load_worklist(desk).studies.set_index("study")["file"]
        rows = current_verdicts(desk)
        assert len(rows) == NUM_BY_KEYBOARD == count_events(desk, AuditFilter(actions=(AuditAction.VERDICT,)))
        assert all(row.verdict is truth_of(files[row.study]) and row.reader == "Ada" for row in rows)
        last = rows[-1]
        wait_until_idle(tab)
        tab.keyboard.press("z")
        expect(tab.get_by_text("Undone")).to_be_visible()
        expect(tab.get_by_test_id("stMain")).to_contain_text(Path(files[last.study]).name)
        assert len(current_verdicts(desk)) == NUM_BY_KEYBOARD - 1
        wait_until_idle(tab)
        tab.keyboard.press("u")
        expect(tab.get_by_text("Saved: equivocal")).to_be_visible()
        assert Counter(row.verdict for row in current_verdicts(desk))[Verdict.UNSURE] == 1
        tab.goto(f"{served.address}/triage?view=agreement")
        expect(tab.get_by_role("heading", name="Agreement", exact=True)).to_be_visible()
        expect(tab.get_by_test_id("stMain")).to_contain_text(f"{NUM_BY_KEYBOARD} studies with a finding")
        assert report_agreement(desk).num_judged == NUM_BY_KEYBOARD
    assert foreign_requests == []


# By the browser's own clock, well before the next image can be there: a test on a busy machine would press too late.
PRESSED_THRICE = """() => {
    for (const milliseconds of [0, 50, 100]) {
        setTimeout(() => {
            for (const kind of ["keydown", "keyup"]) {
                document.body.dispatchEvent(new KeyboardEvent(kind, { key: "p", code: "KeyP", bubbles: true }));
            }
        }, milliseconds);
    }
}"""


def test_a_key_pressed_twice_judges_no_film_unseen(evening: Served, desk: Desk, tab) -> None:
    """The second press of an impatient reader falls on the image that was on the screen, never on the one after it."""
    as_reader(tab, evening.address, "Eve")
    tab.goto(f"{evening.address}/triage")
    tab.get_by_role("button", name=PNEUMONIA).wait_for()
    wait_until_idle(tab)
    tab.evaluate(PRESSED_THRICE)
    expect(tab.get_by_text("Saved: pneumonia")).to_be_visible()
    wait_until_idle(tab)
    assert len({row.study for row in current_verdicts(desk) if row.reader == "Eve"}) == 1


def test_a_second_reader_judges_unseen_and_stands_beside_the_first(evening: Served, desk: Desk, tab) -> None:
    """The first verdict is hidden until the second is given; then both stand side by side, with their notes as text."""
    study = load_worklist(desk).studies.iloc[-1]
    note = "<b>bold</b> **strong** =1+1"
    give_verdict(desk, int(study["reading_id"]), "Ada", Verdict.NORMAL, note)
    as_reader(tab, evening.address, "Bob")
    tab.goto(f"{evening.address}/triage?study={study['study']}")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("1 reader has read this study")
    expect(main).not_to_contain_text("=1+1")
    tab.get_by_placeholder("Note, saved with").fill("right hilum")
    tab.get_by_placeholder("Note, saved with").press("Tab")
    tab.get_by_role("button", name=PNEUMONIA).click()
    # The next study comes up once the verdict is kept; to leave before could leave it ungiven.
    expect(main).not_to_contain_text("1 reader has read this study")
    tab.goto(f"{evening.address}/triage?study={study['study']}")
    expect(main).to_contain_text(note)
    expect(main).to_contain_text("right hilum")
    said = {(row.reader, row.verdict, row.note) for row in current_verdicts(desk, study["study"])}
    assert said == {("Ada", Verdict.NORMAL, note), ("Bob", Verdict.PNEUMONIA, "right hilum")}


def test_what_no_model_read_stands_above_the_routine_with_its_name_as_text(evening: Served, desk: Desk, tab) -> None:
    """The file that could not be opened is for review, is named as it is, and without a name nobody evaluates."""
    studies = load_worklist(desk).studies
    failed = studies[studies["status"] == "failed"].iloc[0]
    routine = studies.index[studies["band"] == "routine"]
    assert failed["band"] == "review" and failed.name < routine.min()
    tab.goto(f"{evening.address}/triage?study={failed['study']}")
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("=1+1 <img src=x onerror=alert(1)> **bold**.jpeg")
    expect(main).to_contain_text("Set your reader name")
    expect(tab.get_by_role("button", name=PNEUMONIA)).to_be_disabled()
