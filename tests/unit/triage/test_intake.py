"""Every file is answered for once, under one name, and no archive is trusted."""

import os
import tracemalloc
import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputNotFoundError, RadiographError, UnreadableFileError
from core.radiograph.film_checks import check_film
from core.radiograph.reading import read_radiograph
from core.radiograph.rejection import RejectionReason as Reason
from core.reasons import ArchiveOverlaps, ArchiveTooFull
from core.triage import archives
from core.triage.intake import Candidate, IntakeProblem, gather
from tests.hostile_files import BOMB_BYTES, LONG_NAME, NESTED_NAME, write_hostile_files
from tests.other_user import as_nobody, needs_root

MEGABYTE = 10**6


def found(*paths: Path, file_limit: int = 50 * MEGABYTE, archive_limit: int = 500 * MEGABYTE) -> dict:
    items = list(gather(paths, max_file_bytes=file_limit, max_archive_bytes=archive_limit))
    by_name = {item.name: item for item in items}
    assert len(by_name) == len(items)
    return by_name


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def reason_of(candidate: Candidate, limit: int = 50 * MEGABYTE) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        candidate.read_bytes(limit)
    return caught.value.reason


def test_every_hostile_file_gets_its_expected_answer(tmp_path: Path) -> None:
    """All files that a real folder holds beside images: same rows, same status, same reason as expected."""
    expected = {file.name: (file.status, file.reason) for file in write_hostile_files(tmp_path)}
    assert {NESTED_NAME, LONG_NAME} <= expected.keys()

    def outcome(item: Candidate | IntakeProblem) -> tuple[str, str | None]:
        if isinstance(item, IntakeProblem):
            return "failed", item.reason
        try:
            check_film(read_radiograph(item.read_bytes(50 * MEGABYTE), shortest_side=448))
        except RadiographError as error:
            return "failed" if isinstance(error, UnreadableFileError) else "rejected", error.reason
        return "read", None

    assert {name: outcome(item) for name, item in found(tmp_path).items()} == expected
    assert not list(tmp_path.parent.glob("escaped*")) and not list(tmp_path.parent.parent.glob("escaped*"))


def test_the_readable_hostile_files_hold_one_film(tmp_path: Path) -> None:
    """Nested, oddly named, doubled, 16-bit, opaque and animated: all give the same array; print colours nearly so."""
    film_HW = np.add.outer(np.arange(100), np.arange(120)).astype(np.uint8)
    rows = [row for row in write_hostile_files(tmp_path, film_HW) if row.status == "read"]
    items = found(tmp_path)
    assert len(rows) >= 9
    for row in rows:
        pixels_HW = read_radiograph(items[row.name].read_bytes(MEGABYTE)).pixels_HW
        tolerance = 8 / 255 if row.name in {"cmyk.jpg", "no_ending"} else 1e-7
        np.testing.assert_allclose(pixels_HW, film_HW / 255, atol=tolerance, err_msg=row.name)


def test_files_are_found_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    """All files in all folders, whatever their ending, sorted; nothing whose name or folder starts with a dot."""
    write(
        tmp_path, "b.png", "a/c.txt", "a/b/d", ".hidden.png", ".git/x.png", "__MACOSX/._b.png", "a/.DS_Store", "z.jpg"
    )
    assert list(found(tmp_path)) == ["a/b/d", "a/c.txt", "b.png", "z.jpg"]
    assert found(tmp_path)["a/b/d"].read_bytes(100) == b"a/b/d"


def test_a_path_named_by_the_user_is_taken_even_if_hidden(tmp_path: Path) -> None:
    """Who names a hidden file or folder wants it."""
    write(tmp_path, ".films/a.png")
    assert list(found(tmp_path / ".films")) == ["a.png"]
    assert list(found(tmp_path / ".films" / "a.png")) == ["a.png"]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    """No file, no row, no error."""
    assert found(tmp_path) == {}


