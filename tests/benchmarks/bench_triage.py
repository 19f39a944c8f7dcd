"""Triage of native images: ours against the original study's way and against the bound of the same engine.

Bound: cores / (raw decode + raw forward core-seconds per image), each measured with all cores at work. The machine's
speed drifts, so every round measures bound and triage one after the other, and the median of the rounds' ratios
counts. Start-up is left out everywhere.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import torch
from films import data_folder, line
from original_endpoint import network, transform
from PIL import Image

from core.model.checkpoint import Checkpoint
from core.model.ensemble import Ensemble
from core.model.loading import classifier_from
from core.services.desk import open_desk
from core.services.models.loading import load_predictor
from core.services.triage.batch_reading import TriageRequest, run_triage
from core.settings import AppSettings
from core.triage.engine import OpenVinoEngine
from core.triage.exported import ExportedClassifier
from core.triage.preparation import DECODED_SIDE

BATCH = 4
SIDE = 224
ROUNDS = 9


def original_way(films: list[Path]) -> float:
    """Images per second of the original study: open, RGB, resize at full size, fp32 ResNet18, one at a time."""
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
        began = perf_counter()
        for path in films:
            network(transform(Image.open(path).convert("RGB"))[None]).softmax(1)
    return len(films) / (perf_counter() - began)


def decode_rate(films: list[Path], cores: int) -> float:
    """Images per second of Pillow's own decode at the size that triage may use, on all cores."""
    with ThreadPoolExecutor(cores) as pool:
        began = perf_counter()
        list(pool.map(_decode_all, [films[core::cores] for core in range(cores)]))
    return len(films) / (perf_counter() - began)


def _decode_all(films: list[Path]) -> None:
    for path in films:
        image = Image.open(path)
        image.draft(None, (round(DECODED_SIDE * SIDE),) * 2)
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


def one_network(model: Checkpoint | Ensemble) -> Checkpoint:
    return model.members[0] if isinstance(model, Ensemble) else model


def main() -> None:
    films = sorted((data_folder() / "originals").rglob("*.jpeg"))
    cores = len(psutil.Process().cpu_affinity())
    with tempfile.TemporaryDirectory() as home:
        desk = open_desk(AppSettings(home=Path(home)))
        predictor = load_predictor(desk, "starter")
        exported = ExportedClassifier(classifier_from(one_network(predictor.checkpoint)))
        graph = next(Path(home).rglob("model.xml"))
        print(f"{len(films)} native images, {cores} cores, engine {predictor.engine.name}")
        line("forward, torch fp32", torch_rate(exported, bf16=False), "images/s")
        line("forward, torch bf16", torch_rate(exported, bf16=True), "images/s")
        line("forward, ONNX Runtime fp32", onnx_rate(exported), "images/s")
        line("forward, OpenVINO fp32", forward_rate(OpenVinoEngine(graph, cores, "f32")), "images/s")
        baseline = original_way(films)
        line("original study's way", baseline, "images/s")
        request = TriageRequest(paths=(data_folder() / "originals",), again=True)
        run_triage(desk, request, predictor=predictor)
        rounds = []
        for _ in range(ROUNDS):
            forward, decode = forward_rate(predictor.engine, len(films)), decode_rate(films, cores)
            began = perf_counter()
            run_triage(desk, request, predictor=predictor)
            rounds.append((forward, decode, 1 / (1 / forward + 1 / decode), len(films) / (perf_counter() - began)))
        forwards, decodes, bounds, ours = np.array(rounds).T
        line("forward, OpenVINO as shipped", float(np.median(forwards)), "images/s")
        line("raw decode", float(np.median(decodes)), "images/s")
        line("bound", float(np.median(bounds)), "images/s")
        line("triage, end to end", float(np.median(ours)), "images/s", f"{ours.min():.0f} to {ours.max():.0f}")
        line("triage / original study's way", float(np.median(ours)) / baseline, "times", "must reach 5")
        ratios = ours / bounds
        line(
            "triage / bound", float(np.median(ratios)), "of 1", f"{ratios.min():.2f} to {ratios.max():.2f}; must be 0.8"
        )


if __name__ == "__main__":
    main()
