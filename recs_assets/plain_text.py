"""Texts as they are compared where a shop may write them in several ways."""

import unicodedata


def plain(text: str) -> str:
    """A text without case, and without the spaces, control and format characters around it; queries have a pattern for them."""
    unseen = {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Zs"}}
    return text.strip("".join(unseen)).lower() if unseen else text.lower()
