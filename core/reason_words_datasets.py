"""The words for what an audit of a dataset finds: title, sentence and advice of each kind."""

from collections.abc import Callable, Mapping
from typing import Any

from core.language import mark, tr, tr_n

Values = Mapping[str, Any]
Words = str | Callable[[Values], str]

FEATURES = {
    "bytes_per_pixel": mark("bytes per pixel"),
    "quantisation": mark("JPEG quantisation"),
    "width": mark("width"),
    "height": mark("height"),
    "aspect": mark("aspect ratio"),
    "is_colour": mark("colour mode"),
    "bit_depth": mark("bit depth"),
    "border_darkness": mark("border darkness"),
    "brightness": mark("mean brightness"),
    "contrast": mark("contrast"),
}
LEFT_OUT = {
    "no_label": mark("Neither its folders nor the metadata give a label: put it below NORMAL or PNEUMONIA."),
    "unknown_label": mark("The metadata give a label other than normal or pneumonia: correct the row."),
    "unknown_split": mark(
        "A folder beside train, val or test, or the metadata, give a split that is none of these or their usual other "
        "names (training, valid, holdout, external_test, …), so that it is trained on by nobody: rename it, or empty "
        "the cell."
    ),
    "label_conflict": mark("Its folders and the metadata give different labels: correct the one that is wrong."),
    "not_in_metadata": mark("The metadata have no row for this image: add one, or take the image away."),
    "missing_file": mark("It is named, but is not there: restore the file, or remove its row or link."),
    "vanished": mark("It was there when the folder was listed, but gone when it was to be read: index again."),
    "undecodable_name": mark("Its name holds bytes that are no text: rename the file or its folder."),
    "no_regular_file": mark("It is a pipe, a socket or a device, or a link to itself: take it away."),
    "nested_copy": mark(
        "The same file lies under the same path once more, one folder up or down, as in Kaggle's download of the "
        "standard dataset: each is counted once, and one of the two folders can be deleted."
    ),
    "folder_not_read": mark("The folder could not be opened by this user: ask for permission to read it."),
}
"""By a `FilmProblem`."""
NOT_READ = mark("They cannot be read as pictures.")
COPIES = {
    "exact_across_labels": mark(
        "{num_groups:,} groups of files with the same bytes ({num_files:,} files) are under both labels."
    ),
    "near_across_labels": mark(
        "{num_groups:,} groups of files with the same picture, stored differently ({num_files:,} files) are under both "
        "labels."
    ),
    "exact_across_splits": mark(
        "{num_groups:,} groups of files with the same bytes ({num_files:,} files) are in more than one split, so that "
        "a model is evaluated on images it was trained on."
    ),
    "near_across_splits": mark(
        "{num_groups:,} groups of files with the same picture, stored differently ({num_files:,} files) are in more "
        "than one split, so that a model is evaluated on images it was trained on."
    ),
    "exact_within": mark(
        "{num_groups:,} groups of files with the same bytes ({num_files:,} files) stand within one split and class."
    ),
    "near_within": mark(
        "{num_groups:,} groups of files with the same picture, stored differently ({num_files:,} files) stand within "
        "one split and class."
    ),
}
TITLES_OF_COPIES = {
    "across_labels": mark("One image, two labels"),
    "across_splits": mark("One image on both sides of a split"),
    "within": mark("Images that are there more than once"),
}
ADVICE_FOR_COPIES = {
    "exact_across_labels": mark("Ask who graded them, and keep one. Training leaves exact copies with two labels out."),
    "near_across_labels": mark(
        "Ask who graded them, and keep one: only exact copies with two labels are left out by themselves."
    ),
    "exact_across_splits": mark(
        "Take them out of one side. Splits saved here never use an image of which the test folder has an exact copy."
    ),
    "near_across_splits": mark(
        "Take them out of one side: splits saved here leave out exact copies of test images only."
    ),
    "exact_within": mark("Splits saved here use each content once."),
    "near_within": mark("Take the copies away: only exact copies are left out by themselves."),
}


