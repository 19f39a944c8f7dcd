"""Activation maps are scaled, coloured and laid over images as they should be."""

import numpy as np
import pytest
import torch

from core.model.catalogue import Architecture
from core.model.classifier import PneumoniaClassifier
from core.triage.exported import ExportedClassifier
from core.triage.saliency import colours, overlay, positive_share


def test_scaling_by_hand() -> None:
    """What speaks against pneumonia becomes 0, the strongest cell 1, and a map with nothing positive stays empty."""
    maps_Bhw = np.array([[[2.0, -1.0], [1.0, 4.0]], [[-1.0, -2.0], [0.0, -3.0]]])
    expected = np.array([[[0.5, 0.0], [0.25, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert np.array_equal(positive_share(maps_Bhw), expected)


def test_colours_run_from_black_to_pale_yellow_and_brighten() -> None:
    """The colour scale begins nearly black, ends in pale yellow, and its lightness only rises."""
    rgb = colours(np.linspace(0, 1, 50))
    assert rgb[0].tolist() == [0, 0, 4] and rgb[-1].tolist() == [252, 255, 164]
    assert (np.diff(rgb @ [0.2126, 0.7152, 0.0722]) > 0).all()


def test_where_the_map_is_empty_the_film_is_unchanged() -> None:
    """An overlay has the image's size, leaves it grey where the map is 0 and colours it where it is 1."""
    film_HW = np.full((40, 60), 0.5)
    map_hw = np.zeros((4, 6))
    map_hw[0, 0] = 1.0
    picture_HW3 = np.asarray(overlay(film_HW, map_hw))
    assert picture_HW3.shape == (40, 60, 3)
    assert picture_HW3[-1, -1].tolist() == [128, 128, 128]
    red, _, blue = picture_HW3[0, 0].tolist()
    assert red > blue + 20


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
