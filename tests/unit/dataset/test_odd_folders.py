"""Folders as they really are: odd files, names, links and tables end in a finding or a sentence, never in a crash."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.dataset.file_batches import map_in_batches
from core.dataset.manifest import Cohort
from core.dataset.problems import FilmProblem
from core.dataset.store import load_or_index
from core.errors import CohortError
from tests.unit.dataset.small_cohorts import index_cohort, problems, write_film

ROOT = Path(__file__).resolve().parents[3]


def files(cohort: Cohort) -> list[str]:
    return cohort.manifest["file"].tolist()


def with_metadata(root: Path, text: str, names: tuple[str, ...] = ("a.png", "b.png"), **options: str) -> Path:
    for seed, name in enumerate(names):
        write_film(root / name, seed)
    (root / "metadata.csv").write_text(text, **options)
    return root


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None], ids=["empty", "file", "absent"])
def test_no_folder_of_films(tmp_path: Path, make: object) -> None:
    """An empty folder, a file and a path that is not there end in a sentence that names the path."""
    root = tmp_path / "films"
    make(root)
    with pytest.raises(CohortError, match=r"films (holds no pictures|is no folder)"):
        index_cohort(root)


def test_broken_and_foreign_files(tmp_path: Path) -> None:
    """Unreadable pictures have their reason, others continue; hidden files and other kinds are passed over."""
    folder = tmp_path / "NORMAL"
    whole = write_film(folder / "good.jpg", 1, side=64).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no picture")
    for name in (".hidden.png", "notes.txt", "thumbs.db"):
        (folder / name).write_bytes(b"x")
    write_film(tmp_path / "__MACOSX/NORMAL/a.png", 2)
    write_film(tmp_path / "loose.png", 3)
    cohort = index_cohort(tmp_path)
    assert problems(cohort) == {
        "NORMAL/cut.jpg": "truncated",
        "NORMAL/empty.png": "empty_file",
        "NORMAL/text.jpg": "not_a_picture",
        "loose.png": "no_label",
    }
    assert cohort.select()["file"].tolist() == ["NORMAL/good.jpg"]


def test_folders_in_any_case(tmp_path: Path) -> None:
    """Folders that differ only in the case of their letters are both read, with one label."""
    for seed, name in enumerate(["TRAIN/Normal/a.PNG", "train/NORMAL/a.png", "Train/pneumonia/b.Jpeg"]):
        write_film(tmp_path / name, seed)
    films = index_cohort(tmp_path).manifest
    assert films["label"].tolist() == ["normal", "pneumonia", "normal"]
    assert films["split"].tolist() == ["train"] * 3


def test_links(tmp_path: Path) -> None:
    """Loops are cut, a folder reached twice counts once by its own name, and dead links are findings."""
    write_film(tmp_path / "train/NORMAL/a.png", 1)
    (tmp_path / "train/loop").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(tmp_path / "train")
    (tmp_path / "train/NORMAL/copy.png").symlink_to(tmp_path / "train/NORMAL/a.png")
    (tmp_path / "train/NORMAL/dead.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "train/NORMAL/self.png").symlink_to(tmp_path / "train/NORMAL/self.png")
    cohort = index_cohort(tmp_path)
    assert files(cohort) == [f"train/NORMAL/{name}.png" for name in ("a", "copy", "dead", "self")]
    assert problems(cohort) == {"train/NORMAL/dead.png": "missing_file", "train/NORMAL/self.png": "no_regular_file"}
    other = write_film(tmp_path / "other/NORMAL/b.png", 2).parents[1]
    assert files(index_cohort(other)) == ["NORMAL/b.png"]
    (other / "more").symlink_to(tmp_path / "train")
    assert "more/NORMAL/a.png" in files(index_cohort(other))


def test_a_real_folder_goes_before_its_links(tmp_path: Path) -> None:
    """However many links lead to a folder, and wherever they lie, its images have the real folder's names."""
    write_film(tmp_path / "inner/train/NORMAL/a.png", 1)
    for name in ("alias", "link", "other", "way", "zoo"):
        (tmp_path / name).symlink_to(tmp_path / "inner/train/NORMAL")
    assert files(index_cohort(tmp_path)) == ["inner/train/NORMAL/a.png"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that is named like a picture is a finding; nobody waits for it to be written."""
    write_film(tmp_path / "NORMAL/a.png", 1)
    os.mkfifo(tmp_path / "NORMAL/pipe.png")
    assert problems(index_cohort(tmp_path)) == {"NORMAL/pipe.png": "no_regular_file"}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Names of undecodable bytes are findings that can be saved, hashed and written as JSON; others are read."""
    write_film(tmp_path / "cohort/NORMAL/Röntgen 肺.png", 1)
    plain = write_film(tmp_path / "a.png", 2).read_bytes()
    for name in (b"\xff.png", b"\\xff.png", b"dir\xfe/in.png"):
        path = tmp_path / "cohort/NORMAL" / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(plain)
    cohort = load_or_index(tmp_path / "cohort", tmp_path / "caches")
    assert problems(cohort) == {
        "NORMAL/\\xff.png'": "undecodable_name",
        "NORMAL/dir\\xfe/in.png": "undecodable_name",
    }
    assert set(cohort.select()["file"]) == {"NORMAL/Röntgen 肺.png", "NORMAL/\\xff.png"}
    json.dumps(files(cohort), ensure_ascii=False).encode()
    again = load_or_index(tmp_path / "cohort", tmp_path / "caches")
    assert files(again) == files(cohort) and again.fingerprint == cohort.fingerprint


def test_a_film_that_vanishes_while_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is gone when its turn comes is a finding; should it come back, the next visit reads it."""
    from core.dataset import manifest

    write_film(tmp_path / "cohort/NORMAL/a.png", 1)
    going = write_film(tmp_path / "cohort/NORMAL/b.png", 2)

    def vanishing(*arguments: object) -> object:
        going.rename(tmp_path / "b.png")
        return map_in_batches(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "map_in_batches", vanishing)
        cohort = load_or_index(tmp_path / "cohort", tmp_path / "caches")
    assert problems(cohort) == {"NORMAL/b.png": "vanished"}
    (tmp_path / "b.png").rename(going)
    assert problems(load_or_index(tmp_path / "cohort", tmp_path / "caches")) == {}


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that another user can reach, unlike tmp_path, whose parents are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user for a test")
def test_what_this_user_may_not_open(open_to_all: Path) -> None:
    """To a user without rights a closed file and a closed folder are findings, and the rest is read."""
    write_film(open_to_all / "NORMAL/closed.png", 1).chmod(0)
    write_film(open_to_all / "NORMAL/open.png", 2)
    write_film(open_to_all / "PNEUMONIA/inside.png", 3).parent.chmod(0)
    code = (
        "import os, sys; from pathlib import Path; from tests.unit.dataset.small_cohorts import index_cohort;"
        "os.setuid(65534); m = index_cohort(Path(sys.argv[1])).manifest; print(m[['file', 'problem']].values.tolist())"
    )
    command = [sys.executable, "-c", code, str(open_to_all)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    expected = [["NORMAL/closed.png", "no_permission"], ["NORMAL/open.png", None], ["PNEUMONIA", "folder_not_read"]]
    assert run.stdout.strip() == str(expected)


def test_a_file_not_opened_once_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that could not be opened at one visit is read at the next, though nothing in the listing has changed."""
    path = write_film(tmp_path / "cohort/NORMAL/a.png", 1)
    real_open = Path.open

    def refusing(self: Path, *arguments: object, **options: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return real_open(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refusing)
        assert problems(load_or_index(tmp_path / "cohort", tmp_path / "caches")) == {"NORMAL/a.png": "no_permission"}
    assert problems(load_or_index(tmp_path / "cohort", tmp_path / "caches")) == {}


def test_metadata_by_hand(tmp_path: Path) -> None:
    """Label, split and patient come from the table: quoted names, any case, a byte order mark, other columns."""
    text = (
        'File , LABEL,Patient_ID,split,scanner\n"with, comma.png",Normal,7,TRAIN,x\n'
        '"say ""ah"".png",PNEUMONIA, 7 ,val,\nsub\\deep.png,normal,NaN,,\n\n./dot.png,pneumonia\n'
    )
    names = ("with, comma.png", 'say "ah".png', "sub/deep.png", "dot.png")
    cohort = index_cohort(with_metadata(tmp_path, text, names, encoding="utf-8-sig"))
    assert problems(cohort) == {}
    films = cohort.manifest.set_index("file")
    assert films.loc[list(names), "label"].tolist() == ["normal", "pneumonia", "normal", "pneumonia"]
    assert films.loc[list(names), "split"].tolist() == ["train", "val", None, None]
    patients = films.loc[list(names), "patient"].tolist()
    assert patients[:2] == ["7", "7"] and patients[2:] == films.loc[list(names), "content_hash"].tolist()[2:]


def test_metadata_that_do_not_fit_the_files(tmp_path: Path) -> None:
    """Missing and extra rows, unknown labels and splits are findings of their images; the rest continues."""
    text = (
        "file,label,split\na.png,normal,train\nb.png,covid,train\nc.png,,\nd.png,normal,tset\ngone.png,normal,train\n"
    )
    names = ("a.png", "b.png", "c.png", "d.png", "extra.png")
    assert problems(index_cohort(with_metadata(tmp_path, text, names))) == {
        "b.png": "unknown_label",
        "c.png": "no_label",
        "d.png": "unknown_split",
        "extra.png": "not_in_metadata",
        "gone.png": "missing_file",
    }


def test_metadata_against_the_folders(tmp_path: Path) -> None:
    """An image whose class folder and row disagree is no image to learn from; a folder of another name says nothing."""
    text = "file,label\nNORMAL/a.png,pneumonia\nNORMAL/b.png,normal\nward/c.png,pneumonia\n"
    cohort = index_cohort(with_metadata(tmp_path, text, ("NORMAL/a.png", "NORMAL/b.png", "ward/c.png")))
    assert problems(cohort) == {"NORMAL/a.png": "label_conflict"}
    assert cohort.select()["file"].tolist() == ["NORMAL/b.png", "ward/c.png"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lacks the column file and label"),
        (b"file;label\na.png;normal\n", "lacks the column file and label"),
        (b"file,patient_id\na.png,1\n", "lacks the column label"),
        (b"file,label,File\na.png,normal,a.png\n", "has the column file more than once"),
        (b"file,label\na.png,normal\na.png,pneumonia\n", "line 3, names 'a.png' a second time"),
        (b"file,label\nwith, comma.png,normal\n", "line 2, has 3 cells"),
        (b"file,label\n,normal\n", "line 2, names no file"),
        (b'file,label\n"a.png,normal\n', "no CSV table"),
        (b"file,label\n\xff.png,normal\n", "no CSV table in UTF-8"),
    ],
)
def test_metadata_that_are_no_table(tmp_path: Path, content: bytes, sentence: str) -> None:
    """A table that cannot be understood ends in a sentence with its path and what is wrong."""
    write_film(tmp_path / "a.png", 1)
    (tmp_path / "metadata.csv").write_bytes(content)
    with pytest.raises(CohortError, match=f"metadata.csv.*{sentence}"):
        index_cohort(tmp_path)


def test_changed_metadata_reach_a_kept_cohort(tmp_path: Path) -> None:
    """With the pictures unchanged a new label, patient or row is reused, and a broken picture stays broken."""
    root, caches = tmp_path / "cohort", tmp_path / "caches"
    with_metadata(root, "file,label\na.png,normal\n", ("a.png", "b.png"))
    (root / "c.png").write_bytes(b"no picture")
    first = load_or_index(root, caches)
    assert problems(first) == {"b.png": "not_in_metadata", "c.png": "not_a_picture"}
    (root / "metadata.csv").write_text("file,label,patient_id\na.png,pneumonia,9\nb.png,normal,9\nc.png,normal,9\n")
    second = load_or_index(root, caches)
    assert problems(second) == {"c.png": "not_a_picture"}
    assert second.manifest["label"].tolist() == ["pneumonia", "normal", "normal"]
    assert second.manifest["patient"].tolist() == ["9"] * 3
    (root / "metadata.csv").write_text("file,label,patient_id\na.png,pneumonia,9\nb.png,normal,8\nc.png,normal,9\n")
    third = load_or_index(root, caches)
    assert third.manifest["patient"].tolist() == ["9", "8", "9"]
    (root / "metadata.csv").unlink()
    assert set(problems(load_or_index(root, caches)).values()) == {"no_label", "not_a_picture"}


def test_every_problem_has_its_sentence() -> None:
    """Each code has one sentence of its own that ends in what to do."""
    sentences = {problem.sentence for problem in FilmProblem}
    assert len(sentences) == len(FilmProblem) and all(":" in sentence for sentence in sentences)


def test_batches_keep_order_and_stop() -> None:
    """Results come in the order of the items, over several batches; a progress that raises ends the work."""
    steps: list[tuple[int, int]] = []
    assert list(map_in_batches(lambda n: n * n, range(600), 2, lambda *step: steps.append(step))) == [
        n * n for n in range(600)
    ]
    assert steps == [(256, 600), (512, 600), (600, 600)]
    done: list[int] = []

    def cancel(*step: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(map_in_batches(done.append, range(600), 2, cancel))
    assert len(done) == 256