def _few_patients(values: Values) -> str:
    parts = [
        tr_n("{n} patient of class {label}", "{n} patients of class {label}", count, label=label)
        for label, count in zip(values["labels"], values["counts"], strict=True)
    ]
    if len(parts) == 1:
        return tr(
            "Outside the test folder there is no more than {first_count}: no fold can be evaluated on so few.",
            first_count=parts[0],
        )
    return tr(
        "Outside the test folder there is no more than {first_count} and {second_count}: no fold can be evaluated "
        "on so few.",
        first_count=parts[0],
        second_count=parts[1],
    )


def _imbalance(values: Values) -> str:
    parts = [
        tr("{split} {ratio:.2f} to 1 ({label})", split=split, ratio=ratio, label=label)
        for split, ratio, label in zip(values["splits"], values["ratios"], values["labels"], strict=True)
    ]
    return tr("The larger class outweighs the smaller one: {parts}.", parts=", ".join(parts))


def _subtype_missing(values: Values) -> str:
    parts = [
        tr("{split} has no {subtype} image", split=split, subtype=subtype)
        for split, subtype in zip(values["splits"], values["subtypes"], strict=True)
    ]
    return tr("{parts}: what is measured there says nothing about it.", parts="; ".join(parts))


def _other_files(values: Values) -> str:
    return tr(
        "{num_files:,} files ({endings}) were passed over, because they are no pictures by name or content.",
        num_files=values["num_files"],
        endings=", ".join(values["endings"]),
    )


def _folders_alike(values: Values) -> str:
    return tr(
        "{folders} are read as different folders with the same meaning. On Windows and macOS they would be one, and "
        "images of the same name would overwrite each other.",
        folders="; ".join(tr(" and ").join(group) for group in values["groups"]),
    )


def _files_left_out(values: Values) -> str:
    counted = tr("Left out: {num_files:,}.", num_files=values["num_files"])
    return f"{counted} {tr(LEFT_OUT.get(values['problem'], NOT_READ))}"


def _title_of_files(values: Values) -> str:
    return tr(str(values["problem"]).replace("_", " ").capitalize())


def _copies(values: Values) -> str:
    return tr(COPIES[_key(values)], **values)


def _title_of_copies(values: Values) -> str:
    return tr(TITLES_OF_COPIES[values["place"]])


def _advice_for_copies(values: Values) -> str:
    return tr(ADVICE_FOR_COPIES[_key(values)])


def _key(values: Values) -> str:
    return f"{values['likeness']}_{values['place']}"


def _class_given_away(values: Values) -> str:
    return tr(
        "By {feature} alone the classes are distinguished with an AUC of {auc:.3f}, on images of other patients: a "
        "model can score well here without looking at lungs.",
        feature=_feature(values),
        auc=values["auc"],
    )


def _title_of_giving_away(values: Values) -> str:
    name = _feature(values)
    return tr("{feature} gives the class away", feature=name[:1].upper() + name[1:])


def _feature(values: Values) -> str:
    feature = str(values["feature"])
    return tr(FEATURES.get(feature, feature))


