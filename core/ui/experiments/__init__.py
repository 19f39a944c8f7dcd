"""The building blocks of the Experiments page."""
