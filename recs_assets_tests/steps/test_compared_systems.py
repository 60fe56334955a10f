"""Who is evaluated, by which relevance, why a purchase could not be recommended, how common a vehicle is: five users by hand."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.gnn import graph
from recs_assets.gnn.snapshots import microseconds
from recs_assets.ranking.sparse_matrices import at
from recs_assets.settings import Settings
from recs_assets.steps.cohort import Cohort, cohort, owners_of_primary
from recs_assets.steps.mail_relevance import MailRelevance
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, FUTURE, PAST, PRODUCTS, USERS, days_ago, world

BOTH = ("order", "any")


def _cohort(events: Sequence[five_users.Event], settings: Settings | None = None, relevances: Sequence[str] = BOTH) -> Cohort:
    return cohort(world(events), AS_OF, settings or five_users.settings(), relevances)


def _named(people: Cohort, held_out: pd.DataFrame) -> list[str]:
    return [
        f"{USERS[people.users[profile]]} {PRODUCTS[product]}"
        for profile, product in zip(held_out["profile"], held_out["product"], strict=True)
    ]


def _reasons(people: Cohort) -> list[str]:
    new = people.held_out[people.settings.evaluation.relevance]
    candidates = people.eligibility.candidates(people.users)
    return list(people.reasons(at(candidates, new["profile"].to_numpy(), new["product"].to_numpy()) > 0)["reason"])


def test_orders_and_clicks_are_both_held_out_and_whoever_has_either_is_evaluated() -> None:
    people = _cohort([*PAST, *FUTURE])
    # u1 ordered p2 before, so p2 is nothing new; u2's order is a week away.
    assert [USERS[user] for user in people.users] == ["u1", "u3", "u4"]
    assert _named(people, people.held_out["order"]) == ["u3 p2", "u4 p1"]
    assert _named(people, people.held_out["any"]) == ["u1 p4", "u3 p2", "u4 p1"]


def test_orders_are_parted_by_what_the_mail_held_and_clicks_on_new_parts_count() -> None:
    events = [  # relevance, user, part, days before AS_OF
        ("mailed", "u3", "p2", -6),
        ("organic", "u4", "p1", 0),
        ("mailed", "u4", "p1", -1),  # ordered before the mail already
        ("click", "u1", "p2", -1),  # bought before
        ("click", "u1", "p3", -1),
        ("click", "u2", "p5", -1),  # not eligible
        ("click", "u5", "p3", -7),  # a week away
        ("click", "u5", "p4", 0),
        ("click", "u5", "p4", -3),
    ]
    relevance, users, parts, days = (np.array(column) for column in zip(*events, strict=True))
    rows = [np.array([names.index(name) for name in named]) for names, named in ((USERS, users), (PRODUCTS, parts))]
    log = MailRelevance(relevance, *rows, np.array([microseconds(days_ago(float(age))) for age in days]))
    people = cohort(world([*PAST, *FUTURE]), AS_OF, five_users.settings(), BOTH, by_mail=log)
    assert [USERS[user] for user in people.users] == ["u1", "u3", "u4", "u5"]
    held_out = {name: _named(people, frame) for name, frame in people.held_out.items() if name not in BOTH}
    assert held_out == {"organic": ["u4 p1"], "mailed": ["u3 p2"], "click": ["u1 p3", "u5 p4"]}


def test_by_one_relevance_alone_only_its_users_are_evaluated() -> None:
    people = _cohort([*PAST, *FUTURE], relevances=("order",))
    assert [USERS[user] for user in people.users] == ["u3", "u4"]
    assert list(people.held_out) == ["order"]


def test_of_too_many_users_some_are_sampled_and_always_the_same_ones() -> None:
    settings = five_users.settings(evaluation={"max_users": 1})
    people = _cohort([*PAST, *FUTURE], settings, relevances=("order",))
    assert len(people.users) == 1
    assert people.users[0] in (2, 3)  # u3 or u4
    assert people.held_out["order"]["profile"].tolist() == [0]
    assert _cohort([*PAST, *FUTURE], settings, relevances=("order",)).users.tolist() == people.users.tolist()


def test_every_new_purchase_has_exactly_one_reason() -> None:
    past = [*PAST, ("u1", "p5", "order", 5)]  # p1 is a variant of it
    new = ["u3 p2", "u4 p1", "u4 p4", "u1 p1", "u5 p5", "u4 p5"]
    people = _cohort([*past, *((*pair.split(" ", 1), "order", -1) for pair in new)])
    # By user and part: u1 p1, u3 p2 (fits no Bronco), u4 p1, u4 p4; then two that nobody may be shown, one by u5,
    # who bought nothing else.
    assert _reasons(people) == [
        "variant of a bought part",
        "does not fit",
        "fits",
        "universal",
        "not eligible",
        "not eligible",
    ]
    assert [USERS[user] for user in people.users] == ["u1", "u3", "u4"]


def test_a_purchase_of_what_is_not_available_has_a_reason_of_its_own() -> None:
    tables = five_users.tables([*PAST, ("u3", "p4", "order", -1), ("u4", "p5", "order", -1), ("u4", "p1", "order", -1)])
    parts = tables["product_nodes"]
    reasons = pa.array([None, None, None, "not available", "price below minimum"])
    tables["product_nodes"] = parts.set_column(parts.schema.get_field_index("ineligible_reason"), "ineligible_reason", reasons)
    people = cohort(graph.build(tables), five_users.AS_OF, five_users.settings(), ("order",))
    assert _reasons(people) == ["fits", "not available", "not eligible"]


def test_what_comes_back_after_the_weeks_that_may_be_known_of_is_held_out_all_the_same() -> None:
    back = days_ago(-8)
    data = graph.build(five_users.tables([*PAST, ("u4", "p1", "order", -1), ("u3", "p2", "order", -2)], returned={"e6": back}))

    def held_out(returns_known_at: dt.datetime | None) -> list[str]:
        people = cohort(data, AS_OF, five_users.settings(), ("order",), returns_known_at=returns_known_at)
        return _named(people, people.held_out["order"])

    assert held_out(back) == ["u3 p2", "u4 p1"]
    assert held_out(back + dt.timedelta(microseconds=1)) == held_out(None) == ["u3 p2"]


def test_where_everybody_may_be_shown_everything_nothing_fails_to_fit() -> None:
    everything = five_users.settings(candidates={"require_fitment": False})
    people = _cohort([*PAST, ("u2", "p5", "order", 5), ("u2", "p1", "order", -1), ("u3", "p2", "order", -1)], everything)
    assert _reasons(people) == ["variant of a bought part", "any part"]


def test_reasons_are_those_of_the_relevance_that_gates() -> None:
    clicks = five_users.settings(evaluation={"relevance": "any"})
    assert len(_reasons(_cohort([*PAST, *FUTURE]))) == 2
    assert len(_reasons(_cohort([*PAST, *FUTURE], clicks))) == 3


def test_owners_of_the_primary_vehicle_as_known_before_the_week(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [
        ("u1", "v2", 2, days_ago(9)),
        ("u1", "v1", 1, days_ago(9)),
        ("u2", "v2", None, None),
        ("u3", "v1", None, days_ago(9)),
        ("u3", "v2", 1, days_ago(9)),
        ("u4", "v2", 1, days_ago(0)),  # added when the week began: not known yet
    ]
    user, vehicle, slot, added = zip(*rows, strict=True)
    owned = {"user_id": user, "vehicle_id": vehicle, "slot": slot, "added_at": pa.array(added, pa.timestamp("us", "UTC"))}
    tables = five_users.tables() | {"owns_edges": pa.table(owned)}
    for name in ("user_nodes", "vehicle_nodes", "owns_edges"):
        pq.write_table(tables[name], tmp_path / f"{name}.parquet")
    exports = {path.stem: [path] for path in tmp_path.iterdir()}
    # v1 has u1 and u3; v2 has u1, u2 and u3.
    assert owners_of_primary(_cohort(PAST), exports).tolist() == [2, 3, 3, 0, 0]
