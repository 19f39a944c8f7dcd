"""Mutated images: no crash, no hang, no flood of memory (limits: 0 crashes, 5 s, 500 MB for one file).

Hypothesis mutates DICOM, JPEG and PNG images in processes of their own, so that a fault in a decoder's native code is
counted and does not end the count. Memory is the peak of the process while it reads one file, over what it had before.
"""

import collections
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from films import ROOT, line

NUM_FILES = 10_000
FILES_A_PROCESS = 500
HANG_SECONDS = 5
MOST_CRASHES_FOLLOWED = 50


def bases() -> dict[str, bytes]:
    """Small images in every form: what is mutated matters more than how large it is."""
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    from core.radiograph.phantom import synthesise_phantom
    from tests.dicom_files import dataset_of, dicom_of, file_of
    from tests.hostile_files import encoded

    film_HW = synthesise_phantom(1, size=96)
    wide_HW = film_HW.astype("uint16") * 16
    made = {
        "dicom 8": dicom_of(film_HW),
        "dicom 12": dicom_of(wide_HW, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096),
        "dicom signed": dicom_of(wide_HW.astype("int16"), PixelPaddingValue=0, RescaleSlope=1, RescaleIntercept=-5),
        "jpeg": encoded(film_HW, "JPEG"),
        "jpeg progressive": encoded(film_HW, "JPEG", progressive=True),
        "png": encoded(film_HW),
        "png 16": encoded(wide_HW),
    }
    for name, uid in {"j2k": JPEG2000Lossless, "jls": JPEGLSLossless, "rle": RLELossless}.items():
        dataset = dataset_of(wide_HW, BitsStored=12, HighBit=11)
        try:
            dataset.compress(uid, generate_instance_uid=False)
        except RuntimeError:
            continue
        made[f"dicom {name}"] = file_of(dataset)
    made |= {f"dicom {name}": content for name, content in jpeg_dicoms(film_HW).items()}
    return made


def jpeg_dicoms(film_HW) -> dict[str, bytes]:
    from pydicom.encaps import encapsulate
    from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

    from tests.dicom_files import dataset_of, file_of
    from tests.hostile_files import encoded

    packed, deflated = dataset_of(film_HW), dataset_of(film_HW)
    packed.PixelData = encapsulate([encoded(film_HW, "JPEG")])
    packed["PixelData"].is_undefined_length = True
    packed.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return {"jpeg": file_of(packed), "deflated": file_of(deflated)}


def mutated(content: bytes, edits) -> bytes:
    """Apply edits (kind, place as a share of the file, bytes); places crowd at the beginning, where the headers are.

    The first letters, by which a format is told, are spared but for one edit in eight: behind them it goes deeper.
    """
    changed = bytearray(content)
    start = 132 if content[128:132] == b"DICM" else 8
    for kind, share, piece in edits:
        spared = start if (len(piece) + int(share * 1000)) % 8 else 0
        place = spared + int(share**2 * max(len(changed) - spared, 0))
        if kind == "replace":
            changed[place : place + len(piece)] = piece
        elif kind == "insert":
            changed[place:place] = piece
        elif kind == "delete":
            del changed[place : place + len(piece)]
        elif kind == "cut":
            del changed[max(int((1 - share**2) * len(changed)), 1) :]
        elif kind == "repeat":
            changed[place:place] = changed[place : place + 64] * 8
    return bytes(changed)


def child(number: int, count: int, folder: Path) -> None:
    import resource

    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    from core.errors import RadiographError
    from core.radiograph.reading import read_radiograph

    # Far above the limit: a request for more is a finding, and must not take the machine along.
    resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
    films = bases()
    extremes = st.sampled_from(
        [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff", b"\xff\x7f", b"\0\0", b"\xff\xff\xff\x7f"]
    )
    edit = st.tuples(
        st.sampled_from(["replace", "replace", "replace", "insert", "delete", "cut", "repeat"]),
        st.floats(0, 1),
        st.one_of(st.binary(min_size=1, max_size=6), extremes),
    )
    places = {"index": 0}
    warm(films, read_radiograph)

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(sorted(films)), st.lists(edit, min_size=1, max_size=6))
    def try_one(name: str, edits: list) -> None:
        content = mutated(films[name], edits)
        (folder / "last").write_bytes(content)
        Path("/proc/self/clear_refs").write_text("5")
        before, began = memory("VmRSS"), time.perf_counter()
        signal.alarm(HANG_SECONDS * 4)
        try:
            read_radiograph(content, shortest_side=560 if places["index"] % 2 else None)
            outcome = "read"
        except RadiographError as error:
            outcome = str(error.reason)
        except Exception as error:  # noqa: BLE001 whatever is not a typed refusal is what is counted here
            outcome = f"untyped {type(error).__name__}: {error}"[:200]
        signal.alarm(0)
        places["index"] += 1
        row = {
            "film": name,
            "outcome": outcome,
            "seconds": time.perf_counter() - began,
            "mb": (memory("VmHWM") - before) / 1024,
        }
        print(json.dumps(row), flush=True)

    try_one()


def warm(films: dict[str, bytes], read) -> None:
    """Load every decoder once, so that no file is charged with it."""
    for content in films.values():
        read(content)


def memory(name: str) -> int:
    """KiB."""
    for entry in Path("/proc/self/status").read_text().splitlines():
        if entry.startswith(name):
            return int(entry.split()[1])
    return 0


def main() -> None:
    rows, crashes, number = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        while len(rows) + len(crashes) < NUM_FILES and len(crashes) < MOST_CRASHES_FOLLOWED:
            wanted = min(FILES_A_PROCESS, NUM_FILES - len(rows) - len(crashes))
            command = [sys.executable, __file__, str(number), str(wanted), folder]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            rows += [json.loads(entry) for entry in done.stdout.splitlines() if entry.startswith("{")]
            if done.returncode:
                crashes.append((done.returncode, done.stderr.strip().splitlines()[-1:] or [""]))
            number += 1
    outcomes = collections.Counter(row["outcome"].split(":")[0] for row in rows)
    for outcome, count in outcomes.most_common():
        line(f"mutated files: {outcome}", count, "files")
    untyped = [row for row in rows if row["outcome"].startswith("untyped")]
    for row in untyped[:10]:
        print(row)
    for crash in crashes[:10]:
        print("crash", *crash)
    line("mutated files", len(rows) + len(crashes), "files", "must be 10,000")
    line("crashes", len(crashes), "", "must be 0")
    line("errors that are no typed refusal", len(untyped), "", "must be 0")
    slowest, largest = max(rows, key=lambda row: row["seconds"]), max(rows, key=lambda row: row["mb"])
    line(f"slowest file ({slowest['film']})", slowest["seconds"], "s", "must be under 5")
    line(f"most memory for one file ({largest['film']})", largest["mb"], "MB", "must be under 500")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        child(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
