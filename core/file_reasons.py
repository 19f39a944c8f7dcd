"""Why a file cannot be read as an image, and what its reader has to say of one: kinds of reasons, stored as codes.

`core.reason_words_files` has the words; codes and the names of values stay.
"""

from dataclasses import dataclass
from typing import ClassVar

from core.reasons import Reason


@dataclass(frozen=True)
class EmptyFile(Reason):
    """The file has no content."""

    code: ClassVar[str] = "empty_file"


@dataclass(frozen=True)
class UnknownFormat(Reason):
    """The content is in none of the formats that are read, named in `formats`."""

    code: ClassVar[str] = "unknown_format"
    formats: str


@dataclass(frozen=True)
class PictureDamaged(Reason):
    """The picture cannot be decoded; `detail` is what the decoder says."""

    code: ClassVar[str] = "picture_damaged"
    detail: str


@dataclass(frozen=True)
class PictureHeadDamaged(Reason):
    """What precedes the pixels of a picture cannot be read; `detail` is what the decoder says."""

    code: ClassVar[str] = "picture_head_damaged"
    detail: str


@dataclass(frozen=True)
class GreyNotFinite(Reason):
    """Some pixels are infinite or no number."""

    code: ClassVar[str] = "grey_not_finite"


@dataclass(frozen=True)
class MorePixelsThanRead(Reason):
    """The image says it has more pixels than are read."""

    code: ClassVar[str] = "more_pixels_than_read"
    width: int
    height: int
    limit_megapixels: int


@dataclass(frozen=True)
class PixelBomb(Reason):
    """The image says it has so many pixels that its size was not even asked for."""

    code: ClassVar[str] = "pixel_bomb"
    limit_megapixels: int


@dataclass(frozen=True)
class DecodingTooLarge(Reason):
    """Decoding the image would take more memory than one may."""

    code: ClassVar[str] = "decoding_too_large"
    width: int
    height: int
    needed_megabytes: int
    limit_megabytes: int


@dataclass(frozen=True)
class NotEnoughMemory(Reason):
    """The machine has not the memory that the image takes."""

    code: ClassVar[str] = "not_enough_memory"


@dataclass(frozen=True)
class UnforeseenError(Reason):
    """Reading raised an error that no reader foresees: its class, and the file and line it came from."""

    code: ClassVar[str] = "unforeseen_error"
    error: str
    place: str


@dataclass(frozen=True)
class NotRewritable(Reason):
    """The pixels cannot be stored without what else is in their file."""

    code: ClassVar[str] = "not_rewritable"


@dataclass(frozen=True)
class NotKept(Reason):
    """The file was not stored when it came, for it could not be freed of identifiers.

    `refused_for` is the `RejectionReason` it had, `formats` names those that are read.
    """

    code: ClassVar[str] = "not_kept"
    refused_for: str
    formats: str


@dataclass(frozen=True)
class DicomDamaged(Reason):
    """The header cannot be read; `error` is the class of what the library raised."""

    code: ClassVar[str] = "dicom_damaged"
    error: str


@dataclass(frozen=True)
class DicomAsksTooMuch(Reason):
    """The header states lengths that no memory holds."""

    code: ClassVar[str] = "dicom_asks_too_much"


@dataclass(frozen=True)
class DicomTooManyAttributes(Reason):
    """The header has more attributes than any image's."""

    code: ClassVar[str] = "dicom_too_many_attributes"
    limit: int


@dataclass(frozen=True)
class UnpacksTooLarge(Reason):
    """The deflated file unpacks to more than any image."""

    code: ClassVar[str] = "unpacks_too_large"
    limit_megabytes: int


@dataclass(frozen=True)
class NoDicomImage(Reason):
    """What looked like a DICOM file has nothing of an image."""

    code: ClassVar[str] = "no_dicom_image"


@dataclass(frozen=True)
class NoPixels(Reason):
    """The DICOM file is of another kind of object, such as a report."""

    code: ClassVar[str] = "no_pixels"


@dataclass(frozen=True)
class DepthNotRead(Reason):
    """Size or depth (bits stored of bits allocated, None where not stated) is none that is read."""

    code: ClassVar[str] = "depth_not_read"
    width: int
    height: int
    stored_bits: int | None
    allocated_bits: int | None