def test_a_missing_path_is_said_before_anything_is_read(tmp_path: Path) -> None:
    """One wrong path among right ones stops the batch at once, with its name."""
    write(tmp_path, "a.png")
    with pytest.raises(InputNotFoundError, match="nowhere"):
        gather([tmp_path, tmp_path / "nowhere"], max_file_bytes=1, max_archive_bytes=1)


def test_names_stay_unique_when_paths_share_them(tmp_path: Path) -> None:
    """The second path's file of the same name gets that path's name before it; others keep theirs."""
    write(tmp_path, "monday/a.png", "monday/b.png", "tuesday/a.png", "tuesday/c.png", "other/tuesday/a.png")
    items = found(tmp_path / "monday", tmp_path / "tuesday", tmp_path / "other" / "tuesday")
    assert items["tuesday/a.png"].path == tmp_path / "tuesday" / "a.png"
    assert set(items) == {"a.png", "b.png", "tuesday/a.png", "c.png", "tuesday/a (2).png"}
    files = found(tmp_path / "monday" / "a.png", tmp_path / "tuesday" / "a.png")
    assert set(files) == {"a.png", "tuesday/a.png"}


def test_the_same_path_twice_gives_every_file_twice(tmp_path: Path) -> None:
    """Nothing asked for goes unanswered, also if it was asked for before."""
    write(tmp_path, "films/a.png")
    assert set(found(tmp_path / "films", tmp_path / "films")) == {"a.png", "films/a.png"}


