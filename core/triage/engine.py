"""The forward pass of triage: OpenVINO on CPUs, torch on GPUs, one interface.

Shapes: B images, D embedding size, H and W pixels, h and w cells of the last feature map.
"""

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import CheckpointError
from core.language import tr
from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble
from core.triage.inference import Engine, EngineOutput
from core.triage.openvino_runtime import ov
from core.triage.voting import VotingEngine

ENGINE_FORMAT = 1
GRAPH_FILE = "model.xml"


class OpenVinoEngine:
    """OpenVINO on the CPU: one stream per core, bf16 where the processor computes in it."""

    def __init__(self, graph: Path, num_cores: int, precision: str | None = None) -> None:
        core = ov.Core()
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = precision or ("bf16" if "BF16" in capabilities else "f32")
        options = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "NUM_STREAMS": num_cores,
            "INFERENCE_NUM_THREADS": num_cores,
            # Its threads share the cores with those that decode; bound to cores they would wait for one another.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            compiled = core.compile_model(core.read_model(graph), "CPU", options)
        except RuntimeError as error:
            raise CheckpointError(
                tr("The cached graph {file} cannot be loaded; delete it and try again.", file=graph)
            ) from error
        self.name = f"openvino-{ov.__version__.split('-')[0]}-{self.precision}"
        self._queue = ov.AsyncInferQueue(compiled, num_cores + 1)
        self._queue.set_callback(self._deliver)

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        """Begin a batch; waits while all places are taken."""
        # The queue keeps what it was given last, unseen by Python: only an empty list may be left of it, or anyone who
        # is delivered to, and so this engine itself, would never go.
        self._queue.start_async({0: images_B1HW}, userdata=[deliver])

    def finish(self) -> None:
        """Wait until every batch has been delivered; raises what a callback raised."""
        self._queue.wait_all()

    @staticmethod
    def _deliver(request: Any, once: list[Callable[[EngineOutput], None]]) -> None:
        deliver = once.pop()
        deliver(EngineOutput(*(np.array(request.get_output_tensor(index).data) for index in range(3))))


class TorchEngine:
    """Torch in single precision on one device: GPUs, and the reference that others are compared with."""

    def __init__(self, checkpoint: Checkpoint, device: str) -> None:
        import torch

        from core.model.loading import classifier_from
        from core.triage.exported import ExportedClassifier

        self._torch = torch
        self._device = torch.device(device)
        self._model = ExportedClassifier(classifier_from(checkpoint)).to(self._device)
        self.name = torch_engine_name(device)

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[[EngineOutput], None]) -> None:
        """Run a batch at once."""
        with self._torch.inference_mode():
            outputs = self._model(self._torch.from_numpy(images_B1HW).to(self._device))
        deliver(EngineOutput(*(output.cpu().numpy() for output in outputs)))

    def finish(self) -> None:
        """Nothing is under way after `submit`."""


def torch_engine_name(device: str) -> str:
    """Return what figures call torch on a device, with its number format: GPUs shorten what they convolve to TF32."""
    import torch

    kind = torch.device(device).type
    shortens = kind == "cuda" and torch.backends.cudnn.allow_tf32 and torch.cuda.get_device_capability(device) >= (8, 0)
    return f"torch-{torch.__version__.split('+')[0]}-{device}-{'tf32' if shortens else 'f32'}"


def build_engine(checkpoint: Checkpoint | Ensemble, device: str, num_cores: int, cache_folder: Path) -> Engine:
    """Return the engine for a device; its converted graph is kept, so that only the first start needs torch."""
    if isinstance(checkpoint, Ensemble):
        engines = [build_engine(member, device, num_cores, cache_folder) for member in checkpoint.members]
        return VotingEngine(engines, checkpoint.recipe)
    if device not in {"auto", "cpu"} or (device == "auto" and has_gpu()):
        return TorchEngine(checkpoint, "cuda" if device == "auto" else device)
    return OpenVinoEngine(_cached_graph(checkpoint, cache_folder), num_cores)


def has_gpu() -> bool:
    """Return whether torch can use a GPU; a driver is looked for first, since importing torch costs seconds."""
    if not Path("/proc/driver/nvidia/version").exists():
        return False
    import torch

    return torch.cuda.is_available()


def needs_conversion(checkpoint: Checkpoint | Ensemble, device: str, cache_folder: Path) -> bool:
    """Return whether `build_engine` would have to convert the graph first, which imports torch."""
    if isinstance(checkpoint, Ensemble):
        return any(needs_conversion(member, device, cache_folder) for member in checkpoint.members)
    on_cpu = device == "cpu" or (device == "auto" and not has_gpu())
    return on_cpu and not _graph_folder(checkpoint, cache_folder).exists()


def _graph_folder(checkpoint: Checkpoint, cache_folder: Path) -> Path:
    # The input's size and normalisation are part of the graph, and stand on the card alone.
    card = checkpoint.card
    drawn = f"{checkpoint.hash} {card.architecture} {card.preprocessing.model_dump_json()}"
    key = hashlib.sha256(drawn.encode()).hexdigest()[:32]
    return cache_folder / "graphs" / f"{key}-{ov.__version__.split('-')[0]}-{ENGINE_FORMAT}"


def _cached_graph(checkpoint: Checkpoint, cache_folder: Path) -> Path:
    folder = _graph_folder(checkpoint, cache_folder)
    if not folder.exists():
        from core.model.loading import classifier_from
        from core.triage.exported import write_openvino_graph

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
            made = Path(temporary) / folder.name
            write_openvino_graph(
                classifier_from(checkpoint), checkpoint.card.preprocessing.image_size, made / GRAPH_FILE
            )
            # Another process may have finished the same graph meanwhile: either copy serves.
            with suppress(OSError):
                made.rename(folder)
    return folder / GRAPH_FILE
