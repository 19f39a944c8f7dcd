"""Where benchmarks find real images, and how they print."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def data_folder() -> Path:
    folder = Path(os.environ.get("PNEUMODESK_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        print(f"skipped: there are no radiographs at {folder}; set PNEUMODESK_TEST_DATA")
        sys.exit(0)
    return folder


def line(name: str, value: float, unit: str, note: str = "") -> None:
    print(f"{name:<58}{value:>10.2f} {unit:<9}{note}", flush=True)
