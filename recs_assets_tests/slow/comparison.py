"""Are people served what the slow computation says?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import torch

from recs_assets.asset_files import MODEL, OTHER_ORDERS, TOWERS
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets_tests.slow.channels import Channels
from recs_assets_tests.slow.lists import Listed, Serving
from recs_assets_tests.slow.towers import Towers
from recs_assets_tests.slow.v5_17 import SqlBaseline
from recs_assets_tests.slow.world import EXPORTS, read

# The fast path adds up float32, the slow one float64. Parts whose final scores (between 0 and 1) are so close may change places.
TIE = 1e-6
# The scores themselves: a list without spread has small differences divided by a small number.
SCORE_ROUNDING = 1e-5

Rows = Sequence[tuple[str, float]]


class NotComparableError(ValueError):
    """What is served was not made from what lies in the store, or not by the model; the message says what to run."""


@dataclass(frozen=True)
class Agreement:
    """One person's list as it is served against the slow one.

    Attributes:
        same: whether products and order are the same.
        largest_difference: of two final scores at the same rank.
        rounding: whether that is within ``SCORE_ROUNDING``, and every exchange of one part for another within ``TIE``.
    """

    same: bool
    largest_difference: float
    rounding: bool


def agreement(served: Rows, slow: Listed) -> Agreement:
    """How a served list (products and final scores, best first) compares with the slow one."""
    if len(served) != len(slow.products):
        return Agreement(same=False, largest_difference=float("inf"), rounding=False)
    own = dict(zip(slow.products, slow.scores, strict=True))
    differences, exchanges = [0.0], [0.0]
    for (product, score), slow_product, slow_score in zip(served, slow.products, slow.scores, strict=True):
        differences.append(abs(score - slow_score))
        if product != slow_product:
            # A part that only the served list has may have lost its place to one of its kind that scores the same.
            exchanges.append(abs(own.get(product, slow.blended.get(product, float("inf"))) - slow_score))
    return Agreement(
        same=[product for product, _ in served] == slow.products,
        largest_difference=max(differences),
        rounding=max(differences) <= SCORE_ROUNDING and max(exchanges) <= TIE,
    )


def serving(store: Store, week: str, settings: Settings) -> Serving:
    """The slow computation over the very files that the week's list was made from.

    Raises:
        NotComparableError: a file has been made anew since, or no model is served.
    """
    made_from = store.current("recommendations", week).manifest.provenance.inputs
    inputs = {name: _unchanged(store, name, made_from[name]) for name in (*EXPORTS, "approved_model")}
    approved = inputs.pop("approved_model")
    if approved.facts["source"] != "blend":
        raise NotComparableError(f"week {week} is served from '{approved.facts['source']}': there is no model to compare with.")
    tables = {name: artifact.table(f"{name}.parquet") for name, artifact in inputs.items()}
    tables["other_orders"] = inputs["interaction_edges"].table(OTHER_ORDERS)
    world = read(tables, inputs["interaction_edges"].as_of, settings)
    saved = torch.load(approved.path(MODEL), weights_only=True)
    channels = Channels(world, saved["weights"], [name for name, value in saved["inputs"].items() if value is True])
    model: Channels | Towers = channels
    if TOWERS in approved.manifest.files:
        towers = torch.load(approved.path(TOWERS), weights_only=True, map_location="cpu")
        if any(towers["scales"].values()):
            model = Towers(channels, towers["towers"], towers["scales"])
    return Serving(world, model, SqlBaseline(world), approved.facts["alpha"])


def _unchanged(store: Store, asset: str, made_from: str) -> Artifact:
    week, version = made_from.split("/")
    artifact = store.current(asset, week)
    if artifact.version != version:
        raise NotComparableError(
            f"{asset} of week {week} has been made anew since the list was: materialize recommendations and "
            "published_recommendations again."
        )
    return artifact


def served_lists(warehouse: Path, store: Store, week: str, users: Sequence[str]) -> Mapping[str, Rows]:
    """What some people are served: products and final scores by user id, best first.

    Raises:
        NotComparableError: the week is not served, or not with the newest list of the store.
    """
    made_by = store.current("recommendations", week).manifest.provenance.run_id
    lists: dict[str, list[tuple[str, float]]] = {user: [] for user in users}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        runs = connection.execute("SELECT DISTINCT run_id FROM recommendations WHERE week = ?", [week]).fetchall()
        if runs != [(made_by,)]:
            raise NotComparableError(f"week {week} is not served with the newest list in {store}: publish it first.")
        query = (
            "SELECT user_id, product_id, final_score FROM recommendations "
            "WHERE week = ? AND user_id IN (SELECT UNNEST(?)) ORDER BY user_id, rank"
        )
        for user, product, score in connection.execute(query, [week, list(users)]).fetchall():
            lists[user].append((product, score))
    return lists
