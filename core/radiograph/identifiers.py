"""Takes from an image's file all that is not the image: names, numbers, dates, places, comments.

What is kept is named one by one, so that nothing unheard of comes through, and what cannot be taken apart is refused
rather than kept. Writing burned into the picture stays.
"""

from core.radiograph.formats import format_of
from core.radiograph.image_format import Pseudonym
from core.radiograph.not_kept import refuse_placeholder


def without_identifiers(content: bytes, pseudonym: Pseudonym | None = None) -> bytes:
    """Return the same image without metadata: the same pixels, and of a DICOM header what reading it needs.

    `pseudonym` gives what replaces a patient's number in a DICOM file, so that images of one patient are
    still known to belong together; without it nothing does. An empty file stays one. Raises UnreadableFileError for
    what cannot be cleaned and so must not be saved: damaged images, and all that is no image.
    """
    if not content:
        return content
    refuse_placeholder(content)
    return format_of(content).plain(content, pseudonym)
