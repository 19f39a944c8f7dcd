"""Triage of native films: ours against the original study's way and against the bound of the same engine.

Bound: cores / (raw decode + raw forward core-seconds per film). Start-up is left out everywhere.
"""

import tempfile
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
import psutil
import torch
import torchvision
from films import data_folder, line
from PIL import Image

from core.model.loading import classifier_from
from core.services.desk import open_desk
from core.services.predictors import load_predictor
from core.services.triage import TriageRequest, run_triage
from core.settings import AppSettings
from core.triage.engine import OpenVinoEngine
from core.triage.exported import ExportedClassifier

BATCH = 4
DECODED_SIDE = 560
REPEATS = 5


def original_way(films: list[Path]) -> float:
    """Films per second of the original study: open, RGB, resize at full size, fp32 ResNet18, one at a time."""
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
    network.eval()
    transform = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize((224, 224)),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
        began = perf_counter()
        for path in films:
            network(transform(Image.open(path).convert("RGB"))[None]).softmax(1)
    return len(films) / (perf_counter() - began)


def raw_decode_seconds(films: list[Path]) -> float:
    """Core-seconds of Pillow's own reduced decode, for one film."""
    for _ in range(2):  # The first pass brings the files into memory.
        began = thread_time()
        _decode_all(films)
    return (thread_time() - began) / len(films)


def _decode_all(films: list[Path]) -> None:
    for path in films:
        image = Image.open(path)
        image.draft(None, (DECODED_SIDE, DECODED_SIDE))
        image.load()


def forward_rate(engine: OpenVinoEngine, count: int = 1600) -> float:
    images = np.random.default_rng(0).random((BATCH, 1, 224, 224), dtype=np.float32)
    for _ in range(4):
        engine.submit(images, lambda output: None)
    engine.finish()
    began = perf_counter()
    for _ in range(count // BATCH):
        engine.submit(images, lambda output: None)
    engine.finish()
    return count / (perf_counter() - began)


def torch_rate(model: torch.nn.Module, bf16: bool, count: int = 320) -> float:
    images = torch.rand(BATCH, 1, 224, 224).contiguous(memory_format=torch.channels_last)
    model = model.to(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        model(images)
        began = perf_counter()
        for _ in range(count // BATCH):
            model(images)
    return count / (perf_counter() - began)


def onnx_rate(model: torch.nn.Module, count: int = 480) -> float:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(model, (torch.zeros(BATCH, 1, 224, 224),), str(path), dynamo=False)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((BATCH, 1, 224, 224), dtype=np.float32)
    name = session.get_inputs()[0].name
    session.run(None, {name: images})
    began = perf_counter()
    for _ in range(count // BATCH):
        session.run(None, {name: images})
    return count / (perf_counter() - began)


def main() -> None:
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    cores = len(psutil.Process().cpu_affinity())
    with tempfile.TemporaryDirectory() as home:
        desk = open_desk(AppSettings(home=Path(home)))
        predictor = load_predictor(desk, "starter")
        exported = ExportedClassifier(classifier_from(predictor.checkpoint))
        graph = next(Path(home).rglob("model.xml"))
        print(f"{len(films)} native films, {cores} cores, engine {predictor.engine.name}")
        line("forward, torch fp32", torch_rate(exported, bf16=False), "films/s")
        line("forward, torch bf16", torch_rate(exported, bf16=True), "films/s")
        line("forward, ONNX Runtime fp32", onnx_rate(exported), "films/s")
        line("forward, OpenVINO fp32", forward_rate(OpenVinoEngine(graph, cores, "f32")), "films/s")
        forward = forward_rate(predictor.engine)
        line("forward, OpenVINO as shipped", forward, "films/s")
        decode = raw_decode_seconds(films)
        line("raw decode, one core", 1 / decode, "films/s")
        bound = cores / (decode + cores / forward)
        line("bound", bound, "films/s")
        baseline = original_way(films)
        line("original study's way", baseline, "films/s")
        run_triage(desk, TriageRequest(paths=(films[0],)), predictor=predictor)
        rates = []
        for _ in range(REPEATS):
            began = perf_counter()
            run_triage(desk, TriageRequest(paths=(data_folder() / "originals",)), predictor=predictor)
            rates.append(len(films) / (perf_counter() - began))
        ours = float(np.median(rates))
        line("triage, end to end", ours, "films/s", f"{REPEATS} runs: {', '.join(f'{rate:.0f}' for rate in rates)}")
        line("triage / original study's way", ours / baseline, "times", "must reach 5")
        line("triage / bound", ours / bound, "of 1", "must reach 0.8")


if __name__ == "__main__":
    main()
