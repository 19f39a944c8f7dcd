"""What a run computes on: named as it is, not as it was asked for."""

import pytest
import torch

from core.training import precision as module
from core.training.config import Precision
from core.training.precision import computing_facts


@pytest.mark.parametrize(
    ("asked", "in_hardware", "stated"),
    [
        (Precision.AUTO, True, "bf16"),
        (Precision.AUTO, False, "fp32"),
        (Precision.BF16, False, "bf16"),
        (Precision.FP32, True, "fp32"),
    ],
)
def test_the_number_format_is_stated_as_resolved(
    asked: Precision, in_hardware: bool, stated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` never is in the record, and on a processor no GPU library does."""
    monkeypatch.setattr(module, "computes_bf16", lambda device: in_hardware)
    facts = computing_facts(torch.device("cpu"), asked)
    assert facts == {"device": "cpu", "precision": stated, "threads": str(torch.get_num_threads())}
    with module.autocast(torch.device("cpu"), asked):
        assert torch.is_autocast_enabled("cpu") is (stated != "fp32")


def test_a_gpu_is_named_with_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, CUDA and cuDNN are beside the device."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card of device " + str(device))
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    facts = computing_facts(torch.device("cuda:1"), Precision.FP16)
    assert facts["GPU"] == "Card of device cuda:1"
    assert (facts["CUDA"], facts["cuDNN"], facts["precision"]) == ("13.0", "91002", "fp16")
