"""A classifier as a graph for inference engines: one forward pass gives logit, embedding and activation map.

Shapes: K members of an ensemble, B images, C channels, D embedding size, H and W pixels, h and w cells of the last
feature map.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from core.evaluation.ensembling import SMALLEST, Voting
from core.model.classifier import PneumoniaClassifier
from core.model.ensemble_recipe import EnsembleRecipe
from core.triage.openvino_runtime import ov


class ExportedClassifier(nn.Module):
    """The classifier with its class activation map (Zhou et al. 2016) as a third output.

    For a head that is linear in the average-pooled features, the head's weights applied to the feature map
    are the map itself: it needs no gradient and equals Grad-CAM up to scale. Other heads give an empty map.
    """

    def __init__(self, model: PneumoniaClassifier) -> None:
        super().__init__()
        self.model: PneumoniaClassifier = model.eval()

    def forward(self, images_B1HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return `logits_B`, `embeddings_BD` and `maps_Bhw`."""
        output = self.model.parts(images_B1HW)
        if self.model.has_linear_map:
            weight_1C11 = cast("nn.Linear", self.model.head[1]).weight.view(1, -1, 1, 1)
            maps_Bhw = F.conv2d(output.features_BChw, weight_1C11).squeeze(1)
        else:
            maps_Bhw = output.features_BChw[:, 0] * 0
        return output.logits_B, output.embeddings_BD, maps_Bhw


class ExportedEnsemble(nn.Module):
    """An ensemble's members and their vote as one graph; says what `core.triage.voting` says of their answers."""

    def __init__(self, members: Sequence[PneumoniaClassifier], recipe: EnsembleRecipe) -> None:
        super().__init__()
        self.members = nn.ModuleList(ExportedClassifier(member) for member in members)
        self.recipe = recipe

    def forward(self, images_B1HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return `logits_B`, `embeddings_BD` of the member with the gate, and `maps_Bhw`."""
        outputs_K = [member(images_B1HW) for member in self.members]
        voices = zip(self.recipe.members, outputs_K, strict=True)
        logits_KB = torch.stack(
            [voice.calibration.slope * logits_B + voice.calibration.intercept for voice, (logits_B, _, _) in voices]
        )
        maps_Bhw = cast(
            "Tensor",
            sum(
                voice.weight * _positive_share(one_Bhw)
                for voice, (_, _, one_Bhw) in zip(self.recipe.members, outputs_K, strict=True)
            ),
        )
        return self._vote(logits_KB), outputs_K[self.recipe.gate_member][1], maps_Bhw

    def _vote(self, logits_KB: Tensor) -> Tensor:
        members = self.recipe.members
        if self.recipe.voting is Voting.HARD:
            thresholds_K1 = logits_KB.new_tensor([member.threshold for member in members])[:, None].logit()
            votes_B = (logits_KB >= thresholds_K1).to(logits_KB).sum(dim=0)
            return ((votes_B + 0.5) / (len(members) + 1)).logit()
        weights_K1 = logits_KB.new_tensor([member.weight for member in members])[:, None]
        # The logit of the mean probability, from logarithms: near 0 and 1 a probability of 32 bits is too coarse.
        for_B = (F.logsigmoid(logits_KB) + weights_K1.log()).logsumexp(dim=0)
        against_B = (F.logsigmoid(-logits_KB) + weights_K1.log()).logsumexp(dim=0)
        largest = float(np.log1p(-SMALLEST) - np.log(SMALLEST))
        return (for_B - against_B).clamp(-largest, largest)


def _positive_share(maps_Bhw: Tensor) -> Tensor:
    positive_Bhw = maps_Bhw.clamp(min=0)
    peaks_B11 = positive_Bhw.amax(dim=(-2, -1), keepdim=True)
    return positive_Bhw / torch.where(peaks_B11 > 0, peaks_B11, torch.ones_like(peaks_B11))


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
