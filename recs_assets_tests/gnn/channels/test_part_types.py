"""What types of parts follow from a garage and from a history, by hand.

What each user did, after a half-life of 20 days (view 1, order 3): u1 p1 1/2, p2 3/2; u2 p2 3/2, p3 3/4; u3 p3 1/2. p1 and p2 are
brakes, p3 and p4 wheels, p5 has no type; u1, u2 and u4 own Mustangs, u3 a Bronco, u5 nothing.
"""

import math

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn import graph
from recs_assets.gnn.channels.evidence import Evidence, feature_names
from recs_assets_tests.gnn import five_users

NOTHING = [0.0, 0.0, 0.0, 0.0, 0.0]
MODEL = five_users.settings().model


def _channel(name: str, data: HeteroData | None = None) -> list[list[float]]:
    """A channel of all five parts for each of the five users."""
    evidence = Evidence(five_users.past_of(data if data is not None else five_users.world()), MODEL)
    columns = evidence.features(np.arange(5), sparse.csr_array(np.ones((5, 5), dtype=bool)))
    rows: list[list[float]] = columns[:, feature_names(MODEL).index(name)].reshape(5, 5).tolist()
    return rows


def _without(table: str, column: str) -> HeteroData:
    """The five users' graph where nobody knows one column."""
    tables = five_users.tables()
    place = tables[table].schema.get_field_index(column)
    tables[table] = tables[table].set_column(place, column, pa.nulls(len(tables[table]), pa.string()))
    return graph.build(tables)


def _over_usual(brakes: float, wheels: float, usual: tuple[float, float], shrinkage: float) -> list[float]:
    """Both types over their usual shares, shrunk towards them, for the five parts; p5 has no type."""
    total, of_types = brakes + wheels + shrinkage, []
    for amount, share in ((brakes, usual[0]), (wheels, usual[1])):
        of_types += [math.log((amount + shrinkage * share) / (total * share))] * 2
    return [*of_types, 0]


def test_owners_of_the_same_model_say_what_types_it_needs() -> None:
    # Over the roots of their sums 2, 9/4 and 1/2: u1 brakes sqrt(2); u2 brakes 1, wheels 1/2; u3 wheels sqrt(1/2).
    root = math.sqrt(2)
    # All together brakes 1 + sqrt(2), wheels (1 + sqrt(2)) / 2, the mean 3/4 (1 + sqrt(2)), so the shares are as 1.015 : 0.515.
    usual = (1.015 / 1.53, 0.515 / 1.53)
    mustang, bronco = _over_usual(root + 1, 1 / 2, usual, 2), _over_usual(0, root / 2, usual, 2)
    np.testing.assert_allclose(_channel("owner_types"), [mustang, mustang, bronco, mustang, NOTHING], rtol=1e-5, atol=1e-7)


def test_the_types_of_a_history_lead_to_those_of_the_people_who_have_them() -> None:
    # Histories by type, brakes and wheels: u1 1, 0; u2 2/3, 1/3; u3 0, 1. Together in a person: brakes with brakes 13/9, with
    # wheels 2/9, wheels with wheels 10/9. So brakes lead to 13/15, 2/15 and wheels to 1/6, 5/6.
    usual = (1.69667 / 3.06, 1.36333 / 3.06)  # 5/3 and 4/3 with two hundredths of their mean
    u1, u3 = _over_usual(13 / 15, 2 / 15, usual, 0.5), _over_usual(1 / 6, 5 / 6, usual, 0.5)
    u2 = _over_usual(57 / 90, 33 / 90, usual, 0.5)  # 2/3 of the one and 1/3 of the other
    np.testing.assert_allclose(_channel("next_types"), [u1, u2, u3, NOTHING, NOTHING], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["owner_types", "next_types"])
def test_a_store_without_types_says_nothing_of_them(name: str) -> None:
    assert _channel(name, _without("product_nodes", "part_type")) == [NOTHING] * 5


def test_vehicles_of_unknown_models_have_no_owners_in_common() -> None:
    assert _channel("owner_types", _without("vehicle_nodes", "model")) == [NOTHING] * 5
