"""A model leaves as ONNX only if it says the same there."""

from pathlib import Path

import pytest

from core.errors import CheckpointError
from core.services import onnx_export
from core.services.desk import Desk, open_desk
from core.services.onnx_export import MOST_DIFFERENCE, export_onnx
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    add_run(desk, "first0")
    give_checkpoint(desk, "first0", 64, 0)
    return desk


def test_the_logits_stay_and_another_graph_is_refused(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph gives torch's logits within the tolerance; one that does not is not written."""
    made = export_onnx(desk, "run:first0", tmp_path / "model.onnx")
    assert 0 <= made.largest_difference <= MOST_DIFFERENCE
    assert (tmp_path / "model.onnx").stat().st_size > 1_000_000
    assert (tmp_path / "model.card.json").is_file()
    true_read = onnx_export._read

    def shifted(*arguments: object) -> tuple[object, str]:
        logits_B, runtime = true_read(*arguments)
        return logits_B + 0.01, runtime

    monkeypatch.setattr(onnx_export, "_read", shifted)
    with pytest.raises(CheckpointError, match="gives other logits"):
        export_onnx(desk, "run:first0", tmp_path / "other.onnx")
    assert not (tmp_path / "other.onnx").exists()
