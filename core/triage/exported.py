"""A classifier as a graph for inference engines: one forward pass gives logit, embedding and activation map.

Shapes: B films, C channels, D embedding size, H and W pixels, h and w cells of the last feature map.
"""

import warnings
from pathlib import Path

import openvino as ov
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from core.model.classifier import PneumoniaClassifier


class ExportedClassifier(nn.Module):
    """The classifier with its class activation map (Zhou et al. 2016) as a third output.

    For a head that is linear in the average-pooled features, the head's weights applied to the feature map
    are the map itself: it needs no gradient and equals Grad-CAM up to scale. Other heads give an empty map.
    """

    def __init__(self, model: PneumoniaClassifier) -> None:
        super().__init__()
        self.model = model.eval()

    def forward(self, images_B1HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return `logits_B`, `embeddings_BD` and `maps_Bhw`."""
        output = self.model.parts(images_B1HW)
        if self.model.has_linear_map:
            weight_1C11 = self.model.head[1].weight.view(1, -1, 1, 1)
            maps_Bhw = F.conv2d(output.features_BChw, weight_1C11).squeeze(1)
        else:
            maps_Bhw = output.features_BChw[:, 0] * 0
        return output.logits_B, output.embeddings_BD, maps_Bhw


def write_openvino_graph(model: PneumoniaClassifier, image_size: int, path: Path) -> None:
    """Convert a classifier to OpenVINO's format at `path` (`.xml`, with its `.bin` beside it)."""
    example = torch.zeros(2, 1, image_size, image_size)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces by torch.jit, which warns of its own age; that is for OpenVINO to change.
        warnings.simplefilter("ignore", FutureWarning)
        graph = ov.convert_model(ExportedClassifier(model), example_input=example)
    graph.reshape([-1, 1, image_size, image_size])
    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(graph, path, compress_to_fp16=False)