REASON_WORDS: dict[str, Words] = {
    "no_labels": mark("No readable image has a label, so nothing can be trained or evaluated on this folder."),
    "one_class": mark("All {num_images:,} labelled images are {label}."),
    "labels_against_names": mark("{num_images:,} images have the name of one class and the label of the other."),
    "patients_across_splits": mark(
        "{num_patients:,} patients have images in more than one split: results on the other side are too good."
    ),
    "unknown_patients": mark(
        "Of {num_unknown:,} of {num_images:,} images nothing says the patient: no metadata.csv, no patient number in "
        "the file, no known naming scheme. Each counts as a patient of its own, so that images of one patient may be "
        "on both sides of a split and results too good."
    ),
    "validation_too_small": mark(
        "It has {num_images:,} images: one image is worth {points:.1f} points of accuracy, so that choosing an epoch "
        "or a threshold on it is chance."
    ),
    "few_patients": _few_patients,
    "imbalance": _imbalance,
    "subtype_missing": _subtype_missing,
    "other_files": _other_files,
    "cut_links": mark(
        "{num_links:,} links lead in a circle, or to folders read by another way: each image counts once."
    ),
    "folders_alike": _folders_alike,
    "files_left_out": _files_left_out,
    "tiny_images": mark("{num_odd:,} of {num_images:,} images have a side under {smallest_side} pixels."),
    "odd_shapes": mark(
        "{num_odd:,} of {num_images:,} images are over {largest_aspect} times as long as wide, or the reverse."
    ),
    "mixed_colour_modes": mark(
        "{num_odd:,} of {num_images:,} images are stored otherwise than most (mode {common_mode})."
    ),
    "copies_found": _copies,
    "other_kind_of_test_images": mark(
        "Small copies tell the {num_test:,} test images of class {label} from the {num_train:,} others with an AUC of "
        "{auc:.2f}: a threshold chosen on training images will not transfer fully."
    ),
    "class_given_away": _class_given_away,
}
_ODD = mark("Look at them: if one class has more of these than the other, a model can tell the classes by it.")
TITLES: dict[str, Words] = {
    "no_labels": mark("No image has a label"),
    "one_class": mark("Only one class"),
    "labels_against_names": mark("Name and label disagree"),
    "patients_across_splits": mark("Patients on both sides of a split"),
    "unknown_patients": mark("Patients are not known"),
    "validation_too_small": mark("The validation folder is too small"),
    "few_patients": mark("Too few patients to train on"),
    "imbalance": mark("Classes of unequal size"),
    "subtype_missing": mark("A subtype is missing from a split"),
    "other_files": mark("Files that are no pictures"),
    "cut_links": mark("Links that were not followed"),
    "folders_alike": mark("Folders that differ only in the case of letters"),
    "files_left_out": _title_of_files,
    "tiny_images": mark("Very small images"),
    "odd_shapes": mark("Images of odd shape"),
    "mixed_colour_modes": mark("Another colour mode"),
    "copies_found": _title_of_copies,
    "other_kind_of_test_images": mark("Test images of class {label} are of another kind"),
    "class_given_away": _title_of_giving_away,
}
ADVICE: dict[str, Words] = {
    "no_labels": mark(
        "Put images below NORMAL and PNEUMONIA, or bring a metadata.csv with the columns file and label."
    ),
    "one_class": mark("Add images of the class {other}: a model needs both."),
    "labels_against_names": mark(
        "Look at them, and move each to its class's folder or correct its row in the metadata."
    ),
    "patients_across_splits": mark("Train on a split saved here: it never divides a patient."),
    "unknown_patients": mark("Bring a metadata.csv with the columns file, label and patient_id."),
    "validation_too_small": mark(
        "Train on a split saved here: it joins these images to the training images and carves by patient."
    ),
    "few_patients": mark("Add images until there are at least {fewest} patients of each class."),
    "imbalance": mark(
        "Balanced sampling or class weights are among the training options; evaluate by sensitivity and specificity."
    ),
    "subtype_missing": mark(
        "Train on a split saved here (it keeps the subtypes' shares), or state this beside the results."
    ),
    "other_files": mark("If images are among them, unpack them; nothing else needs to be done."),
    "cut_links": mark("Take the links away, unless you want to keep them; no image is lost."),
    "folders_alike": mark("Move the images into one folder, unless names clash, and examine again."),
    "files_left_out": mark("Mend or remove them, then index again; all others are used."),
    "tiny_images": _ODD,
    "odd_shapes": _ODD,
    "mixed_colour_modes": _ODD,
    "copies_found": _advice_for_copies,
    "other_kind_of_test_images": mark(
        "Expect other sensitivity and specificity on the test images; no split of the training images can show it."
    ),
    "class_given_away": mark(
        "Train with the strong augmentation, which re-encodes, blurs and crops, and evaluate on images of another "
        "source."
    ),
}


def title_of(code: str, values: Values) -> str:
    """Return the title of what an audit found."""
    return _said(TITLES.get(code, code.replace("_", " ")), values)


def advice_for(code: str, values: Values) -> str:
    """Return what to do about what an audit found."""
    return _said(ADVICE.get(code, ""), values)


def _said(words: Words, values: Values) -> str:
    return words(values) if callable(words) else tr(words, **values)
