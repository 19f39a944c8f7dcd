"""The Dataset page's costs: a first and an unchanged examination of the real images, growth from 5,000 to 50,000 drawn
ones, their memory, and one rerun of the page.

An examination is what the page starts: index (hashes, sizes, decoding), features with near-duplicate signatures, and
audit. Each is made in a process of its own on an empty desk, after everything is imported; seconds are the clock's,
and processor seconds, which other work on the machine changes less, are beside them. Synthetic images are cheap to
make: two hundred phantoms of 64 pixels, laid under random blots that each file has of its own, so that every file has
its own hash and a signature far from all others.

`bench_dataset.py real` and `bench_dataset.py drawn [SMALL LARGE]` measure one half.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from films import ROOT, data_folder, line
from PIL import Image

from core.radiograph.phantom import synthesise_phantom

SIDE = 64
CELLS = 8
NUM_PHANTOMS = 200
SMALL, LARGE = 5_000, 50_000
MOST_SECONDS, MOST_PERCENT, MOST_MIB, MOST_PAGE_MS = 60, 5, 1024, 300
EXAMINE = """
import json, resource, sys, time
from pathlib import Path
from core.services.datasets.dataset import examine
from core.services.desk.opening import open_desk

desk, warm_up, root = open_desk(), Path(sys.argv[1]), Path(sys.argv[2])
examine(desk, warm_up)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
walls, cpus = [], []
for _ in range(3):
    wall, cpu = time.perf_counter(), time.process_time()
    dataset = examine(desk, root)
    walls.append(time.perf_counter() - wall)
    cpus.append(time.process_time() - cpu)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([len(dataset.manifest), walls[0], cpus[0], min(walls[1:]), min(cpus[1:]), start, peak,
                  {finding.code: finding.num_files for finding in dataset.audit.findings}]))
"""
PAGE = """
import json, statistics, sys, time
from pathlib import Path
from streamlit.testing.v1 import AppTest
from core.services import cohorts
from core.services.desk.opening import open_desk
from core.services.datasets.dataset import examine
from db import models as tables

desk, root = open_desk(), Path(sys.argv[1])
dataset = examine(desk, root)
with desk.transaction() as session:
    session.add(tables.Examination(
        id="bench", root=str(root), origin="folder", state="completed", cohort_fingerprint=dataset.fingerprint))
test = AppTest.from_file("core/ui/desk.py", default_timeout=120).run()
test.query_params["dataset"] = "bench"
test.switch_page("../../pages/dataset.py")
test.run()
took = {}
for part in ("Audit issues", "Counts", "Images", "Sizes and greys", "Splits", "Download"):
    test.segmented_control("dataset.part").set_value(part).run()
    assert not test.exception, test.exception
    reruns = []
    for _ in range(5):
        before = time.perf_counter()
        test.run()
        reruns.append(1000 * (time.perf_counter() - before))
    took[part] = statistics.median(reruns)


def changed(change):
    before = time.perf_counter()
    change.run()
    assert not test.exception, test.exception
    return 1000 * (time.perf_counter() - before)


test.segmented_control("dataset.part").set_value("Films").run()
took["other films drawn"] = statistics.median(changed(test.button("dataset.resample").click()) for _ in range(5))
test.segmented_control("dataset.part").set_value("Splits").run()
took["another seed of a split"] = statistics.median(
    changed(test.number_input("dataset.split.seed").set_value(seed)) for seed in range(1, 6)
)
print(json.dumps(took))
"""


def write_drawn(root: Path, count: int, seed: int = 0) -> Path:
    """Write phantoms under blots of their own, so that no two signatures are alike."""
    rng = np.random.default_rng(seed)
    phantoms = [synthesise_phantom(number, SIDE).astype(np.float32) for number in range(NUM_PHANTOMS)]
    for label in ("NORMAL", "PNEUMONIA"):
        (root / "train" / label).mkdir(parents=True)
    for number in range(count):
        cells_CC = rng.integers(0, 256, (CELLS, CELLS), dtype=np.uint8)
        blots_HW = cells_CC.repeat(SIDE // CELLS, axis=0).repeat(SIDE // CELLS, axis=1)
        film_HW = (0.4 * phantoms[number % NUM_PHANTOMS] + 0.6 * blots_HW).astype(np.uint8)
        is_ill = number % 2 == 1
        name = f"person{number}_virus_{number}.jpeg" if is_ill else f"IM-{number:05}-0001.jpeg"
        Image.fromarray(film_HW).save(root / "train" / ("PNEUMONIA" if is_ill else "NORMAL") / name, quality=90)
    return root


def run(code: str, home: Path, *arguments: Path) -> object:
    printed = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PNEUMODESK_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if printed.returncode:
        sys.exit(printed.stderr)
    return json.loads(printed.stdout.splitlines()[-1])


@dataclass(frozen=True)
class Cost:
    """What an examination took: files, seconds of the clock and of the processor."""

    num_files: int
    seconds: float
    cpu_seconds: float


def examined(name: str, root: Path, scratch: Path, home: Path) -> Cost:
    count, first, cpu, again, cpu_again, start, peak, findings = run(EXAMINE, home, scratch / "warm-up", root)
    name = f"{name}, {count} files"
    line(f"{name}: first examination", first, "s", f"{cpu:.1f} s of processor")
    line(f"{name}: unchanged one", again, "s", f"{cpu_again:.2f} s of processor")
    line(f"{name}: unchanged of first", 100 * cpu_again / cpu, "%", f"limit {MOST_PERCENT}; of processor seconds")
    line(f"{name}: peak memory", peak, "MiB", f"limit {MOST_MIB}; {start:.0f} before; ratio {peak / MOST_MIB:.2f}")
    print(f"  findings: {findings}", flush=True)
    return Cost(count, first, cpu)


def page(name: str, root: Path, home: Path) -> None:
    for part, milliseconds in run(PAGE, home, root).items():
        ratio = milliseconds / MOST_PAGE_MS
        line(f"{name}: rerun of the page, {part}", milliseconds, "ms", f"limit {MOST_PAGE_MS}; ratio {ratio:.2f}")


def measure_real(scratch: Path) -> None:
    root, home = data_folder() / "chest_xray", scratch / "home-real"
    cost = examined("real images", root, scratch, home)
    line("real images: first examination of the limit", cost.seconds / MOST_SECONDS, "x", f"limit {MOST_SECONDS} s")
    page("real images", root, home)


def measure_drawn(scratch: Path, small: int, large: int) -> None:
    costs = []
    for count in (small, large):
        root, home = write_drawn(scratch / f"drawn-{count}", count), scratch / f"home-{count}"
        costs.append(examined("synthetic images", root, scratch, home))
    few, many = (cost.cpu_seconds / cost.num_files for cost in costs)
    line(f"cost of a file among {large} by one among {small}", many / few, "x", "1 is linear; of processor seconds")
    page(f"synthetic images, {large}", root, home)


def main() -> None:
    what, *counts = sys.argv[1:] or ["all"]
    small, large = map(int, counts or (SMALL, LARGE))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_drawn(scratch / "warm-up", 80, seed=9)
        if what in ("all", "real"):
            measure_real(scratch)
        if what in ("all", "drawn"):
            measure_drawn(scratch, small, large)


if __name__ == "__main__":
    main()