@dataclass(frozen=True)
class NotDecodedHere(Reason):
    """There is no decoder for the transfer syntax; None for one that is not in the standard."""

    code: ClassVar[str] = "not_decoded_here"
    syntax: str | None


@dataclass(frozen=True)
class HeaderUnclear(Reason):
    """The header lacks or contradicts what decoding needs."""

    code: ClassVar[str] = "header_unclear"


@dataclass(frozen=True)
class PixelsDamaged(Reason):
    """The pixels of a DICOM file cannot be decoded; `error` is the class of what the decoder raised."""

    code: ClassVar[str] = "pixels_damaged"
    error: str


@dataclass(frozen=True)
class ScanCutShort(Reason):
    """The JPEG in a DICOM file does not end."""

    code: ClassVar[str] = "scan_cut_short"


@dataclass(frozen=True)
class ChannelsUnstated(Reason):
    """The file has channels of colour and does not say which."""

    code: ClassVar[str] = "channels_unstated"


@dataclass(frozen=True)
class NotThreeColours(Reason):
    """The file says it is in colour and has not three channels."""

    code: ClassVar[str] = "not_three_colours"


@dataclass(frozen=True)
class NotTwoDimensions(Reason):
    """The pixels are no grey image of rows and columns."""

    code: ClassVar[str] = "not_two_dimensions"
    dimensions: int


@dataclass(frozen=True)
class SizeContradicted(Reason):
    """Header and compressed picture differ in size."""

    code: ClassVar[str] = "size_contradicted"
    stated_width: int
    stated_height: int
    held_width: int
    held_height: int


@dataclass(frozen=True)
class ChannelsContradicted(Reason):
    """Header and compressed picture differ in channels."""

    code: ClassVar[str] = "channels_contradicted"
    stated: int
    held: int


@dataclass(frozen=True)
class OtherModality(Reason):
    """The file says it is no plain radiograph; None for a word that is not in the vocabulary, and so not repeated."""

    code: ClassVar[str] = "other_modality"
    modality: str | None


@dataclass(frozen=True)
class OtherPart(Reason):
    """The file says it shows another part of the body than the chest."""

    code: ClassVar[str] = "other_part"


@dataclass(frozen=True)
class NotFrontal(Reason):
    """The file says its view is lateral or oblique."""

    code: ClassVar[str] = "not_frontal"


@dataclass(frozen=True)
class RawValues(Reason):
    """The file says it holds the detector's values for processing."""

    code: ClassVar[str] = "raw_values"


@dataclass(frozen=True)
class SeveralFrames(Reason):
    """The file holds more than one frame."""

    code: ClassVar[str] = "several_frames"


@dataclass(frozen=True)
class PolarityUnstated(Reason):
    """The file does not say whether high values are bright; they were shown so."""

    code: ClassVar[str] = "polarity_unstated"


@dataclass(frozen=True)
class PolarityContradicted(Reason):
    """Photometric interpretation and presentation LUT contradict each other; `is_seen` if the image itself decided."""

    code: ClassVar[str] = "polarity_contradicted"
    photometric: str
    lut_shape: str
    is_seen: bool


@dataclass(frozen=True)
class FewerBitsUsed(Reason):
    """The image could hold more bits than its values need, and was shown by those it needs."""

    code: ClassVar[str] = "fewer_bits_used"
    possible: int
    used: int


@dataclass(frozen=True)
class LutDepthContradicted(Reason):
    """The VOI LUT declares another depth than it holds, and was used by what it holds."""

    code: ClassVar[str] = "lut_depth_contradicted"
    declared: int
    held: int


@dataclass(frozen=True)
class ValuesBelowZero(Reason):
    """The image holds numbers below 0, and was shown by the range of their bits."""

    code: ClassVar[str] = "values_below_zero"


@dataclass(frozen=True)
class RangeUnstated(Reason):
    """Nothing says what is black and white; the image was shown by its own range."""

    code: ClassVar[str] = "range_unstated"


@dataclass(frozen=True)
class BorderCropped(Reason):
    """A border of one grey value was left out, `share` of the image (0 to 1)."""

    code: ClassVar[str] = "border_cropped"
    share: float
