"""Names and notes of others in Markdown: shown as they are, never as markup."""


def plain(text: str) -> str:
    """Return text in which every sign that Markdown knows is escaped."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|:$~&" else letter for letter in text)
