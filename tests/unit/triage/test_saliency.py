"""Activation maps are scaled, coloured and laid over images as they should be."""

import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.model.catalogue import Architecture
from core.model.classifier import PneumoniaClassifier
from core.triage.exported import ExportedClassifier
from core.triage.saliency import pack_map, positive_share, unpack_map


def test_scaling_by_hand() -> None:
    """What speaks against pneumonia becomes 0, the strongest cell 1, and a map with nothing positive stays empty."""
    maps_Bhw = np.array([[[2.0, -1.0], [1.0, 4.0]], [[-1.0, -2.0], [0.0, -3.0]]])
    expected = np.array([[[0.5, 0.0], [0.25, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert np.array_equal(positive_share(maps_Bhw), expected)


def test_a_packed_map_by_hand() -> None:
    """Height and width come first, two bytes each, then the cells from the top left, four bytes each."""
    packed = bytes.fromhex("0100 0200 0000003f 0000803f")
    assert pack_map(np.array([[0.5, 1.0]])) == packed
    assert unpack_map(packed).tolist() == [[0.5, 1.0]]


@given(arrays(np.float32, st.tuples(st.integers(0, 30), st.integers(0, 30)), elements=st.floats(0, 1, width=32)))
def test_a_packed_map_comes_back_to_the_bit(map_hw: np.ndarray) -> None:
    """Every map of every shape is the same after it was kept."""
    again_hw = unpack_map(pack_map(map_hw))
    assert again_hw.shape == map_hw.shape and again_hw.tobytes() == map_hw.tobytes()


@pytest.mark.parametrize("damaged", [b"", b"\x02\x00", pack_map(np.eye(3))[:-4], pack_map(np.eye(3)) + b"\x00" * 4])
def test_bytes_that_are_no_map_are_refused(damaged: bytes) -> None:
    """A map that was cut or is too long is never drawn as another."""
    with pytest.raises((ValueError, struct.error)):
        unpack_map(damaged)


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
