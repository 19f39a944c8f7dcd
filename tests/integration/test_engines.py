"""The fast ways of reading an image agree with the slow ones, on real images."""

from pathlib import Path

import numpy as np
import pytest

from core.model.checkpoint import Checkpoint
from core.radiograph.reading import read_radiograph
from core.radiograph.resizing import resize_to_square
from core.triage.engine import OpenVinoEngine, TorchEngine, build_engine
from core.triage.inference import Engine, EngineOutput
from core.triage.pipeline import BATCH_SIZE
from core.triage.preparation import DECODED_SIDE
from tests.box import network_in_the_box

MOST_BY_REDUCED_DECODING = 0.01
MOST_BY_ENGINE = 0.05


@pytest.fixture(scope="module")
def starter() -> Checkpoint:
    return network_in_the_box()


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def shipped(starter: Checkpoint, graphs: Path) -> Engine:
    return build_engine(starter, "cpu", 2, graphs)


@pytest.fixture(scope="module")
def exact(shipped: Engine, graphs: Path) -> OpenVinoEngine:
    return OpenVinoEngine(next(graphs.rglob("model.xml")), 2, "f32")


@pytest.fixture(scope="module")
def films(real_data: Path) -> list[Path]:
    return sorted((real_data / "originals").rglob("*.jpeg"))


def inputs(films: list[Path], shortest_side: int | None) -> np.ndarray:
    return np.stack(
        [resize_to_square(read_radiograph(path, shortest_side=shortest_side).pixels_HW, 224) for path in films]
    )


def outputs(engine: Engine, images_NHW: np.ndarray) -> EngineOutput:
    found: dict[int, EngineOutput] = {}
    for start in range(0, len(images_NHW), BATCH_SIZE):
        images_B1HW = images_NHW[start : start + BATCH_SIZE][:, None]
        engine.submit(images_B1HW, lambda output, start=start: found.update({start: output}))
    engine.finish()
    ordered = [found[start] for start in sorted(found)]
    return EngineOutput(*(np.concatenate(parts) for parts in zip(*ordered, strict=True)))


def probabilities(starter: Checkpoint, engine: Engine, images_NHW: np.ndarray) -> np.ndarray:
    return starter.card.calibration.apply(outputs(engine, images_NHW).logits_B.astype(float))


def test_decoding_at_reduced_size_moves_no_probability(starter, exact, films) -> None:
    """An image decoded at the size that triage uses scores as it does fully decoded, to 0.01."""
    full_N = probabilities(starter, exact, inputs(films, None))
    reduced_N = probabilities(starter, exact, inputs(films, round(DECODED_SIDE * 224)))
    assert np.abs(full_N - reduced_N).max() <= MOST_BY_REDUCED_DECODING


def test_the_shipped_engine_agrees_with_torch(starter, shipped, films) -> None:
    """The shipped engine's probabilities stay near torch's in single precision, and no image changes sides."""
    images_NHW = inputs(films[::4], round(DECODED_SIDE * 224))
    reference_N = probabilities(starter, TorchEngine(starter, "cpu"), images_NHW)
    shipped_N = probabilities(starter, shipped, images_NHW)
    threshold = starter.card.operating_point.threshold
    assert np.abs(shipped_N - reference_N).max() <= MOST_BY_ENGINE
    assert ((shipped_N >= threshold) == (reference_N >= threshold)).all()


def test_openvino_in_single_precision_is_torch(starter, exact) -> None:
    """In single precision the converted graph gives torch's logits, embeddings and maps."""
    images_NHW = np.random.default_rng(0).random((5, 224, 224), dtype=np.float32)
    ours, reference = outputs(exact, images_NHW), outputs(TorchEngine(starter, "cpu"), images_NHW)
    assert np.allclose(ours.logits_B, reference.logits_B, atol=1e-3)
    assert np.allclose(ours.embeddings_BD, reference.embeddings_BD, atol=1e-2)
    assert np.allclose(ours.maps_Bhw, reference.maps_Bhw, atol=1e-2)


def test_a_film_scores_the_same_in_any_company(exact) -> None:
    """An image's answer does not depend on the images of its batch, nor on the batch's size."""
    images_NHW = np.random.default_rng(1).random((BATCH_SIZE + 1, 224, 224), dtype=np.float32)
    together = outputs(exact, images_NHW).logits_B
    alone = np.concatenate([outputs(exact, images_NHW[row : row + 1]).logits_B for row in range(len(images_NHW))])
    assert np.allclose(together, alone, atol=1e-4)


def test_the_graph_is_converted_once(starter, shipped, graphs) -> None:
    """A second start finds the converted graph and does not write it again."""
    path = next(graphs.rglob("model.xml"))
    before = path.stat().st_mtime_ns
    build_engine(starter, "cpu", 1, graphs)
    assert path.stat().st_mtime_ns == before and len(list(graphs.rglob("model.xml"))) == 1
