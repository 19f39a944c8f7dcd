"""Resident memory of triage, by the number of images in one batch (limit: 1.5 GB, and flat)."""

import subprocess
import sys
import tempfile
from pathlib import Path

from films import ROOT, data_folder, line

CHILD = """
import resource, sys
from pathlib import Path
from core.services.desk.opening import open_desk
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.settings import AppSettings
home, folder = map(Path, sys.argv[1:])
result = run_triage(open_desk(AppSettings(home=home)), TriageRequest(paths=(folder,)))
print(result.num_files, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        peaks = {}
        for count in (200, 1000, 5000):
            folder = Path(scratch) / str(count)
            folder.mkdir()
            for number in range(count):
                (folder / f"{number:05}.jpeg").symlink_to(films[number % len(films)])
            # The first run converts the graph, which needs torch: it is made before anything is measured.
            for _ in range(2 if not peaks else 1):
                command = [sys.executable, "-c", CHILD, str(home), str(folder)]
                printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
            read, peak = printed.split()
            assert int(read) == count
            peaks[count] = float(peak)
            line(f"peak resident memory, {count} images", peaks[count], "MiB")
        line("growth from 1,000 to 5,000 images", peaks[5000] / peaks[1000], "times", "flat is 1")


if __name__ == "__main__":
    main()
