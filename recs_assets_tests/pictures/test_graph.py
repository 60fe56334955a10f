"""The graph drawn, on one of six assets, and the drawn one that the README shows."""

from itertools import pairwise
from pathlib import Path

from recs_assets import definitions
from recs_assets_tests.pictures.graph import depths, direct, places, routed, svg

# c is made from a and b, d from c (and from a, which c stands for), e from a alone, f from d and e.
EDGES = {"a": set[str](), "b": set[str](), "c": {"a", "b"}, "d": {"c", "a"}, "e": {"a"}, "f": {"d", "e"}}
FOLDER = Path(__file__).parent


def test_a_line_that_others_stand_for_is_not_drawn() -> None:
    assert direct(EDGES) == EDGES | {"d": {"c"}}


def test_every_line_goes_down_and_no_two_things_stand_in_one_place() -> None:
    shown = direct(EDGES)
    rows = depths(shown)
    assert rows == {"a": 0, "b": 0, "c": 1, "d": 2, "e": 2, "f": 3}
    lines = routed(shown, rows)
    assert lines["a", "e"] == ["a", "a to e, 1", "e"]
    at = places(rows, lines.values())
    assert len(set(at.values())) == len(at) == 7
    assert all(at[low][1] == at[high][1] + 1 for stops in lines.values() for high, low in pairwise(stops))
    # c and the stop of the line from a to e share a row, in its middle, and e's side is that of its line.
    assert (at["c"][0] < at["a to e, 1"][0]) == (at["d"][0] < at["e"][0])
    assert at["c"][0] + at["a to e, 1"][0] == 0


def test_the_same_graph_gives_the_same_bytes() -> None:
    groups = dict.fromkeys(EDGES, "raw") | {"f": "report"}
    assert svg(EDGES, groups) == svg(dict(reversed(EDGES.items())), groups)


def test_the_readmes_pictures_are_small_and_show_the_graph_as_it_is() -> None:
    pictures = [FOLDER / name for name in ("graph.svg", "first_screen.png")]
    assert sum(picture.stat().st_size for picture in pictures) < 200_000
    assets = {key.to_user_string() for key in definitions.defs.resolve_asset_graph().get_all_asset_keys()}
    drawn = pictures[0].read_text()
    names = {f">{name.split('_')[1]}<" if name.startswith("published_") else f">{name}<" for name in assets}
    assert [name for name in sorted(names) if name not in drawn] == []
    assert drawn.count("<text ") == len(assets) + 1, "one name takes two lines"
