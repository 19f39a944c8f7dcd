"""A name planted wherever a file can hold one is nowhere in the desk's home, by whatever road the file came."""

import gzip
import io
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, PngImagePlugin

from core.radiograph.phantom import synthesise_phantom
from core.services.datasets.import_jobs import ExaminationRequest, Origin, get_examination, start_examination
from core.services.desk import Desk, open_desk
from core.services.films.uploads import (
    IncomingFile,
    SentFile,
    close_upload,
    keep_small_files,
    new_upload_id,
    upload_folder,
)
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.services.worklist.batch_list import ranked_readings
from core.settings import get_settings
from tests.app.api_server import ServedApi
from tests.dicom_files import dataset_of, dicom_of, file_of
from tests.patience import PATIENCE_SECONDS

NAME = "Zwölfender"
NUMBER = "PID-4711-0815"
WORD = "JANEDOE"
PLANTED = [
    text.encode(encoding)
    for text in (NAME, NUMBER, WORD)
    for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
]
ALL = b"\0".join(PLANTED)
FILM = synthesise_phantom(11, size=256)


def dicoms() -> dict[str, bytes]:
    tail = dataset_of(FILM)
    tail["PixelData"].value += ALL + b"\0" * (len(ALL) % 2)
    attributes = {
        "PatientName": NAME,
        "PatientID": NUMBER,
        "InstitutionName": NAME,
        "SpecificCharacterSet": "ISO_IR 192",
    }
    return {
        "named.dcm": dicom_of(FILM, **attributes),
        "view.dcm": dicom_of(FILM, ViewPosition=f"AP {WORD}", BodyPartExamined=f"CHEST {WORD}"),
        "other view.dcm": dicom_of(FILM, ViewPosition=WORD, BodyPartExamined=WORD),
        "modality.dcm": dicom_of(FILM, Modality=WORD),
        "tail.dcm": file_of(tail),
        "cut.dcm": dicom_of(FILM, **attributes)[:-900],
        "packed.dcm.gz": gzip.compress(dicom_of(FILM, **attributes), compresslevel=0),
    }


def pictures() -> dict[str, bytes]:
    image = Image.fromarray(FILM)

    def saved(file_format: str, **options: object) -> bytes:
        stream = io.BytesIO()
        image.save(stream, file_format, **options)
        return stream.getvalue()

    text = PngImagePlugin.PngInfo()
    text.add_text("Name", NAME)
    text.add_text("Number", NUMBER)
    comment = b"\xff\xff\xff\xfe" + struct.pack(">H", len(ALL) + 2) + ALL
    usual, progressive = saved("JPEG", quality=92), saved("JPEG", progressive=True)
    last_scan = progressive.rindex(b"\xff\xda")
    mpo = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = NUMBER
    image.save(mpo, "MPO", save_all=True, append_images=[Image.fromarray(255 - FILM)], exif=exif)
    return {
        "fill.jpg": usual[:20] + comment + usual[20:],
        "jfif.jpg": usual[:4] + struct.pack(">H", 16 + len(ALL)) + usual[6:20] + ALL + usual[20:],
        "trailer.jpg": usual + ALL + b"\xff\xd9",
        "before end.jpg": usual[:-2] + NUMBER.encode() + b"\xff\xd9",
        "scans.jpg": progressive[:last_scan] + comment[2:] + progressive[last_scan:],
        "phone.mpo": mpo.getvalue() + ALL,
        "text.png": saved("PNG", pnginfo=text) + ALL,
        "large.tif": saved("TIFF", big_tiff=True, tiffinfo={270: f"{NUMBER} {WORD}"}),
        "broken.tif": b"II*\0\x08\0\0\0" + ALL,
        "cut.jpg": usual[:20] + comment + usual[20:-3000],
    }


def others() -> dict[str, bytes]:
    films = {**dicoms(), **pictures()}
    inner = zipped(films)
    return {
        "letter.txt": ALL,
        "report.pdf": b"%PDF-1.7\n" + ALL,
        "order.hl7": b"MSH|^~\\&|RIS\rPID|1||" + ALL,
        "films.zip": zipped({**films, "letter.txt": ALL, "inner.zip": inner}),
        "split.zip": b"PK\x07\x08" + inner,
        "self-extractor.zip": b"MZ" + ALL + inner,
        "cut.zip": inner[:-300],
    }


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.comment = ALL[:60_000]
    return stream.getvalue()


FILES = {**dicoms(), **pictures(), **others()}


