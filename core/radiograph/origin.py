"""Whom a file says it shows and which image it is: read only to be replaced by pseudonyms at once, and kept nowhere."""

from dataclasses import dataclass, field

from core.radiograph.dicom_files import looks_like_dicom


@dataclass(frozen=True)
class Origin:
    """The patient's number and the image's own (SOPInstanceUID), each None where the file does not say it."""

    patient: str | None = field(default=None, repr=False)
    instance: str | None = field(default=None, repr=False)


UNKNOWN = Origin()


def origin_of(content: bytes) -> Origin:
    """Return what a file says of its origin; pictures say nothing."""
    if not looks_like_dicom(content):
        return UNKNOWN
    # Only where it is needed: loading the library takes longer than reading many a folder of pictures.
    from core.radiograph.dicom_patient import patient_and_instance

    return Origin(*patient_and_instance(content))
