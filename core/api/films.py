"""Routes that show images, their thumbnails and heatmaps to holders of a signed address."""

from fastapi import APIRouter, Response

from core.services.desk import open_desk
from core.services.desk.signed_urls import VALID_SECONDS
from core.services.films.images import Picture, open_picture

router = APIRouter(prefix="/films", tags=["films"])


@router.get("/{picture}/{reference}")
def show(picture: Picture, reference: str, signature: str = "") -> Response:
    """Return a picture; 403 if the address is not the desk's, 404 if the file is gone, 422 if it is no image."""
    content, media_type = open_picture(open_desk(), picture, reference, signature)
    return Response(content, media_type=media_type, headers={"Cache-Control": f"private, max-age={VALID_SECONDS}"})
