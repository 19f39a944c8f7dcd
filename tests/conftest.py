"""What all tests share: where real images may be found, and a folder that every user can enter."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
# Before torch is imported, here and in every process that a test begins: threads that wait for one another on a machine
# that other tests keep busy make small networks a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any-machine", deadline=None)
# For `make test-long`; the same examples each time.
settings.register_profile("long", deadline=None, max_examples=1000, derandomize=True)
settings.load_profile("any-machine")


@pytest.fixture(scope="session", autouse=True)
def ready_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Desks of this process begin with a copy of the schema: making it takes longer than most tests."""
    # Here, after the line above: it imports what may import torch.
    from tests.ready_schema import ReadySchema

    schema = ReadySchema(tmp_path_factory.mktemp("schema"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.services.desk.opening.upgrade_to_head", schema)
        yield
    schema.drop()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real radiographs; tests that need it are skipped where there is none."""
    folder = Path(os.environ.get("PNEUMODESK_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "originals").is_dir():
        pytest.skip(f"there are no real radiographs at {folder}; set PNEUMODESK_TEST_DATA to the folder that has them")
    return folder


@pytest.fixture(autouse=True)
def usual_rights() -> None:
    """Let each test write files that others may read until it opens a desk, whatever was opened before it."""
    os.umask(0o022)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A place on disk that users without rights can enter; pytest's own is closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
