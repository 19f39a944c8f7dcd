"""An activation map is drawn in one way: as a layer, over an image, and in a file."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from core.triage.heatmap import OPACITY, Heatmap, colours
from core.triage.saliency import pack_map

CORNER_hw = [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_colours_run_from_black_to_pale_yellow_and_brighten() -> None:
    """The colour scale begins nearly black, ends in pale yellow, and its lightness only rises."""
    rgb = colours(np.linspace(0, 1, 50))
    assert rgb[0].tolist() == [0, 0, 4] and rgb[-1].tolist() == [252, 255, 164]
    assert (np.diff(rgb @ [0.2126, 0.7152, 0.0722]) > 0).all()


def test_where_the_map_is_empty_the_film_is_unchanged() -> None:
    """An overlay has the image's size, leaves it grey where the map is 0 and colours it where it is 1."""
    picture_HW3 = np.asarray(Heatmap(np.array(CORNER_hw)).over(Image.new("L", (60, 40), 128)))
    assert picture_HW3.shape == (40, 60, 3)
    assert picture_HW3[-1, -1].tolist() == [128, 128, 128]
    red, _, blue = picture_HW3[0, 0].tolist()
    assert red > blue + 20


def test_a_map_at_its_strongest_covers_by_its_opacity() -> None:
    """Where the map is 1 everywhere, each pixel is the scale's last colour over the image at 45 %."""
    picture_HW3 = np.asarray(Heatmap(np.ones((2, 2))).over(Image.new("L", (8, 8), 100)))
    expected_3 = OPACITY * np.array([252, 255, 164]) + (1 - OPACITY) * 100
    assert np.abs(picture_HW3 - expected_3).max() <= 1


def test_layer_and_overlay_are_one_drawing() -> None:
    """The layer that a browser stretches over an image of its size gives the picture that files and PDFs have."""
    draw = np.random.default_rng(5)
    heatmap, film = Heatmap(draw.random((7, 7))), Image.new("L", (224, 224), 90)
    layer = Image.open(io.BytesIO(heatmap.png()))
    layer.putalpha(layer.getchannel("A").point([round(OPACITY * step) for step in range(256)]))
    stretched = Image.alpha_composite(film.convert("RGBA"), layer).convert("RGB")
    assert np.abs(np.asarray(stretched).astype(int) - np.asarray(heatmap.over(film))).max() <= 1


def test_a_kept_map_is_taken_as_it_is_and_none_where_there_is_none() -> None:
    """Rows without a map have no heatmap; one in which nothing spoke for pneumonia is empty."""
    kept = Heatmap.kept(pack_map(np.array(CORNER_hw)))
    assert kept is not None and kept.share_hw.tolist() == CORNER_hw and not kept.is_empty
    assert Heatmap.kept(None) is None
    empty = Heatmap.kept(pack_map(np.zeros((2, 2))))
    assert empty is not None and empty.is_empty


def test_a_layer_is_encoded_once(tmp_path: Path) -> None:
    """The file is written with its folders at the first call and taken as it is at every later one."""
    heatmap = Heatmap(np.eye(7))
    path = heatmap.kept_in(tmp_path / "heatmaps" / "1.png")
    assert path.read_bytes() == heatmap.png()
    path.write_bytes(b"kept")
    assert heatmap.kept_in(path).read_bytes() == b"kept"
