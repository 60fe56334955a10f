"""Dots and whiskers as SVG that stands in a page: its text is text, its colours are the page's, in the light and in the dark."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Margins are given: to have them measured takes as long as the drawing.
INCHES_WIDE, INCHES_A_ROW, INCHES_OF_AXIS, INCHES_OF_LABELS = 4.6, 0.26, 0.5, 0.9
# What stands for a colour of the page until the picture is drawn.
COLOURS = {"#010101": "currentColor", "#020202": "var(--accent)", "#030303": "var(--quiet)"}
INK, ACCENT, QUIET = COLOURS


@dataclass(frozen=True)
class Dot:
    """A figure with the ends of its interval, where it has any; ``is_ours``: it is what the page is about."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    is_ours: bool = False


def dots(name: str, rows: Sequence[Dot], *, axis: str, is_lift: bool) -> str:
    """The rows from top to bottom, without a title: the figures stand in a table beside it. An end that is not known is the edge.

    Args:
        name: begins the ids within the picture, each once in a page.
        rows: what is drawn.
        axis: what is measured.
        is_lift: it is shown in percent beside a line at zero.
    """
    import matplotlib  # 0.5 s at load
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    height = INCHES_OF_AXIS + INCHES_A_ROW * len(rows)
    figure = Figure(figsize=(INCHES_WIDE, height))
    left, bottom = INCHES_OF_LABELS / INCHES_WIDE, INCHES_OF_AXIS / height
    drawing = figure.add_axes((left, bottom, 0.97 - left, 1 - bottom))
    edge = max((end for row in rows for end in (row.value, row.high or row.value) if math.isfinite(end)), default=1.0)
    for place, row in enumerate(rows):
        colour = ACCENT if row.is_ours else INK
        if row.low is not None:
            high = row.high if row.high is not None and math.isfinite(row.high) else edge * 1.2
            drawing.plot([row.low, high], [place, place], color=colour, linewidth=1.2)
        drawing.plot([row.value], [place], "o", color=colour, markersize=5 if row.is_ours else 3.5)
    drawing.xaxis.set_major_locator(MaxNLocator(5))
    if is_lift:
        drawing.axvline(0, color=QUIET, linewidth=0.8)
        drawing.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    drawing.set_yticks(range(len(rows)), [row.label for row in rows])
    drawing.set_ylim(len(rows) - 0.5, -0.5)
    drawing.set_xlabel(axis, color=INK)
    drawing.tick_params(colors=INK, length=2)
    drawing.grid(axis="x", color=QUIET, linewidth=0.3)
    for side, spine in drawing.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(QUIET)
    image = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9}):
        figure.savefig(
            image, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return _of_page(image.getvalue(), name)


def _of_page(image: str, name: str) -> str:
    """The picture alone, in the page's colours and letters, as wide as its place; ids that no other picture has."""
    picture = image[image.index("<svg") :]
    for drawn, meant in COLOURS.items():
        picture = picture.replace(drawn, meant)
    # The font is the page's, and its size in the picture is the page's to scale.
    picture = re.sub(
        r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>| font-family: [^;]*;", "", picture, flags=re.DOTALL
    )
    return re.sub(r'(\bid="|#)(?=[a-zA-Z])', rf"\g<1>{name}-", picture).replace("<svg ", '<svg aria-hidden="true" ', 1)
