"""The image viewer: an image with the AI heatmap over it, moved by the reader at once and without a rerun."""

from pathlib import Path

from streamlit.components.v2 import component

from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.ui.component_words import with_words
from core.ui.source_files import read_joined
from core.ui.viewer.words import viewer_words

_HERE = Path(__file__).parent
_render = component(
    "pneumodesk_viewer",
    html=read_joined(_HERE, ["viewer.html"]),
    css=read_joined(_HERE, ["viewer.css"]),
    js=read_joined(_HERE, ["../sentences.js", "viewer.js"]),
)


# A component takes what it shows by keyword, as Streamlit's own do.
def viewer(
    desk: Desk,
    path: Path | str,
    *,
    alt: str,
    member: str | None = None,
    heatmap: Path | str | None = None,
    height: int = 560,
    following: str | None = None,
    key: str = "viewer",
) -> None:
    """Show an image, or a member of a zip, under a heatmap in the desk's home; `height` is in pixels.

    The picture at the address `following` is fetched ahead, so that it is there when the reader continues.
    Opacity is kept from image to image, zoom, place, window and level for as long as the image stays.
    """
    _render(
        key=key,
        data={
            "film": picture_address(desk, Picture.FILM, path, member),
            "heatmap": picture_address(desk, Picture.HEATMAP, heatmap) if heatmap else None,
            "alt": alt,
            "height": height,
            "memory": key,
            "following": following,
            **with_words(viewer_words()),
        },
    )