def planted_in(home: Path) -> list[tuple[str, bytes]]:
    """Return each file below a folder that holds something planted, in its bytes or its name."""
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        content = path.read_bytes() + str(path.relative_to(home)).encode()
        found += [(str(path.relative_to(home)), planted) for planted in PLANTED if planted in content]
    return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PNEUMODESK_FILM_ROOTS", str(tmp_path))
    get_settings.cache_clear()
    yield open_desk()
    get_settings.cache_clear()


def uploaded(desk: Desk) -> Path:
    """Send every file by itself, and all that fits in a pack once more, and return the folder."""
    upload_id = new_upload_id()
    for name, content in FILES.items():
        incoming = IncomingFile(desk, upload_id, name)
        incoming.write(content)
        incoming.finish()
    packed = [SentFile(f"packed/{name}", len(content)) for name, content in FILES.items()]
    assert keep_small_files(desk, upload_id, packed, list(FILES.values())) == list(range(len(FILES)))
    close_upload(desk, upload_id)
    return upload_folder(desk, upload_id)


def test_the_files_hold_what_is_looked_for() -> None:
    """Each file, or one within it, has something planted in it, so that the searches below mean something."""
    unplanted = [name for name, content in FILES.items() if not any(planted in content for planted in PLANTED)]
    assert not unplanted


def test_nothing_planted_is_left_of_an_upload_and_its_batch(desk: Desk) -> None:
    """Every file has its row, with the reason why it was not kept if it was not; no byte of a name is left."""
    folder = uploaded(desk)
    assert not planted_in(desk.settings.home)
    result = run_triage(desk, TriageRequest(paths=(folder,)))
    rows = {row["file"]: row for row in ranked_readings(desk, result.batch_id)}
    assert {name.partition(".zip/")[0].removesuffix(".zip") for name in rows} == {
        prefix + name.removesuffix(".zip") for name in FILES for prefix in ("", "packed/")
    }
    for name in (
        "letter.txt",
        "report.pdf",
        "order.hl7",
        "packed.dcm.gz",
        "broken.tif",
        "cut.zip",
        "films.zip/letter.txt",
    ):
        assert "not kept" in rows[name]["reason"], rows[name]
    assert "modality is OT" in rows["modality.dcm"]["reason"]
    assert not planted_in(desk.settings.home)


def test_nothing_planted_comes_from_a_folder_of_the_machine(desk: Desk, tmp_path: Path) -> None:
    """Files that are read where they lie leave nothing of a name in database, caches and logs."""
    folder = tmp_path / "ward"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    run_triage(desk, TriageRequest(paths=(folder,)))
    assert not planted_in(desk.settings.home)


def test_nothing_planted_is_left_of_what_a_program_sends(api: ServedApi) -> None:
    """A batch and single images over HTTP leave nothing of a name, in answers, in the home and in the server's log."""
    sent = [("files", (name, content)) for name, content in FILES.items()]
    answer = httpx.post(f"{api.address}/v1/batches", files=sent, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (batch := httpx.get(f"{api.address}/v1/batches/{answer.json()['id']}").json())["finished_at"]:
        assert time.monotonic() < deadline, batch
        time.sleep(0.2)
    assert batch["state"] == "completed" and batch["num_done"] > len(FILES)
    answers = [httpx.get(f"{api.address}/v1/batches/{batch['id']}/readings", params={"limit": 200}).content]
    answers += [
        httpx.post(f"{api.address}/predict", files={"file": file}, timeout=PATIENCE_SECONDS).content for _, file in sent
    ]
    assert not [answer for answer in answers if any(planted in answer for planted in PLANTED)]
    assert not planted_in(api.home)


def test_nothing_planted_is_left_of_an_imported_dataset(desk: Desk) -> None:
    """A dataset that was sent with a table of patients keeps images, known words and pseudonyms."""
    upload_id = new_upload_id()
    films = {f"set/{name}": content for name, content in {**dicoms(), **pictures()}.items()}
    rows = [
        f"{name.removeprefix('set/')},{'normal' if number % 2 else 'pneumonia'},{NUMBER},{NAME}"
        for number, name in enumerate(films)
    ]
    table = "\n".join(["file,label,patient_id,name", *rows])
    for name, content in {**films, "set/metadata.csv": table.encode(), "set/letter.txt": ALL}.items():
        incoming = IncomingFile(desk, upload_id, name)
        incoming.write(content)
        incoming.finish()
    close_upload(desk, upload_id)
    examination_id = start_examination(
        desk, ExaminationRequest(origin=Origin.UPLOAD, path=upload_folder(desk, upload_id))
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := get_examination(desk, examination_id)).state not in {"completed", "failed", "lost"}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert status.state == "completed", status
    assert not planted_in(desk.settings.home)
