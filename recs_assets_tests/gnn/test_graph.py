"""The graph of five users, node by node and edge by edge; what is written is read back; unknown ids are refused."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from torch_geometric.data import HeteroData

from recs_assets.gnn import graph
from recs_assets.gnn.graph import BOUGHT_WITH, FITS, INTERACTS, OWNS, SINCE_EVER
from recs_assets_tests.gnn import five_users

IDS = {"user": five_users.USERS, "vehicle": five_users.VEHICLES, "product": five_users.PRODUCTS}
DAY = 86_400_000_000
AS_OF = 1_772_409_600_000_000  # 2026-03-02 00:00 UTC in microseconds: 20,514 days


def _by_id(data: HeteroData, relation: tuple[str, str, str], *attributes: str) -> list[tuple[Any, ...]]:
    sources, targets = data[relation].edge_index.tolist()
    columns = [data[relation][name].tolist() for name in attributes]
    names = ([IDS[relation[0]][row] for row in sources], [IDS[relation[2]][row] for row in targets])
    return list(zip(*names, *columns, strict=True))


def test_the_edges_are_those_of_the_tables() -> None:
    data = five_users.world(events=five_users.PAST[:2])
    edges = {
        "owns": _by_id(data, OWNS, "added_at"),
        "fits": _by_id(data, FITS),
        "interacts": _by_id(data, INTERACTS, "event_type", "time"),
        "bought with": _by_id(data, BOUGHT_WITH, "n_users", "week"),
    }
    assert edges == {
        "owns": [
            ("u1", "v1", SINCE_EVER),
            ("u1", "v2", AS_OF - 100 * DAY),
            ("u2", "v2", AS_OF - 30 * DAY),
            ("u3", "v3", SINCE_EVER),
            ("u4", "v1", AS_OF - DAY),
            ("u5", "v4", AS_OF),
            ("u2", "v1", AS_OF + 3 * DAY),
        ],
        "fits": [("p1", "v1"), ("p2", "v1"), ("p2", "v2"), ("p3", "v2"), ("p3", "v3"), ("p5", "v4")],
        "interacts": [("u1", "p1", 0, AS_OF - 20 * DAY), ("u1", "p2", 2, AS_OF - 20 * DAY)],
        "bought with": [("p2", "p3", 2, AS_OF - 21 * DAY)],
    }


def test_the_nodes_carry_what_the_rules_and_the_channels_need() -> None:
    data = five_users.world()
    assert {kind: data[kind].num_nodes for kind in data.node_types} == {"user": 5, "vehicle": 4, "product": 5}
    # Codes count in order of the names, -1 is unknown: Chevrolet 0, Ford 1; Ford Bronco 0, Ford Mustang 1.
    assert data["vehicle"].make_code.tolist() == [1, 1, 1, 0]
    assert data["vehicle"].model_code.tolist() == [1, 1, 0, -1]
    assert data["product"].part_type.tolist() == [0, 0, 1, 1, -1]
    assert data["product"].brand.tolist() == [0, 1, 0, -1, 1]
    assert data["product"].variant_group.tolist() == [0, -1, -1, -1, 0]
    assert data["product"].is_universal.tolist() == [False, False, False, True, False]
    assert data["product"].is_eligible.tolist() == [True, True, True, True, False]
    assert data["product"].price.tolist() == [50.0, 60.5, 75.0, 99.99, 12.0]


def test_a_model_of_the_same_name_at_another_make_is_another_model() -> None:
    tables = five_users.tables()
    tables["vehicle_nodes"] = pa.table(
        {
            "vehicle_id": five_users.VEHICLES,
            "make": ["Ford", "Mercury", "Ford", None],
            "model": ["Comet", "Comet", "Comet", "Comet"],
        }
    )
    assert graph.build(tables)["vehicle"].model_code.tolist() == [0, 1, 0, -1]


def test_events_come_in_the_order_of_time_and_then_of_their_ids() -> None:
    tables = five_users.tables(events=[("u1", "p1", "view", 1), ("u2", "p2", "cart", 3), ("u3", "p3", "order", 1)])
    shuffled = tables["interaction_edges"].take([2, 1, 0])  # e2, e1, e0
    events = _by_id(graph.build(tables | {"interaction_edges": shuffled}), INTERACTS, "event_type")
    assert events == [("u2", "p2", 1), ("u1", "p1", 0), ("u3", "p3", 2)]


def test_indices_and_moments_are_64_bit_integers() -> None:
    data = five_users.world()
    for relation in (OWNS, FITS, INTERACTS, BOUGHT_WITH):
        assert data[relation].edge_index.dtype == torch.int64
        assert data[relation].edge_index.shape == (2, data[relation].num_edges)
    integers = (data[OWNS].added_at, data[INTERACTS].time, data[INTERACTS].event_type, data[BOUGHT_WITH].week)
    codes = (data["vehicle"].model_code, data["product"].brand)
    assert {values.dtype for values in (*integers, *codes)} == {torch.int64}
    assert data["product"].price.dtype == torch.float64


def test_chunked_tables_give_the_same_graph() -> None:
    tables = five_users.tables()
    chunked = {name: pa.concat_tables([table.slice(0, 2), table.slice(2)]) for name, table in tables.items()}
    assert _flat(graph.build(chunked)) == _flat(graph.build(tables))


def test_what_is_saved_is_loaded_without_running_code(tmp_path: Path) -> None:
    path = tmp_path / "graph.pt"
    data = five_users.world()
    graph.save(data, path)
    assert _flat(graph.load(path)) == _flat(data)
    assert isinstance(torch.load(path, weights_only=True), dict)


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        ("fits_edges", "vehicle_id", r"6 edges name a vehicle that has no node, such as X: rebuild vehicle_nodes first\."),
        ("owns_edges", "user_id", r"7 edges name a user that has no node, such as X: rebuild user_nodes first\."),
        ("interaction_edges", "product_id", r"12 edges name a product .* such as X: rebuild product_nodes first\."),
        ("co_purchase_edges", "product_id_b", r"1 edges name a product .* such as X: rebuild product_nodes first\."),
    ],
)
def test_an_edge_to_an_unknown_id_is_refused(table: str, column: str, message: str) -> None:
    tables = five_users.tables()
    unknown = pa.array(["X"] * tables[table].num_rows)
    tables[table] = tables[table].set_column(tables[table].column_names.index(column), column, unknown)
    with pytest.raises(ValueError, match=message):
        graph.build(tables)


def _flat(data: HeteroData) -> dict[str, Any]:
    stores = {str(key): store for key, store in (*data.node_items(), *data.edge_items())}
    values = {f"{key} {name}": value for key, store in stores.items() for name, value in store.to_dict().items()}
    return {name: value.tolist() if isinstance(value, torch.Tensor) else value for name, value in values.items()}
