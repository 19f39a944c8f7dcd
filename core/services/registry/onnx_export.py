"""A model as ONNX, kept only if ONNX Runtime gives the logits that torch gives.

Shapes: B images, H and W pixels.
"""

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import CheckpointError
from core.language import tr
from core.model.checkpoint import CARD_FILE, Checkpoint
from core.model.ensemble import Ensemble
from core.radiograph.phantom import synthesise_phantom
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.models.lookup import find_model, resolve_model
from core.services.registry.shown_figures import count_card_looks

MOST_DIFFERENCE = 1e-3
"""Largest difference of a logit that is taken for rounding; at a probability of 0.5 it moves that by 0.00025."""
NUM_PHANTOMS = 8
OPSET = 17


@dataclass(frozen=True)
class OnnxExport:
    """What was written, and how far its logits lie from torch's."""

    model: str
    file: str
    num_films: int
    largest_difference: float
    tolerance: float
    runtime: str


def export_onnx(desk: Desk, model: str, file: Path, actor: str | None = None) -> OnnxExport:
    """Write a model as ONNX, an ensemble with its vote in one graph, and compare both on synthetic images.

    Outputs are logit (not yet calibrated: the card, written beside it, has slope and intercept), embedding and
    activation map. Raises CheckpointError for an ensemble of unlike input sizes, and if a logit differs by more than
    `MOST_DIFFERENCE`; then nothing is written.
    """
    name = resolve_model(desk, model)
    checkpoint = find_model(desk, name)
    if isinstance(checkpoint, Ensemble) and len({member.image_size for member in checkpoint.recipe.members}) > 1:
        raise CheckpointError(
            tr(
                "The members of {name} take images of different sizes, which one graph cannot: it leaves as a zip "
                "(`models pack`), and each member fits into ONNX.",
                name=name,
            )
        )
    with tempfile.TemporaryDirectory(dir=file.absolute().parent) as folder:
        made = Path(folder) / "model.onnx"
        images_B1HW = _films(checkpoint.card.preprocessing.image_size)
        expected_B = _write(checkpoint, made, images_B1HW)
        found_B, runtime = _read(made, images_B1HW)
        largest = float(np.abs(found_B - expected_B).max())
        if not largest <= MOST_DIFFERENCE:
            raise CheckpointError(
                tr(
                    "As ONNX the model {name} gives other logits (by up to {largest:.2g}, allowed "
                    "{most_difference:g}): it was not written.",
                    name=name,
                    largest=largest,
                    most_difference=MOST_DIFFERENCE,
                )
            )
        made.replace(file)
    count_card_looks(desk, checkpoint.card, "exported")
    file.with_name(f"{file.stem}.{CARD_FILE}").write_text(checkpoint.card.model_dump_json(indent=1) + "\n")
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.EXPORT, name, form="ONNX", largest_difference=largest)
    return OnnxExport(name, str(file), NUM_PHANTOMS, largest, MOST_DIFFERENCE, runtime)


def _films(size: int) -> np.ndarray:
    """Return synthetic images as the network takes them [B, 1, H, W], 0 to 1."""
    drawn = [synthesise_phantom(seed, size=size) for seed in range(NUM_PHANTOMS)]
    return (np.stack(drawn)[:, None] / 255).astype(np.float32)


def _write(checkpoint: Checkpoint | Ensemble, path: Path, images_B1HW: np.ndarray) -> np.ndarray:
    """Write the graph and return torch's own logits [B]."""
    import torch

    from core.model.loading import classifier_from
    from core.triage.exported import ExportedClassifier, ExportedEnsemble

    if isinstance(checkpoint, Ensemble):
        members = [classifier_from(member) for member in checkpoint.members]
        network: torch.nn.Module = ExportedEnsemble(members, checkpoint.recipe)
    else:
        network = ExportedClassifier(classifier_from(checkpoint))
    # The exporter leaves a network as it found it, and one that trains drops features out.
    network = network.eval()
    images = torch.from_numpy(images_B1HW)
    names = ["logits", "embeddings", "maps"]
    with torch.inference_mode(), warnings.catch_warnings():
        # The exporter warns of its own age.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (images[:2],),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=names,
            dynamic_axes={name: {0: "films"} for name in ("images", *names)},
        )
        return network(images)[0].numpy()


def _read(path: Path, images_B1HW: np.ndarray) -> tuple[np.ndarray, str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"images": images_B1HW})[0]), f"onnxruntime {onnxruntime.__version__}"
