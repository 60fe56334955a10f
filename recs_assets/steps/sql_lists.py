"""What SQL alone lists for a few profiles, from its scores and the rules of every list."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets.asset_files import PRODUCT_NODES, SQL_SCORES
from recs_assets.ranking.rules import PartAttributes, apply_list_rules
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import RulesSettings


def sql_lists(inputs: Mapping[str, Artifact], profile_ids: Sequence[str], rules: RulesSettings) -> dict[str, list[str]]:
    """The parts of SQL's list of each profile, the best first; a profile without any has none.

    Args:
        inputs: ``sql_scores``, and the ``product_nodes`` that they were made from.
        profile_ids: of distinct profiles; no more of the scores than theirs is in memory.
        rules: of the lists.
    """
    products = inputs["product_nodes"].table(PRODUCT_NODES, columns=["product_id", "variant_group", "part_type", "is_universal"])
    asked, product_ids = pa.array(profile_ids, pa.string()), products["product_id"].combine_chunks()
    path = inputs["sql_scores"].path(SQL_SCORES)
    rows = pq.read_table(path, columns=["profile_id", "product_id", "sql_score"], filters=pc.field("profile_id").isin(asked))
    scored = pa.table(
        {
            "profile": pc.index_in(rows["profile_id"], asked).cast(pa.int64()),
            "product": pc.index_in(rows["product_id"], product_ids).cast(pa.int64()),
            "score": rows["sql_score"],
        }
    )
    ranked = apply_list_rules(scored.to_pandas(), _attributes(products), rules)
    listed = product_ids.take(pa.array(ranked["product"])).to_pylist()
    lists: dict[str, list[str]] = {profile_id: [] for profile_id in profile_ids}
    for profile, product_id in zip(ranked["profile"], listed, strict=True):
        lists[profile_ids[profile]].append(product_id)
    return lists


def _attributes(products: pa.Table) -> PartAttributes:
    """What the rules read of each part; any code serves that tells groups and types apart."""
    group, kind = (
        pc.fill_null(products[name].combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int64)
        for name in ("variant_group", "part_type")
    )
    return PartAttributes(group, kind, pc.fill_null(products["is_universal"], False).to_numpy().astype(bool))
