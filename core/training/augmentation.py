"""Varying training images, a whole batch at a time on the device that trains.

Shapes: B images, H and W pixels. Images are float in [0, 1] with one channel.
"""

import math
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Generator, Tensor
from torchvision.transforms.functional import gaussian_blur

from core.language import mark
from core.training.config import Recipe


class AugmentationRanges(BaseModel):
    """How far a recipe varies an image; every draw is uniform within its range."""

    model_config = ConfigDict(frozen=True)

    flip: float = Field(default=0.5, ge=0, le=1, description=mark("Share of images mirrored left to right."))
    rotation: float = Field(default=0.0, ge=0, le=45, description=mark("Largest rotation, in degrees."))
    crop_scale: tuple[float, float] = Field(
        default=(1.0, 1.0), description=mark("Share of the image's area that a crop keeps.")
    )
    crop_ratio: tuple[float, float] = Field(
        default=(1.0, 1.0), description=mark("Width over height of a crop, log-uniform.")
    )
    brightness: float = Field(default=0.0, ge=0, le=1, description=mark("Grey values are multiplied by 1 ± this."))
    contrast: float = Field(
        default=0.0, ge=0, le=1, description=mark("Distance to the image's mean is multiplied by 1 ± this.")
    )
    gamma: float = Field(
        default=1.0, ge=1, le=4, description=mark("Grey values are raised to 1/this … this, log-uniform.")
    )
    blur: float = Field(default=0.0, ge=0, le=1, description=mark("Share of batches' images that are blurred."))
    noise: float = Field(default=0.0, ge=0, le=0.2, description=mark("Largest standard deviation of added noise."))
    jpeg: float = Field(
        default=0.0, ge=0, le=1, description=mark("Share of images re-encoded as JPEG of quality 30 to 95.")
    )


RANGES = {
    Recipe.NONE: AugmentationRanges(flip=0.0),
    Recipe.ORIGINAL: AugmentationRanges(rotation=10.0, brightness=0.2, contrast=0.2),
    Recipe.STRONG: AugmentationRanges(
        rotation=10.0,
        crop_scale=(0.2, 1.0),
        crop_ratio=(3 / 4, 4 / 3),
        brightness=0.3,
        contrast=0.4,
        gamma=1.6,
        blur=0.25,
        noise=0.05,
        jpeg=0.3,
    ),
    # Crops make everything in an image larger than it is when a whole image is read; training that ends on images at
    # their own size closes the gap (Touvron et al. 2019, "Fixing the train-test resolution discrepancy").
    Recipe.WHOLE: AugmentationRanges(
        rotation=12.0,
        crop_scale=(0.6, 1.0),
        crop_ratio=(4 / 5, 5 / 4),
        brightness=0.3,
        contrast=0.4,
        gamma=1.8,
        blur=0.3,
        noise=0.07,
        jpeg=0.5,
    ),
}


def augment(images_BHW: Tensor, ranges: AugmentationRanges, generator: Generator) -> Tensor:
    """Return varied images of the same shape, float in [0, 1]; the same generator state gives the same images."""
    images = images_BHW.unsqueeze(1)
    images = _warp(images, ranges, generator)
    images = _intensity(images, ranges, generator)
    if ranges.blur:
        images = _blur(images, ranges, generator)
    if ranges.noise:
        amount = _uniform(images.shape[0], 0.0, ranges.noise, generator)
        noise = torch.randn(images.shape, generator=generator)
        images = images + (amount * noise).to(images.device)
    images = images.clamp(0, 1)
    if ranges.jpeg:
        images = _reencode(images, ranges, generator)
    return images.squeeze(1)


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return (low + (high - low) * torch.rand(count, generator=generator)).view(-1, 1, 1, 1)


def _warp(images_B1HW: Tensor, ranges: AugmentationRanges, generator: Generator) -> Tensor:
    """Crop, rotate and mirror in one resampling, so that an image is interpolated only once."""
    count = images_B1HW.shape[0]

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    area = draw(*ranges.crop_scale)
    ratio = torch.exp(draw(*(math.log(bound) for bound in ranges.crop_ratio)))
    width = (area * ratio).sqrt().clamp(max=1.0)
    height = (area / ratio).sqrt().clamp(max=1.0)
    centre_x, centre_y = (1 - width) * draw(-1, 1), (1 - height) * draw(-1, 1)
    angle = draw(-ranges.rotation, ranges.rotation) * math.pi / 180
    mirror = torch.where(torch.rand(count, generator=generator) < ranges.flip, -1.0, 1.0)
    cosine, sine = angle.cos(), angle.sin()
    theta_B23 = torch.stack(
        [
            torch.stack([width * mirror * cosine, -width * sine, centre_x], dim=1),
            torch.stack([height * mirror * sine, height * cosine, centre_y], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta_B23.to(images_B1HW), list(images_B1HW.shape), align_corners=False)
    return F.grid_sample(images_B1HW, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _intensity(images_B1HW: Tensor, ranges: AugmentationRanges, generator: Generator) -> Tensor:
    count, device = images_B1HW.shape[0], images_B1HW.device
    if ranges.gamma > 1:
        limit = math.log(ranges.gamma)
        images_B1HW = images_B1HW.clamp(0, 1) ** _uniform(count, -limit, limit, generator).exp().to(device)
    contrast = _uniform(count, 1 - ranges.contrast, 1 + ranges.contrast, generator).to(device)
    brightness = _uniform(count, 1 - ranges.brightness, 1 + ranges.brightness, generator).to(device)
    mean = images_B1HW.mean(dim=(2, 3), keepdim=True)
    return ((images_B1HW - mean) * contrast + mean) * brightness


def _blur(images_B1HW: Tensor, ranges: AugmentationRanges, generator: Generator) -> Tensor:
    chosen = (torch.rand(images_B1HW.shape[0], generator=generator) < ranges.blur).to(images_B1HW.device)
    sigma = 0.3 + 1.7 * torch.rand(1, generator=generator).item()
    if not chosen.any():
        return images_B1HW
    blurred = images_B1HW.clone()
    blurred[chosen] = gaussian_blur(images_B1HW[chosen], kernel_size=[9, 9], sigma=[sigma, sigma])
    return blurred


def _reencode(images_B1HW: Tensor, ranges: AugmentationRanges, generator: Generator) -> Tensor:
    chosen = torch.rand(images_B1HW.shape[0], generator=generator) < ranges.jpeg
    quality = torch.randint(30, 96, (images_B1HW.shape[0],), generator=generator)
    result = images_B1HW.clone()
    for index in chosen.nonzero().flatten().tolist():
        film = Image.fromarray((images_B1HW[index, 0] * 255).round().to(torch.uint8).cpu().numpy())
        encoded = BytesIO()
        film.save(encoded, "JPEG", quality=int(quality[index]))
        result[index, 0] = torch.from_numpy(np.array(Image.open(encoded))).to(result) / 255
    return result
