"""The dashboard and its parts in a real browser."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.triage.heatmap import Heatmap

NUM_FILES = 200
MOST_PACKED = 32


@pytest.fixture(scope="module")
def film_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small files in nested folders, with names in several scripts, and a hidden one."""
    folder = tmp_path_factory.mktemp("films") / "set"
    for number in range(NUM_FILES):
        path = folder / f"station {number % 3}" / f"image {number} é日.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4000 + number))
    (folder / ".DS_Store").write_bytes(b"hidden")
    return folder


def sent_files(home: Path) -> dict[str, bytes]:
    return {
        str(path).partition("/files/")[2]: path.read_bytes()
        for path in (home / "uploads").rglob("files/**/*")
        if path.is_file()
    }


def watch_sending(tab) -> list[str]:
    """Return a list that gets the address of every request with a file or a pack of files in it."""
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.url) if re.search(r"/(files|packs)\b", request.url) else None)
    return sent


def test_a_cold_visit_shows_the_overview_and_asks_no_other_host(dashboard, tab, foreign_requests: list[str]) -> None:
    """The first visit shows the page and the notice, and no request leaves the machine."""
    tab.goto(dashboard.address)
    tab.get_by_role("heading", name="Overview").wait_for()
    tab.get_by_text("not a medical device").first.wait_for()
    assert tab.title() == "Overview"
    assert foreign_requests == []
    answer = tab.request.get(f"{dashboard.address}/api/healthz")
    assert answer.json() == {"status": "ok"}
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_folder_arrives_whole_survives_a_refresh_and_is_not_sent_twice(
    parts, tab, film_folder: Path, foreign_requests: list[str]
) -> None:
    """All files arrive unchanged under their own names; after a refresh the same folder is known; then it closes."""
    tab.goto(parts.address)
    sent = watch_sending(tab)
    tab.locator(".folder-input").set_input_files(str(film_folder))
    tab.get_by_text(f"python: {NUM_FILES} of {NUM_FILES}, failed 0, complete True").wait_for()
    status = tab.locator(".uploader .status").inner_text()
    assert status == f"{NUM_FILES} of {NUM_FILES} received · 1 hidden file left out"
    expected = {str(path.relative_to(film_folder.parent)): path.read_bytes() for path in film_folder.rglob("*.jpg")}
    assert sent_files(parts.home) == expected
    assert len(sent) == math.ceil(NUM_FILES / MOST_PACKED)

    tab.reload()
    tab.get_by_text(f"python: {NUM_FILES} of {NUM_FILES}").wait_for()
    sent.clear()
    tab.locator(".folder-input").set_input_files(str(film_folder))
    tab.get_by_text("complete True").wait_for()
    assert sent == []

    tab.get_by_role("button", name="Close").click()
    tab.get_by_text("python: 0 of 0").wait_for()
    tab.reload()
    tab.get_by_text("python: 0 of 0").wait_for()
    assert foreign_requests == []


def failing_at_first(times: int) -> Callable:
    """Cut the connection of the first requests for each file."""
    seen: dict[str, int] = {}

    def answer(route) -> None:
        seen[route.request.url] = seen.get(route.request.url, 0) + 1
        if seen[route.request.url] <= times:
            route.abort()
        else:
            route.continue_()

    return answer


def test_a_file_that_fails_is_sent_again_and_one_that_stays_failed_is_named(parts, tab, tmp_path: Path) -> None:
    """A pack that breaks off is sent file by file; a refusal is listed with its sentence, and can be sent again."""
    for name in ("good.jpg", "shaky.jpg", "refused.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    tab.route(re.compile("/packs$"), lambda route: route.abort())
    tab.route(re.compile("name=shaky"), failing_at_first(1))
    tab.route(re.compile("name=refused"), lambda route: route.fulfill(status=507, json={"detail": "The disk is full."}))
    tab.goto(parts.address)
    names = ("shaky.jpg", "good.jpg", "refused.jpg")
    tab.locator(".files-input").set_input_files([str(tmp_path / name) for name in names])
    tab.get_by_text("1 failed").first.wait_for()
    tab.get_by_text("python: 2 of 3, failed 1, complete False").wait_for()
    assert "refused.jpg: The disk is full." in tab.locator(".failures li").all_text_contents()
    tab.unroute(re.compile("name=refused"))
    tab.get_by_role("button", name="Send the rest again").click()
    tab.get_by_text("python: 3 of 3, failed 0, complete True").wait_for()


def test_namesakes_from_two_folders_are_both_kept(parts, tab, tmp_path: Path) -> None:
    """Two images of one name, picked one after the other, are two images; across a refresh too."""
    pairs = []
    for number, content in enumerate((b"first", b"other", b"third")):
        path = tmp_path / str(number) / "IM1.dcm"
        path.parent.mkdir()
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
        pairs.append(path)
    tab.goto(parts.address)
    for number, path in enumerate(pairs[:2], start=1):
        tab.locator(".files-input").set_input_files(str(path))
        tab.get_by_text(f"python: {number} of {number}").wait_for()
    tab.reload()
    tab.get_by_text("python: 2 of 2").wait_for()
    tab.locator(".files-input").set_input_files(str(pairs[2]))
    tab.get_by_text("python: 3 of").wait_for()
    stored = sent_files(parts.home)
    assert [stored[name] for name in ("IM1.dcm", "IM1 (2).dcm", "IM1 (3).dcm")] == [b"first", b"other", b"third"]


def test_a_dropped_folder_is_walked_to_its_end(parts, tab, tmp_path: Path) -> None:
    """A folder and a file dropped together arrive whole, also where a browser lists a folder in parts."""
    num_nested = 130
    for number in range(num_nested):
        path = tmp_path / "dropped" / "deep" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"nested %d" % number)
    (tmp_path / "single.jpg").write_bytes(b"single")
    tab.goto(parts.address)
    zone = tab.locator(".uploader .zone")
    zone.wait_for()
    box = zone.bounding_box()
    place = {"x": box["x"] + 50, "y": box["y"] + 20}
    files = [str(tmp_path / "dropped"), str(tmp_path / "single.jpg")]
    mouse = tab.context.new_cdp_session(tab)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": files, "dragOperationsMask": 1}
        mouse.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
    tab.get_by_text(f"python: {num_nested + 1} of {num_nested + 1}, failed 0, complete True").wait_for()
    stored = sent_files(parts.home)
    assert stored["single.jpg"] == b"single"
    assert stored["dropped/deep/129.jpg"] == b"nested 129"


