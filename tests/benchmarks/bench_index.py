"""First and unchanged index of a dataset (limit: the unchanged one at most 5 % of the first), and the memory it takes.

Times are processor seconds of the process, which other work on the machine changes less than the clock's;
each dataset is indexed in a process of its own, after everything is imported.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from films import ROOT, line
from PIL import Image

NUM_SMALL_FILES = 5000
CHILD = """
import json, resource, sys, time
from pathlib import Path
from core.dataset.store import load_or_index

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

root, warm_up, caches = map(Path, sys.argv[1:])
for _ in range(2):
    load_or_index(warm_up, caches)
start, seconds, fingerprints = peak(), [], set()
for _ in range(4):
    before = time.process_time()
    cohort = load_or_index(root, caches)
    seconds.append(time.process_time() - before)
    fingerprints.add(cohort.fingerprint)
assert len(fingerprints) == 1
unchanged = sorted(seconds[1:])[1]
print(json.dumps([len(cohort.manifest), seconds[0], unchanged, start, peak()]))
"""


def write_films(root: Path, count: int, side: int) -> Path:
    rng = np.random.default_rng(0)
    for number in range(count):
        folder = root / "train" / ("NORMAL" if number % 2 else "PNEUMONIA")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8)).save(folder / f"{number:06}.jpeg")
    return root


def measure(name: str, root: Path, scratch: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(root), str(scratch / "warm-up"), str(scratch / "caches")]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    count, first, unchanged, start, peak = json.loads(printed)
    line(f"{name}, {count} files: first index", first, "s")
    line(f"{name}, {count} files: unchanged index", unchanged, "s", "median of three")
    line(f"{name}, {count} files: unchanged of first", 100 * unchanged / first, "%", "limit 5")
    line(f"{name}, {count} files: peak resident memory", peak, "MiB", f"{start:.0f} before")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_films(scratch / "warm-up", 8, 64)
        real = Path(os.environ.get("PNEUMODESK_TEST_DATA", ROOT.parent / "shared" / "data")) / "chest_xray"
        if real.is_dir():
            measure("standard dataset", real, scratch)
        else:
            print(f"no radiographs at {real}: only drawn files are measured; set PNEUMODESK_TEST_DATA")
        count = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_SMALL_FILES
        measure("drawn 64-pixel files", write_films(scratch / "small", count, 64), scratch)


if __name__ == "__main__":
    main()
