"""A model leaves as ONNX only if it says the same there."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from core.errors import CheckpointError
from core.evaluation.ensembling import Voting
from core.services.desk import Desk, open_desk
from core.services.experiments.ensembles import EnsembleRequest, create_ensemble
from core.services.models.lookup import find_model
from core.services.registry import onnx_export
from core.services.registry.onnx_export import MOST_DIFFERENCE, export_onnx
from core.settings import AppSettings
from core.triage.engine import TorchEngine
from core.triage.inference import EngineOutput
from core.triage.voting import combine_outputs
from tests.made_runs import add_run, give_checkpoint, made_films


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    films = made_films(60)
    for run_id, size, seed in (("first0", 64, 0), ("second", 64, 1), ("small0", 32, 2)):
        add_run(desk, run_id, seed=seed, films=films, splits=("validation", "calibration"))
        give_checkpoint(desk, run_id, size, seed)
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


@pytest.mark.parametrize("voting", list(Voting))
def test_an_ensemble_is_one_graph_that_says_what_its_members_vote(desk: Desk, tmp_path: Path, voting: Voting) -> None:
    """ONNX Runtime gives the vote of the members' own answers: logit, the gate's embedding and the common map."""
    create_ensemble(desk, EnsembleRequest(name="two", runs=("first0", "second"), voting=voting))
    export_onnx(desk, "ensemble:two", tmp_path / "two.onnx")
    ensemble = find_model(desk, "ensemble:two")
    images_B1HW = np.random.default_rng(3).random((5, 1, 64, 64), dtype=np.float32)
    answers: list[EngineOutput] = []
    for member in ensemble.members:
        TorchEngine(member, "cpu").submit(images_B1HW, answers.append)
    expected = combine_outputs(answers, ensemble.recipe)
    session = onnxruntime.InferenceSession(str(tmp_path / "two.onnx"), providers=["CPUExecutionProvider"])
    logits_B, embeddings_BD, maps_Bhw = session.run(["logits", "embeddings", "maps"], {"images": images_B1HW})
    assert logits_B == pytest.approx(expected.logits_B, abs=MOST_DIFFERENCE)
    assert embeddings_BD == pytest.approx(expected.embeddings_BD, abs=1e-3)
    assert maps_Bhw == pytest.approx(expected.maps_Bhw, abs=1e-3)


def test_members_of_unlike_input_sizes_do_not_become_one_graph(desk: Desk, tmp_path: Path) -> None:
    """The sentence says why, and what to do instead."""
    create_ensemble(desk, EnsembleRequest(name="unlike", runs=("first0", "small0")))
    with pytest.raises(CheckpointError, match=r"different sizes.*models pack"):
        export_onnx(desk, "ensemble:unlike", tmp_path / "unlike.onnx")
    assert not list(tmp_path.glob("*.onnx"))
