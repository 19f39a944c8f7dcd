"""The image route: what the desk signed is shown, and nothing else."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from core.api.application import create_api
from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.triage.heatmap import Heatmap


@pytest.fixture
def client() -> TestClient:
    return TestClient(create_api())


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """An image with a dark left and a bright right half, in 300 by 200 pixels."""
    pixels_HW = np.full((200, 300), 40, np.uint8)
    pixels_HW[:, 150:] = 200
    path = tmp_path / "image ä.png"
    Image.fromarray(pixels_HW).save(path)
    return path


def fetch(client: TestClient, address: str):
    return client.get(address.removeprefix("/api"))


def test_a_film_is_shown_pixel_by_pixel(desk: Desk, client: TestClient, film: Path) -> None:
    """The picture of an image has the image's own grey values, and a browser may keep it."""
    response = fetch(client, picture_address(desk, Picture.FILM, film))
    assert response.status_code == 200
    assert "private" in response.headers["cache-control"]
    shown = Image.open(io.BytesIO(response.content))
    assert np.array_equal(np.asarray(shown), np.asarray(Image.open(film)))


def test_a_thumbnail_is_small_and_keeps_the_shape(desk: Desk, client: TestClient, film: Path) -> None:
    """A thumbnail has at most 192 pixels a side and the image's proportions."""
    response = fetch(client, picture_address(desk, Picture.THUMBNAIL, film))
    assert Image.open(io.BytesIO(response.content)).size == (192, 128)
    assert response.headers["content-type"] == "image/jpeg"


def test_a_member_of_a_zip_is_shown(desk: Desk, client: TestClient, film: Path, tmp_path: Path) -> None:
    """An image inside an archive is shown without unpacking it; a member that is not there is 404."""
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.write(film, "set/one.png")
    shown = fetch(client, picture_address(desk, Picture.FILM, tmp_path / "films.zip", "set/one.png"))
    assert Image.open(io.BytesIO(shown.content)).size == (300, 200)
    gone = fetch(client, picture_address(desk, Picture.FILM, tmp_path / "films.zip", "set/two.png"))
    assert gone.status_code == 404


def test_an_address_cannot_be_bent(desk: Desk, client: TestClient, film: Path) -> None:
    """Another file, another kind of picture, another signature or none: 403."""
    address = picture_address(desk, Picture.THUMBNAIL, film)
    path, _, signature = address.partition("?signature=")
    other_path = picture_address(desk, Picture.THUMBNAIL, "/etc/passwd").partition("?")[0]
    for bent in (
        path,
        f"{path}?signature=0",
        f"{other_path}?signature={signature}",
        f"{path.replace('thumbnail', 'film')}?signature={signature}",
        f"{path}?signature={signature[:-2]}zz",
    ):
        assert fetch(client, bent).status_code == 403


def test_what_is_no_film_is_answered_with_a_sentence(desk: Desk, client: TestClient, tmp_path: Path) -> None:
    """A signed address shows no file as it is: text is 422, a file that is gone 404, a folder 404."""
    (tmp_path / "notes.txt").write_text("secret words")
    for path, status in (("notes.txt", 422), ("gone.jpg", 404), (".", 404)):
        response = fetch(client, picture_address(desk, Picture.FILM, tmp_path / path))
        assert response.status_code == status
        assert "secret" not in response.text
        assert response.json()["detail"]


def test_heatmaps_come_from_the_desks_home_alone(desk: Desk, client: TestClient, tmp_path: Path) -> None:
    """A heatmap in the home is passed on as it is; outside, or through a link, it is refused."""
    content = Heatmap(np.eye(7, dtype=np.float32)).png()
    inside, outside = desk.settings.home / "map.png", tmp_path / "map.png"
    inside.write_bytes(content)
    outside.write_bytes(content)
    link = desk.settings.home / "link.png"
    link.symlink_to(outside)
    assert fetch(client, picture_address(desk, Picture.HEATMAP, inside)).content == content
    assert fetch(client, picture_address(desk, Picture.HEATMAP, outside)).status_code == 403
    assert fetch(client, picture_address(desk, Picture.HEATMAP, link)).status_code == 403


def test_a_heatmap_is_clear_where_the_model_did_not_look() -> None:
    """Opacity follows the map: nothing where it is 0, full where it is 1."""
    share_hw = np.zeros((7, 7), np.float32)
    share_hw[:, 5:] = 1
    rgba_HW4 = np.asarray(Image.open(io.BytesIO(Heatmap(share_hw).png())))
    assert rgba_HW4[112, 20, 3] == 0
    assert rgba_HW4[112, 210, 3] == 255
