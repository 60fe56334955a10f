"""Scores out of a file, some profiles at a time, with numbers in place of ids."""

from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.store import Store
from recs_assets.steps.score_blocks import by_block
from recs_assets_tests.resources.store.test_store import ORIGIN, WEEK

PROFILES, PRODUCTS = pa.array(["a", "b", "c", "d", "e"]), pa.array(["p0", "p1", "p2"])
BLOCKS = [slice(0, 2), slice(2, 4), slice(4, 6)]
Rows = list[tuple[str, str, float, str]]


def written(root: Path, groups: list[Rows]) -> Artifact:
    """The scores as a file of one row group a table."""
    names = ["profile_id", "product_id", "score", "channels"]
    kinds = [pa.string(), pa.string(), pa.float64(), pa.string()]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    tables = [
        pa.table([pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)], schema=schema)
        for rows in groups
    ]
    with Store(root).draft("user_scores", WEEK, ORIGIN) as new:
        new.write_tables("scores.parquet", tables)
    return new.written


def read(artifact: Artifact) -> list[list[tuple[object, ...]]]:
    blocks = by_block(artifact, "scores.parquet", PROFILES, PRODUCTS, BLOCKS)
    columns = ["profile", "product", "score", "channels"]
    return [list(block[columns].itertuples(index=False, name=None)) for block in blocks]


def test_blocks_and_row_groups_need_not_end_together(tmp_path: Path) -> None:
    # The second block lies in three row groups; profile c has no rows.
    groups: list[Rows] = [
        [("a", "p2", 3.0, "walk"), ("a", "p0", 1.0, "")],
        [("b", "p1", 2.0, "brand"), ("d", "p0", 7.0, "walk")],
        [("d", "p2", 6.0, "brand walk")],
        [("d", "p1", 5.0, ""), ("e", "p1", 4.0, "vehicle")],
    ]
    assert read(written(tmp_path, groups)) == [
        [(0, 2, 3.0, "walk"), (0, 0, 1.0, ""), (1, 1, 2.0, "brand")],
        [(1, 0, 7.0, "walk"), (1, 2, 6.0, "brand walk"), (1, 1, 5.0, "")],
        [(0, 1, 4.0, "vehicle")],
    ]


def test_a_file_without_rows_has_empty_blocks(tmp_path: Path) -> None:
    assert read(written(tmp_path, [[]])) == [[], [], []]


@pytest.mark.parametrize(
    "groups", [[[("b", "p0", 1.0, ""), ("a", "p0", 1.0, "")]], [[("c", "p0", 1.0, "")], [("b", "p0", 1.0, "")]]]
)
def test_another_order_is_refused(groups: list[Rows], tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"scores\.parquet is not in the order of the profiles: materialize user_scores for week"
    ):
        read(written(tmp_path, groups))