@settings(max_examples=40, deadline=None)
@given(st.sets(st.text("ab.é ", min_size=1, max_size=6).filter(lambda name: name.strip(".") != ""), max_size=12))
def test_any_set_of_names_is_found_whole(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    """Whatever files are called, those that do not start with a dot are found, each once."""
    folder = tmp_path_factory.mktemp("names")
    write(folder, *names)
    assert set(found(folder)) == {name for name in names if not name.startswith(".")}


def test_names_that_are_no_text_are_still_listed(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 become replacement signs; two such names stay two, and both can be read."""
    for name in (b"film\xff.png", b"film\xfe.png"):
        try:
            (tmp_path / os.fsdecode(name)).write_bytes(name)
        except (OSError, UnicodeError):
            pytest.skip("this file system takes no such names")
    items = found(tmp_path)
    assert len(items) == 2
    assert {name.encode() and item.read_bytes(99) for name, item in items.items()} == {b"film\xff.png", b"film\xfe.png"}


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    """A link to a file or folder counts; a link back up, to itself or to nowhere does no harm."""
    write(tmp_path, "elsewhere/x.png", "films/real/a.png")
    films = tmp_path / "films"
    (films / "linked.png").symlink_to(tmp_path / "elsewhere" / "x.png")
    (films / "away").symlink_to(tmp_path / "elsewhere")
    (films / "real" / "up").symlink_to(films)
    (films / "again").symlink_to(films / "real")
    (films / "broken.png").symlink_to(tmp_path / "gone.png")
    (films / "itself").symlink_to(films / "itself")
    items = found(films)
    assert {"linked.png", "away/x.png", "real/a.png"} == {n for n, i in items.items() if isinstance(i, Candidate)}
    problems = {name: item.reason for name, item in items.items() if isinstance(item, IntakeProblem)}
    assert problems == {"broken.png": Reason.READ_ERROR, "itself": Reason.READ_ERROR}


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    """A named pipe, which would wait for ever, is a row with a reason."""
    os.mkfifo(tmp_path / "pipe.png")
    assert found(tmp_path)["pipe.png"].reason == Reason.READ_ERROR


def test_a_file_above_the_limit_is_not_loaded(tmp_path: Path) -> None:
    """The limit holds for files and members, to the byte."""
    (tmp_path / "film.png").write_bytes(bytes(1001))
    zipped(tmp_path / "films.zip", {"film.png": bytes(1001)}, zipfile.ZIP_STORED)
    items = found(tmp_path)
    for name in ("film.png", "films.zip/film.png"):
        assert len(items[name].read_bytes(1001)) == 1001
        assert reason_of(items[name], limit=1000) == Reason.FILE_TOO_LARGE
    assert found(tmp_path, file_limit=1000)["films.zip/film.png"].reason == Reason.FILE_TOO_LARGE


def test_a_file_that_vanishes_is_a_reason(tmp_path: Path) -> None:
    """Between finding and reading a file may go."""
    write(tmp_path, "a.png")
    zipped(tmp_path / "b.zip", {"c.png": b"c"})
    items = found(tmp_path)
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.zip").unlink()
    assert reason_of(items["a.png"]) == reason_of(items["b.zip/c.png"]) == Reason.READ_ERROR


@needs_root
def test_what_may_not_be_opened_is_a_reason(open_folder: Path) -> None:
    """A file, an archive and a folder closed to the user are one row each; the open file beside them is read."""
    write(open_folder, "closed/film.png", "closed.png", "open.png")
    zipped(open_folder / "closed.zip", {"a.png": b"a"})
    for name in ("closed", "closed.png", "closed.zip"):
        (open_folder / name).chmod(0o700)

    def outcome(item: Candidate | IntakeProblem) -> str:
        try:
            return str(len(item.read_bytes(99))) if isinstance(item, Candidate) else str(item.reason)
        except UnreadableFileError as error:
            return str(error.reason)

    def outcomes() -> str:
        return " ".join(f"{name}={outcome(item)}" for name, item in found(open_folder).items())

    refused = str(Reason.NO_PERMISSION)
    assert as_nobody(outcomes) == f"closed={refused} closed.png={refused} closed.zip={refused} open.png=8"
    assert outcomes() == "closed/film.png=15 closed.png=10 closed.zip/a.png=1 open.png=8"


def test_zips_are_opened_wherever_they_lie(tmp_path: Path) -> None:
    """Members are named after their archive, in folders as in the path itself, in any case of the ending."""
    (tmp_path / "deep").mkdir()
    zipped(tmp_path / "deep" / "Films.ZIP", {"b/ü.png": b"1", "a.png": b"2", ".x": b"3", "__MACOSX/a.png": b"4"})
    assert list(found(tmp_path)) == ["deep/Films.ZIP/a.png", "deep/Films.ZIP/b/ü.png"]
    direct = found(tmp_path / "deep" / "Films.ZIP")
    assert direct["Films.ZIP/b/ü.png"].read_bytes(10) == b"1"
    assert direct["Films.ZIP/b/ü.png"].member == "b/ü.png"


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/passwd", "C:/windows.png", "..\\up.png"])
def test_a_member_that_leads_outside_is_a_problem_and_others_go_on(tmp_path: Path, name: str) -> None:
    """Names with `..`, absolute ones and drive letters are never opened."""
    zipped(tmp_path / "films.zip", {name: b"bad", "good.png": b"good"})
    items = found(tmp_path)
    assert items.pop("films.zip/good.png").read_bytes(10) == b"good"
    (problem,) = items.values()
    assert isinstance(problem, IntakeProblem) and problem.reason == Reason.ARCHIVE_UNSAFE


def test_bombs_are_refused_by_what_the_directory_says(tmp_path: Path) -> None:
    """A member that swells a thousandfold, and an archive that holds more than the limit, are not unpacked."""
    zipped(tmp_path / "bomb.zip", {"bomb.png": bytes(BOMB_BYTES), "film.png": b"film"})
    items = found(tmp_path)
    assert items["bomb.zip/bomb.png"].reason == Reason.ARCHIVE_UNSAFE
    assert items["bomb.zip/film.png"].read_bytes(10) == b"film"
    whole = found(tmp_path, archive_limit=MEGABYTE)
    assert whole["bomb.zip"].reason == Reason.ARCHIVE_UNSAFE and len(whole) == 1


def test_members_over_one_another_and_endless_directories_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names for the same packed bytes, and more names than are read, are one row each and nothing is unpacked."""
    overlapping(tmp_path / "twice.zip")
    assert found(tmp_path)["twice.zip"].why == ArchiveOverlaps()
    (tmp_path / "twice.zip").unlink()
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    zipped(tmp_path / "many.zip", {f"{number}.png": b"film" for number in range(3)})
    items = found(tmp_path)
    assert items["many.zip"].why == ArchiveTooFull(2) and items["many.zip"].reason == Reason.ARCHIVE_UNSAFE


def overlapping(path: Path) -> Path:
    """Write a zip whose directory names one member's bytes twice."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"film" * 100)
        again = copy(archive.filelist[0])
        again.filename = "b.png"
        archive.filelist.append(again)
    return path


def test_a_member_that_lies_about_its_size_is_not_unpacked_further(tmp_path: Path) -> None:
    """A directory that says 1,000 bytes for 40 MB of zeros gets no more than it said, and then a refusal."""
    path = zipped(tmp_path / "liar.zip", {"film.png": bytes(BOMB_BYTES)})
    content = path.read_bytes().replace(BOMB_BYTES.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(content)
    member = found(path)["liar.zip/film.png"]
    tracemalloc.start()
    try:
        assert reason_of(member) == Reason.READ_ERROR
        assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    finally:
        tracemalloc.stop()


def test_locked_nested_and_damaged_members_are_problems(tmp_path: Path) -> None:
    """Passwords, zips in zips and members that do not match their checksum each have a row and a reason."""
    inner = zipped(tmp_path / "inner.zip", {"a.png": b"a"}).read_bytes()
    (tmp_path / "inner.zip").unlink()
    path = zipped(tmp_path / "all.zip", {"inner.zip": inner, "locked.png": b"x", "wrong.png": b"ABCDEF"}, 0)
    content = bytearray(path.read_bytes().replace(b"ABCDEF", b"ABCDEX"))
    entry = content.index(b"PK\x01\x02", content.rindex(b"inner.zip", 0, content.rindex(b"locked.png")))
    content[entry + 8] |= 1
    path.write_bytes(content)
    items = found(path)
    assert items["all.zip/inner.zip"].reason == items["all.zip/locked.png"].reason == Reason.ARCHIVE_UNREADABLE
    assert reason_of(items["all.zip/wrong.png"]) == Reason.READ_ERROR


def test_archives_that_cannot_be_opened_are_one_row(tmp_path: Path) -> None:
    """A cut, an empty and an encrypted-looking archive are rows of their own; a text named .zip is a file."""
    whole = zipped(tmp_path / "cut.zip", {"a.png": bytes(1000)}, zipfile.ZIP_STORED)
    whole.write_bytes(whole.read_bytes()[:600])
    zipped(tmp_path / "nothing.zip", {})
    write(tmp_path, "letter.zip")
    items = found(tmp_path)
    assert items["cut.zip"].reason == items["nothing.zip"].reason == Reason.ARCHIVE_UNREADABLE
    assert isinstance(items["letter.zip"], Candidate)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_damage_to_an_archive_crashes_the_intake(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes of a zip are changed, each row is a problem, or a candidate that reads or says why not."""
    folder = tmp_path_factory.mktemp("damaged")
    path = zipped(folder / "films.zip", {"a.png": b"a" * 50, "sub/b.png": bytes(range(200))})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    items = found(folder)
    assert items or content[:2] != b"PK"
    for item in items.values():
        if isinstance(item, Candidate):
            try:
                assert len(item.read_bytes(MEGABYTE)) <= MEGABYTE
            except UnreadableFileError as error:
                assert error.reason in set(Reason)


def test_the_listing_is_made_as_it_is_read(tmp_path: Path) -> None:
    """The first files of a large folder can be read before the rest of the tree is walked."""
    write(tmp_path, *(f"{folder:02d}/{file:02d}.png" for folder in range(20) for file in range(20)))
    listing = gather([tmp_path], max_file_bytes=100, max_archive_bytes=100)
    assert next(listing).name == "00/00.png"
    write(tmp_path, "19/late.png")
    assert [item.name for item in listing][-1] == "19/late.png"
