"""The week's heterogeneous graph: users, vehicles and products, and who owns, fits, touched and bought what with what."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch_geometric.data import HeteroData

from recs_assets.gnn.hashed_names import hashed_names
from recs_assets.ranking.rules import NOT_AVAILABLE

EVENT_TYPES = ("view", "cart", "order")
ORDER = EVENT_TYPES.index("order")
SINCE_EVER = np.iinfo(np.int64).min  # of an ownership or a part whose beginning is not known
KEPT = np.iinfo(np.int64).max  # when what is kept is returned
ATTRIBUTES = ("part_type", "brand", "variant_group")

OWNS = ("user", "owns", "vehicle")
FITS = ("product", "fits", "vehicle")
INTERACTS = ("user", "interacts", "product")
ORDERED = ("user", "ordered", "product")
BOUGHT_WITH = ("product", "bought_with", "product")


def build(tables: dict[str, pa.Table]) -> HeteroData:
    """The graph of one week's exports.

    A node's index is its row in its ``*_nodes`` table, which is sorted by id: so ties by index are ties by id.

    Args:
        tables: the four edge and three node exports by asset name, and other_orders.

    Returns:
        HeteroData with, all int64 unless said otherwise:
        ``user.num_nodes``; ``vehicle.model_code`` and ``vehicle.make_code`` [vehicles], -1 where unknown;
        ``product.part_type``, ``.brand``, ``.variant_group`` codes [products], -1 where there is none,
        ``.is_universal``, ``.is_eligible``, ``.is_available`` bool and ``.price`` float64 [products], ``.since``
        microseconds, from when on the part is known to exist: its creation or first event, the smallest integer where unknown;
        ``product.tokens`` (the id's first, then type, brand and words of the title) and ``vehicle.tokens`` [nodes x tokens];
        ``user-owns-vehicle.added_at`` microseconds [edges], the smallest integer where unknown;
        ``user-interacts-product.time`` microseconds, ascending, ``.event_type`` [edges], an index of ``EVENT_TYPES``, and
        ``.returned_at`` microseconds, the largest integer where it was not: the same of the two that follow;
        ``user-ordered-product.time`` microseconds [edges], of orders that are no evidence, but no reason to buy again either;
        ``product-bought_with-product.week`` microseconds and ``.n_users`` [edges], each pair once.

    Raises:
        ValueError: an edge names a node that is not there.
    """
    users, vehicles, products = (tables[f"{kind}_nodes"] for kind in ("user", "vehicle", "product"))
    ids = {"user": users["user_id"], "vehicle": vehicles["vehicle_id"], "product": products["product_id"]}
    data = _nodes(users, vehicles, products)
    owns, fits, events = tables["owns_edges"], tables["fits_edges"], tables["interaction_edges"]
    data[OWNS].edge_index = _edge_index(owns, ids, ("user", "user_id"), ("vehicle", "vehicle_id"))
    data[OWNS].added_at = _tensor(pc.fill_null(_microseconds(owns["added_at"]), SINCE_EVER))
    data[FITS].edge_index = _edge_index(fits, ids, ("product", "product_id"), ("vehicle", "vehicle_id"))
    events = events.sort_by([("event_ts", "ascending"), ("event_id", "ascending")])
    data[INTERACTS].edge_index = _edge_index(events, ids, ("user", "user_id"), ("product", "product_id"))
    data[INTERACTS].time = _tensor(_microseconds(events["event_ts"]))
    data[INTERACTS].event_type = _tensor(pc.index_in(events["event_type"], pa.array(EVENT_TYPES)).cast(pa.int64()))
    data[INTERACTS].returned_at = _returned_at(events)
    data["product"].since = _since(products["created_at"], data[INTERACTS].edge_index[1], data[INTERACTS].time)
    others = tables["other_orders"]
    data[ORDERED].edge_index = _edge_index(others, ids, ("user", "user_id"), ("product", "product_id"))
    data[ORDERED].time = _tensor(_microseconds(others["event_ts"]))
    data[ORDERED].returned_at = _returned_at(others)
    pairs = tables["co_purchase_edges"]
    data[BOUGHT_WITH].edge_index = _edge_index(pairs, ids, ("product", "product_id_a"), ("product", "product_id_b"))
    data[BOUGHT_WITH].week = _tensor(_microseconds(pairs["week"].cast(pa.timestamp("us", tz="UTC"))))
    data[BOUGHT_WITH].n_users = _tensor(pairs["n_users"])
    data[BOUGHT_WITH].returned_at = _returned_at(pairs)
    data.validate(raise_on_error=True)
    return data


def _nodes(users: pa.Table, vehicles: pa.Table, products: pa.Table) -> HeteroData:
    """A graph of nodes alone, with what is known of each."""
    data = HeteroData()
    data["user"].num_nodes = users.num_rows
    data["vehicle"].num_nodes = vehicles.num_rows
    data["vehicle"].make_code = _codes(vehicles["make"])
    data["vehicle"].model_code = _codes(pc.binary_join_element_wise(_text(vehicles["make"]), _text(vehicles["model"]), "\x1f"))
    data["product"].num_nodes = products.num_rows
    for name in ATTRIBUTES:
        data["product"][name] = _codes(products[name])
    data["product"].is_universal = _tensor(pc.fill_null(products["is_universal"], False))
    data["product"].is_eligible = _tensor(pc.is_null(products["ineligible_reason"]))
    data["product"].is_available = _tensor(pc.fill_null(pc.not_equal(products["ineligible_reason"], NOT_AVAILABLE), True))
    data["product"].price = _tensor(products["price"])
    data["product"].tokens = torch.from_numpy(hashed_names(products, ("product_id", "part_type", "brand"), "title"))
    data["vehicle"].tokens = torch.from_numpy(hashed_names(vehicles, ("make", "model", "year")))
    return data


def save(data: HeteroData, path: Path) -> None:
    """Write the graph so that it can be read back without running code from the file."""
    torch.save(data.to_dict(), path)


def load(path: Path) -> HeteroData:
    """Read a graph that ``save`` wrote; tensors and plain values only."""
    return HeteroData.from_dict(torch.load(path, weights_only=True))


def _edge_index(table: pa.Table, ids: dict[str, Any], source: tuple[str, str], target: tuple[str, str]) -> torch.Tensor:
    rows = []
    for kind, column in (source, target):
        index = pc.index_in(table[column], ids[kind].combine_chunks())
        if index.null_count:
            unknown = table[column].filter(pc.is_null(index))[0]
            raise ValueError(
                f"{index.null_count} edges name a {kind} that has no node, such as {unknown}: rebuild {kind}_nodes first."
            )
        rows.append(_array(index.cast(pa.int64())))
    return torch.from_numpy(np.stack(rows))


def _since(created_at: pa.ChunkedArray, product: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """When each part was created, or its first event: that shows of a catalogue loaded anew what existed before."""
    since = _tensor(pc.fill_null(_microseconds(created_at), SINCE_EVER))
    return since.scatter_reduce(0, product, time, "amin")


def _returned_at(table: pa.Table) -> torch.Tensor:
    return _tensor(pc.fill_null(_microseconds(table["returned_at"]), KEPT))


def _codes(column: pa.ChunkedArray) -> torch.Tensor:
    """Dense codes in order of the values, so that they do not depend on the order of rows; -1 for null."""
    values = pc.unique(column.combine_chunks()).drop_null()
    values = values.take(pc.sort_indices(values))
    return _tensor(pc.fill_null(pc.index_in(column, values), -1).cast(pa.int64()))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())


def _array(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())


def _tensor(column: pa.ChunkedArray | pa.Array) -> torch.Tensor:
    return torch.from_numpy(_array(column).copy())
