"""Activation maps are scaled, coloured and laid over images as they should be."""

import numpy as np
import pytest
import torch

from core.model.catalogue import Architecture
from core.model.classifier import PneumoniaClassifier
from core.triage.exported import ExportedClassifier
from core.triage.saliency import positive_share


def test_scaling_by_hand() -> None:
    """What speaks against pneumonia becomes 0, the strongest cell 1, and a map with nothing positive stays empty."""
    maps_Bhw = np.array([[[2.0, -1.0], [1.0, 4.0]], [[-1.0, -2.0], [0.0, -3.0]]])
    expected = np.array([[[0.5, 0.0], [0.25, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert np.array_equal(positive_share(maps_Bhw), expected)


@pytest.mark.parametrize(
    "architecture", [Architecture.RESNET18, Architecture.DENSENET121, Architecture.EFFICIENTNET_LITE0]
)
def test_the_map_is_grad_cam(architecture: Architecture) -> None:
    """For heads linear in pooled features, the map is Grad-CAM (Selvaraju et al. 2017) times the number of cells."""
    model = PneumoniaClassifier(architecture).eval()
    images_B1HW = torch.rand(2, 1, 96, 96)
    _, _, maps_Bhw = ExportedClassifier(model)(images_B1HW)
    output = model.parts(images_B1HW)
    gradient_BChw = torch.autograd.grad(output.logits_B.sum(), output.features_BChw)[0]
    grad_cam_Bhw = (gradient_BChw.mean(dim=(2, 3), keepdim=True) * output.features_BChw).sum(1)
    num_cells = maps_Bhw.shape[1] * maps_Bhw.shape[2]
    assert torch.allclose(maps_Bhw, grad_cam_Bhw * num_cells, atol=1e-4)


def test_the_map_adds_up_to_the_logit() -> None:
    """The mean of the map and the head's bias are the logit: nothing the score rests on is left out of the map."""
    model = PneumoniaClassifier(Architecture.RESNET18).eval()
    with torch.inference_mode():
        logits_B, _, maps_Bhw = ExportedClassifier(model)(torch.rand(3, 1, 96, 96))
        assert torch.allclose(maps_Bhw.mean(dim=(1, 2)) + model.head[1].bias, logits_B, atol=1e-5)
