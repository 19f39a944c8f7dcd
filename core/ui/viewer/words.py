"""All that the image viewer says."""

from core.language import tr
from core.ui.component_words import Words


def viewer_words() -> Words:
    """Return the viewer's words in the current language, by the names that its page and script use."""
    return {
        "viewer": tr("Image viewer"),
        "stage": tr("{image}. {help}"),
        "help": tr(
            "Wheel or + and − zoom, drag or arrows move, H hides the heatmap, R rotates, I inverts, 0 resets the view."
        ),
        "heatmap": tr("AI heatmap"),
        "window": tr("Window"),
        "level": tr("Level"),
        "rotate": tr("Rotate"),
        "rotate_help": tr("Rotate by 90 degrees (R)"),
        "invert": tr("Invert"),
        "invert_help": tr("Invert (I)"),
        "zoom_out": tr("Zoom out"),
        "zoom_out_help": tr("Zoom out (-)"),
        "zoom_in": tr("Zoom in"),
        "zoom_in_help": tr("Zoom in (+)"),
        "reset": tr("Reset"),
        "reset_help": tr("Reset the view (0)"),
        "less": tr("less influence"),
        "more": tr("more"),
        "heatmap_meaning": tr("The heatmap shows what influenced the AI score; it does not outline disease."),
        "heatmap_problem": tr("The AI heatmap of this image cannot be shown."),
        "problem": tr("The image cannot be shown."),
        "not_reached": tr("The image cannot be shown: the desk could not be reached."),
    }
