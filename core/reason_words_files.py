"""The words for why a file cannot be read, and for what its reader has to say of it."""

from collections.abc import Callable, Mapping
from typing import Any

from core.language import mark, tr

Values = Mapping[str, Any]

NOT_KEPT = {
    "not_a_picture": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it is no image in a known "
        "format ({formats})"
    ),
    "truncated": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it is cut short or damaged: "
        "copy it again from its source"
    ),
    "file_too_large": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it is larger than this desk "
        "reads: send it smaller"
    ),
    "too_many_pixels": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it has more pixels than this "
        "desk reads: save it smaller"
    ),
    "read_error": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it could not be read: copy "
        "it again from its source"
    ),
    "archive_unsafe": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it unpacks to far more than "
        "it holds, or out of its folder: send the folder"
    ),
    "archive_unreadable": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it is damaged, split, locked "
        "or an archive within one: unpack it and send it"
    ),
    "no_pixels": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: it holds no pixels: send the "
        "image, not a report"
    ),
    "missing_codec": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: its compression is not "
        "decoded here: send it uncompressed or as JPEG 2000"
    ),
    "unsupported_pixels": mark(
        "the file was not kept, for it could not be freed of names and other identifiers: its header does not describe "
        "its pixels in a known way: export it again"
    ),
}
"""By the refusal of the file that came."""
NOT_KEPT_OTHERWISE = mark(
    "the file was not kept, for it could not be freed of names and other identifiers: it could not be read to its end: "
    "save it again in its viewer"
)


def _not_kept(values: Values) -> str:
    return tr(NOT_KEPT.get(values["refused_for"], NOT_KEPT_OTHERWISE), **values)


def _depth_not_read(values: Values) -> str:
    if values["stored_bits"] is None or values["allocated_bits"] is None:
        return tr("the header does not say how many bits its pixels have: 8- and 16-bit images are read")
    return tr(
        "{width} by {height} pixels of {stored_bits} in {allocated_bits} bits: 8- and 16-bit images are read", **values
    )


def _not_decoded_here(values: Values) -> str:
    if values["syntax"] is None:
        return tr(
            "the pixels are stored in an unknown way, which is not decoded here: send the image uncompressed or as "
            "JPEG 2000"
        )
    return tr(
        "the pixels are stored as {syntax}, which is not decoded here: send the image uncompressed or as JPEG 2000",
        **values,
    )


def _other_modality(values: Values) -> str:
    if values["modality"] is None:
        return tr("the file says its modality is not in the vocabulary; plain radiographs (CR, DX, RG) are read")
    return tr("the file says its modality is {modality}; plain radiographs (CR, DX, RG) are read", **values)


def _polarity_contradicted(values: Values) -> str:
    if values["is_seen"]:
        return tr(
            "the file contradicts itself on whether high values are dark ({photometric} with {lut_shape}): shown so "
            "that the lungs are dark; check that it is no negative",
            **values,
        )
    return tr(
        "the file contradicts itself on whether high values are dark ({photometric} with {lut_shape}): shown as its "
        "presentation LUT says, for the image leaves it open; check that it is no negative",
        **values,
    )


REASON_WORDS: dict[str, str | Callable[[Values], str]] = {
    "empty_file": mark("the file is empty: copy it again from its source"),
    "unknown_format": mark("this is no picture in a known format ({formats}), whatever its name says"),
    "picture_damaged": mark("the picture is cut short or damaged ({detail}): copy it again from its source"),
    "picture_head_damaged": "the head of the picture is damaged ({detail}): copy it again",
    "grey_not_finite": mark("the picture is damaged (grey values that are not finite): copy it again from its source"),
    "more_pixels_than_read": mark(
        "the picture says it has {width} by {height} pixels, more than the {limit_megapixels} million that are read; "
        "it was not opened"
    ),
    "pixel_bomb": mark(
        "the picture says it has more pixels than any image has, more than the {limit_megapixels} million that are "
        "read; it was not opened"
    ),
    "decoding_too_large": mark(
        "{width} by {height} pixels of this kind need {needed_megabytes} MB to be opened, more than the "
        "{limit_megabytes} MB that one image may take: save it as grey JPEG or PNG, or smaller"
    ),
    "not_enough_memory": mark("the image needs more memory than this machine has: save it smaller"),
    "unforeseen_error": mark(
        "reading the file failed with an error that was not foreseen ({error} in {place}): save it again in its "
        "viewer, and report this line"
    ),
    "not_rewritable": mark("the pixels are not stored in a way that can be rewritten"),
    "not_kept": _not_kept,
    "dicom_damaged": mark("the DICOM file is cut short or damaged ({error}): send it again from its source"),
    "dicom_asks_too_much": mark(
        "the DICOM file is cut short or damaged (it asks for more memory than there is): send it again from its source"
    ),
    "dicom_too_many_attributes": mark(
        "the DICOM file is cut short or damaged (it has more than {limit:,} attributes): send it again from its source"
    ),
    "unpacks_too_large": mark("the file unpacks to more than {limit_megabytes} MB; it was not opened"),
    "no_dicom_image": "this is no picture and no DICOM file with an image",
    "no_pixels": mark("the DICOM file holds no pixels: send the image, not a report"),
    "depth_not_read": _depth_not_read,
    "not_decoded_here": _not_decoded_here,
    "header_unclear": mark("the header lacks or contradicts what decoding the pixels needs: export the image again"),
    "pixels_damaged": "the pixels are cut short or damaged ({error}): send the image again from its source",
    "scan_cut_short": mark("the JPEG in the file is cut short: send the image again from its source"),
    "channels_unstated": "the file does not say what its colour channels are: export it again",
    "not_three_colours": mark("a colour picture without three colours"),
    "not_two_dimensions": "{dimensions} dimensions are none of a grey image",
    "size_contradicted": mark(
        "the header says {stated_width} by {stated_height} pixels, the compressed picture in it has {held_width} by "
        "{held_height}: export the image again"
    ),
    "channels_contradicted": mark(
        "the header says channels of colour: {stated}, the compressed picture in it has {held}: export the image again"
    ),
    "other_modality": _other_modality,
    "other_part": mark("the file says it shows another part of the body; chest images are read"),
    "not_frontal": "the file says its view is lateral or oblique; frontal views (AP, PA) are read",
    "raw_values": mark("these are the detector's raw values (FOR PROCESSING): send the image made for presentation"),
    "several_frames": "the file holds several frames: send one image in one file",
    "polarity_unstated": mark("the file does not say whether high values are bright: shown as if they were"),
    "polarity_contradicted": _polarity_contradicted,
    "fewer_bits_used": mark("the image could hold {possible} bits and uses {used}: shown by the {used}"),
    "lut_depth_contradicted": "its VOI LUT declares {declared} bits and holds {held}: shown by the {held}",
    "values_below_zero": mark("the image holds numbers below 0: shown from the lowest to the highest of their bits"),
    "range_unstated": "the image does not show what is black and white: shown from its lowest to its highest value",
    "border_cropped": mark("a border of one grey value, {share:.0%} of the image, was cropped before analysis"),
}