@pytest.fixture
def films(parts) -> Path:
    """Two images with heatmaps in the served home."""
    folder = parts.home / "films"
    folder.mkdir(exist_ok=True)
    share_hw = np.zeros((7, 7), np.float32)
    share_hw[3:5, 1:3] = 1
    for number in range(2):
        row_W = np.linspace(0, 255, 300).astype(np.uint8)
        Image.fromarray(np.tile(row_W, (400, 1))).save(folder / f"film{number}.jpg")
        (folder / f"film{number}.png").write_bytes(Heatmap(share_hw).png())
    return folder


def test_the_viewer_moves_at_once_and_keeps_its_place(parts, films: Path, tab, foreign_requests: list[str]) -> None:
    """Opacity, zoom, window, level and inversion act in the browser and stay over a rerun and a refresh."""
    tab.goto(parts.address)
    film, heatmap, stage = (tab.locator(f".viewer .{name}") for name in ("film", "heatmap", "stage"))
    film.wait_for()
    tab.wait_for_function("image => image.naturalWidth === 300", arg=film.element_handle())
    assert film.get_attribute("alt") == "Image film0.jpg"
    tab.get_by_label("AI heatmap").fill("80")
    assert heatmap.evaluate("image => image.style.opacity") == "0.8"

    stage.focus()
    tab.keyboard.press("h")
    assert heatmap.evaluate("image => image.style.opacity") == "0"
    tab.keyboard.press("]")
    assert heatmap.evaluate("image => image.style.opacity") == "0.85"
    tab.keyboard.press("i")
    assert film.evaluate("image => image.style.filter").endswith("invert(1)")
    stage.hover()
    tab.mouse.wheel(0, -600)
    tab.wait_for_function(
        "output => parseInt(output.textContent) > 200", arg=tab.locator(".zoom-value").element_handle()
    )
    place = tab.locator(".sheet").evaluate("sheet => sheet.style.transform")

    tab.get_by_text("Disabled").click()
    tab.wait_for_function("button => button.disabled", arg=tab.locator(".choose-folder").element_handle())
    assert tab.locator(".sheet").evaluate("sheet => sheet.style.transform") == place
    tab.reload()
    film.wait_for()
    tab.wait_for_function("image => image.naturalWidth === 300", arg=film.element_handle())
    assert parse(tab.locator(".sheet").evaluate("sheet => sheet.style.transform")) == pytest.approx(parse(place), abs=1)
    stage.focus()
    tab.keyboard.press("0")
    assert tab.locator(".zoom-value").inner_text() == "100 %"
    assert foreign_requests == []


def parse(transform: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", transform)]


def test_a_film_can_be_turned(parts, films: Path, tab) -> None:
    """A quarter turn lays an image of 300 by 400 on its side, all of it within the stage, and four set it upright."""
    tab.goto(parts.address)
    film, stage = (tab.locator(f".viewer .{name}") for name in ("film", "stage"))
    tab.wait_for_function("image => image.naturalWidth === 300", arg=film.element_handle())
    upright = film.bounding_box()
    stage.focus()
    tab.keyboard.press("r")
    laid, around = film.bounding_box(), stage.bounding_box()
    assert upright["width"] / upright["height"] == pytest.approx(3 / 4, abs=0.01)
    assert laid["width"] / laid["height"] == pytest.approx(4 / 3, abs=0.01)
    for place, side in (("x", "width"), ("y", "height")):
        assert around[place] - 1 <= laid[place]
        assert laid[place] + laid[side] <= around[place] + around[side] + 1
    for _ in range(3):
        tab.get_by_role("button", name="Rotate").click()
    again = film.bounding_box()
    assert (again["width"], again["height"]) == (upright["width"], upright["height"])


def test_window_and_level_are_exact(parts, films: Path, tab) -> None:
    """A window of 40 % at level 30 % shows 0.1 as black, 0.3 as middle grey and 0.5 as white, and so at level 70 %."""
    tab.goto(parts.address)
    film = tab.locator(".viewer .film")
    tab.wait_for_function("image => image.naturalWidth === 300", arg=film.element_handle())
    for level in (30, 70):
        tab.get_by_label("Window").fill("40")
        tab.get_by_label("Level").fill(str(level))
        greys = film.evaluate(
            """image => {
                const canvas = new OffscreenCanvas(300, 1);
                const context = canvas.getContext('2d');
                context.filter = image.style.filter;
                context.drawImage(image, 0, 0);
                return [...context.getImageData(0, 0, 300, 1).data].filter((_, place) => place % 4 === 0);
            }"""
        )
        before = np.linspace(0, 1, 300)
        expected = np.clip((before - (level / 100 - 0.2)) / 0.4, 0, 1)
        assert np.abs(np.array(greys) / 255 - expected).max() < 0.06
