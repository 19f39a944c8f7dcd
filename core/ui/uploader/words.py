"""All that the folder uploader says."""

from core.language import tr
from core.ui.component_words import Words, plural_forms


def uploader_words() -> Words:
    """Return the uploader's words in the current language, by the names that its page and scripts use."""
    return _of_page() | _of_progress() | _of_failures()


def _of_page() -> Words:
    return {
        "uploader": tr("Send X-rays"),
        "drop": tr("Drop a folder, X-rays or a zip here"),
        "choose_folder": tr("Choose folder"),
        "choose_files": tr("Choose files"),
        "limits": tr(
            "DICOM, JPEG, PNG and other X-ray files up to {file_limit}, and zips up to {zip_limit}. They stay on the "
            "machine that this desk runs on."
        ),
        "arrived": plural_forms(
            "{count} file arrived earlier. Choose the same folder again, and only the rest is sent.",
            "{count} files arrived earlier. Choose the same folder again, and only the rest is sent.",
        ),
        "cancel": tr("Cancel"),
        "retry": tr("Send the rest again"),
        "bytes_sent": tr("Bytes sent"),
    }


def _of_progress() -> Words:
    return {
        "looking": tr("Looking through the folder …"),
        "none_found": tr("No files found there."),
        "received": tr("{received} of {expected} received"),
        "speed": plural_forms("{count} file/s", "{count} files/s"),
        "time_left": tr("{duration} left"),
        "failed": plural_forms("{count} failed", "{count} failed"),
        "cancelled": tr("cancelled"),
        "hidden": plural_forms("{count} hidden file left out", "{count} hidden files left out"),
        "gigabytes": tr("{amount} GB"),
        "megabytes": tr("{amount} MB"),
        "seconds": tr("{amount} s"),
        "minutes": tr("{amount} min"),
    }


def _of_failures() -> Words:
    return {
        "files_failed": plural_forms("{count} file failed", "{count} files failed"),
        "failure": tr("{file}: {reason}"),
        "too_large": tr("larger than {limit}, the desk's limit"),
        "not_reached": tr("could not be read here, or the desk could not be reached"),
        "not_stored": tr("was sent, but the desk does not have it"),
        "refused": tr("was refused by the desk ({status})"),
        "unreadable": tr("cannot be read here ({error})"),
    }
