"""What people bought and clicked on, by what the mail had to do with it: SQL's own mail favours what SQL lists."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.gnn.snapshots import WEEK_MICROSECONDS
from recs_assets.ranking.arrays import Flags, Ints
from recs_assets.resources.store.artifact import TableFile
from recs_assets.resources.warehouse import Warehouse
from recs_assets.steps.nodes import node_ids
from recs_assets.weeks import ONE_WEEK

ORGANIC, MAILED, CLICK = "organic", "mailed", "click"


@dataclass(frozen=True)
class MailRelevance:
    """Orders and clicks that the log of the mail speaks of: arrays of one length.

    Attributes:
        relevance: ``organic``, an order of a part that no mail of the 7 days before held for that person; ``mailed``, one that
            some mail did; ``click``, a person's click on a part of a mail.
        user, product: rows of the graph's nodes.
        time: microseconds.
    """

    relevance: np.ndarray
    user: Ints
    product: Ints
    time: Ints

    def pairs(self, relevance: str, start: int) -> tuple[Ints, Ints]:
        """The users and products of a relevance in the week from ``start`` (microseconds) on."""
        chosen = self._in_week(start) & (self.relevance == relevance)
        return self.user[chosen], self.product[chosen]

    def _in_week(self, start: int) -> Flags:
        return (self.time >= start) & (self.time < start + WEEK_MICROSECONDS)


def mail_relevance(
    warehouse: Warehouse,
    tables: Mapping[str, Sequence[TableFile]],
    *,
    start: dt.datetime,
    end: dt.datetime,
    min_click_seconds: float,
) -> MailRelevance | None:
    """The orders and clicks in [start, end) that the log of the mail speaks of; ``None`` where it speaks of none.

    Args:
        warehouse: counts.
        tables: ``mail_events``, ``interaction_edges``, ``user_nodes`` and ``product_nodes``.
        start: of the first held-out week; mails of the two weeks before are looked at too.
        end: of the last one.
        min_click_seconds: after delivery, for a click to be a person's.
    """
    read = {name: tables[name] for name in ("mail_events", "interaction_edges")}
    with warehouse.session(read) as session:
        events = session.read("mail_relevance", pre_start=start - 2 * ONE_WEEK, end=end, min_click_seconds=min_click_seconds)
    user = pc.index_in(events["user_id"], node_ids(tables, "user"))
    product = pc.index_in(events["product_id"], node_ids(tables, "product"))
    known = pc.and_(pc.is_valid(user), pc.is_valid(product))
    relevance, user, product, time = (
        column.filter(known).to_numpy() for column in (events["relevance"], user, product, events["event_ts"].cast(pa.int64()))
    )
    return MailRelevance(relevance, user.astype(np.int64), product.astype(np.int64), time) if len(time) else None
