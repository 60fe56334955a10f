"""Names that could be meant for a source table: what has one and would not be read is refused, and not passed over."""

import re

from recs_assets.contract import SOURCE_TABLES


def resembled(name: str, absent: list[str] | tuple[str, ...]) -> str | None:
    """The source table that a name could be meant for: one that it begins with, or one that is absent and occurs in it."""
    lower = name.lower()
    for table in SOURCE_TABLES:
        if lower.startswith(table) and not lower[len(table) : len(table) + 1].isalpha():
            return table
    letters = re.sub("[^a-z]", "", lower.split(".", maxsplit=1)[0])
    for table in sorted(absent, key=len, reverse=True):
        if re.sub("[^a-z]", "", table).removesuffix("s") in letters:
            return table
    return None
