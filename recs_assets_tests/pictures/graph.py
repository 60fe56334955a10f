"""The graph of assets as a picture, from the definitions: what depends on nothing is on top, and every line goes down."""

import io
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

INCHES_A_COLUMN, INCHES_A_ROW = 1.45, 0.58
WIDTH, HEIGHT = 0.86, 0.5  # of a box, in columns and rows
# Of the groups, in the order in which they come from top to bottom.
COLOURS = (
    "#e8eaed",
    "#d7e3fc",
    "#c9e4de",
    "#fde2c5",
    "#eee3f7",
    "#fff3bf",
    "#d3f0d3",
    "#f8d7da",
    "#cfe8ef",
    "#f5e6d3",
    "#e3e3ff",
)
SWEEPS = 8

Edges = Mapping[str, set[str]]


def direct(edges: Edges) -> dict[str, set[str]]:
    """What each asset depends on, but for what it depends on by way of another one too."""
    above = {name: _ancestors(name, edges) for name in edges}
    return {name: {one for one in before if not any(one in above[other] for other in before)} for name, before in edges.items()}


def depths(edges: Edges) -> dict[str, int]:
    """The row of each asset: as low as it can stand above all that depend on it, so that few lines pass other assets."""
    after: dict[str, set[str]] = {name: {other for other in edges if name in edges[other]} for name in edges}
    below: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in below:
            below[name] = 1 + max((height(other) for other in after[name]), default=-1)
        return below[name]

    highest = max(height(name) for name in sorted(edges))
    return {name: highest - height(name) for name in edges}


def routed(edges: Edges, rows: Mapping[str, int]) -> dict[tuple[str, str], list[str]]:
    """The stops of each line, one a row from what is depended on down to what depends; between them names that no asset has."""
    lines = [(before, name) for name in sorted(edges) for before in sorted(edges[name])]
    return {
        (before, name): [before, *(f"{before} to {name}, {row}" for row in range(rows[before] + 1, rows[name])), name]
        for before, name in lines
    }


def places(rows: Mapping[str, int], lines: Iterable[Sequence[str]]) -> dict[str, tuple[float, int]]:
    """Column and row of each asset and stop: near the middle of its neighbours, each row in the middle (Sugiyama et al. 1981)."""
    row_of, neighbours = dict(rows), defaultdict[str, set[str]](set)
    for stops in lines:
        for place, (one, other) in enumerate(itertools.pairwise(stops)):
            row_of.setdefault(other, rows[stops[0]] + place + 1)
            neighbours[one].add(other)
            neighbours[other].add(one)
    in_row = {row: sorted(name for name in row_of if row_of[name] == row) for row in set(row_of.values())}
    column = {name: _centred(place, len(names)) for names in in_row.values() for place, name in enumerate(names)}
    for sweep in range(SWEEPS):
        for row in sorted(in_row, reverse=sweep % 2 == 1):
            wish = {name: sum(column[one] for one in neighbours[name]) / len(neighbours[name]) for name in in_row[row]}
            in_row[row].sort(key=lambda name: (wish[name], name))
            for place, name in enumerate(in_row[row]):
                column[name] = _centred(place, len(in_row[row]))
    return {name: (column[name], row_of[name]) for name in row_of}


def svg(edges: Edges, groups: Mapping[str, str]) -> str:
    """The picture; the same bytes for the same graph.

    Args:
        edges: what each asset depends on.
        groups: of each asset.
    """
    shown = direct(edges)
    rows = depths(shown)
    lines = routed(shown, rows)
    at = places(rows, lines.values())
    widest, lowest = max(abs(x) for x, _ in at.values()) + 0.5, max(y for _, y in at.values()) + 0.5
    figure = Figure(figsize=(2 * widest * INCHES_A_COLUMN, (lowest + 0.5) * INCHES_A_ROW))
    drawing = figure.add_axes((0, 0, 1, 1))
    drawing.set_axis_off()
    drawing.set_xlim(-widest, widest)
    drawing.set_ylim(lowest, -0.5)
    for (before, name), stops in sorted(lines.items()):
        edge = {before: HEIGHT / 2, name: -HEIGHT / 2}
        points = [(at[stop][0], at[stop][1] + edge.get(stop, 0.0)) for stop in stops]
        drawing.plot(*zip(*points, strict=True), color="#8a94a0", linewidth=0.9, zorder=1)
    downwards = sorted(rows, key=lambda name: (rows[name], name))
    colours = dict(zip(dict.fromkeys(groups[name] for name in downwards), itertools.cycle(COLOURS), strict=False))
    for name in downwards:
        x, y = at[name]
        corner = x - WIDTH / 2, y - HEIGHT / 2
        box = FancyBboxPatch(
            corner, WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", fc=colours[groups[name]], ec="#59636e", zorder=2
        )
        drawing.add_patch(box)
        drawing.text(x, y, name.replace("published_", "published_\n"), ha="center", va="center", fontsize=7.5, zorder=3)
    image = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "graph"}):
        figure.savefig(image, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    return re.sub(r"[ \t]+$", "", image.getvalue(), flags=re.MULTILINE)


def _ancestors(name: str, edges: Edges) -> set[str]:
    return set(edges[name]).union(*(_ancestors(before, edges) for before in edges[name]))


def _centred(place: int, n: int) -> float:
    return place - (n - 1) / 2
