"""The engines of an ensemble's members as one engine.

Shapes: K members, B images, D embedding size, H and W pixels, S of the square's side, h and w cells of a map.
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from core.model.ensemble_recipe import EnsembleRecipe
from core.radiograph.resizing import resize_to_square
from core.triage.saliency import positive_share

if TYPE_CHECKING:
    from core.triage.inference import Engine, EngineOutput


class VotingEngine:
    """Hands every batch to each member and delivers their common answer.

    The logit is what the recipe makes of the members' logits, the embedding that of the member whose gate is used,
    and the map the mean of the members' maps, each scaled by its own maximum and weighted as its voice. An image comes
    at the largest member's size; members with a smaller input get it made smaller from there.
    """

    def __init__(self, engines: Sequence["Engine"], recipe: EnsembleRecipe) -> None:
        self._engines = tuple(engines)
        self._recipe = recipe
        names = dict.fromkeys(engine.name for engine in engines)
        self.name = f"{len(self._engines)} members on {', '.join(names)}"[:64]

    def submit(self, images_B1HW: np.ndarray, deliver: Callable[["EngineOutput"], None]) -> None:
        """Begin a batch with every member; waits while all places are taken."""
        gathered = _Gathered(self._recipe, deliver)
        for place, (engine, member) in enumerate(zip(self._engines, self._recipe.members, strict=True)):
            engine.submit(_at_size(images_B1HW, member.image_size), gathered.from_member(place))

    def finish(self) -> None:
        """Wait until every batch has been delivered; raises what a callback raised."""
        for engine in self._engines:
            engine.finish()


class _Gathered:
    """The answers to one batch; whichever member answers last has them delivered."""

    def __init__(self, recipe: EnsembleRecipe, deliver: Callable[["EngineOutput"], None]) -> None:
        self._recipe = recipe
        self._deliver = deliver
        self._outputs: list[EngineOutput | None] = [None] * len(recipe.members)
        self._num_missing = len(recipe.members)
        self._lock = threading.Lock()

    def from_member(self, place: int) -> Callable[["EngineOutput"], None]:
        """Return what takes one member's answer."""

        def take(output: "EngineOutput") -> None:
            """Keep an answer, and deliver the whole once it is the last."""
            with self._lock:
                self._outputs[place] = output
                self._num_missing -= 1
                is_last = not self._num_missing
            if is_last:
                self._deliver(combine_outputs([one for one in self._outputs if one is not None], self._recipe))

        return take


def combine_outputs(outputs_K: Sequence["EngineOutput"], recipe: EnsembleRecipe) -> "EngineOutput":
    """Return the members' answers to one batch as the ensemble's."""
    leading = outputs_K[recipe.gate_member]
    logits_B = recipe.combine([output.logits_B for output in outputs_K])
    height, width = leading.maps_Bhw.shape[1:]
    maps_Bhw = np.zeros_like(leading.maps_Bhw)
    for member, output in zip(recipe.members, outputs_K, strict=True):
        maps_Bhw += np.float32(member.weight) * _maps_at(positive_share(output.maps_Bhw), height, width)
    return type(leading)(logits_B, leading.embeddings_BD, maps_Bhw)


def _at_size(images_B1HW: np.ndarray, size: int) -> np.ndarray:
    if images_B1HW.shape[-1] == size:
        return images_B1HW
    return np.stack([resize_to_square(film_1HW[0], size) for film_1HW in images_B1HW])[:, None]


def _maps_at(maps_Bhw: np.ndarray, height: int, width: int) -> np.ndarray:
    if maps_Bhw.shape[1:] == (height, width):
        return maps_Bhw
    resized = [
        Image.fromarray(map_hw.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
        for map_hw in maps_Bhw
    ]
    return np.stack([np.asarray(one) for one in resized])
