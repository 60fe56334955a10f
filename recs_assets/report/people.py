"""A few people of a week without their names: what they own and did, SQL's parts for them, the served ones, and why."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import PRODUCT_NODES, USER_PROFILES
from recs_assets.ranking.strata import STRATA
from recs_assets.report.pseudonyms import Pseudonyms
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

if TYPE_CHECKING:
    from recs_assets.report.served_lists import ServedLists

SHOWN_PEOPLE, SHOWN_EVENTS = 20, 3
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who has a list.

    Attributes:
        pseudonym: of this page alone.
        segment: cold, warm or hot.
        arm: of the rollout.
        garage: vehicles in words.
        history: newest events, each in words, with how long before the list it was.
        by_sql: how SQL's list begins, rows of ``products_of``.
        served: how the served list begins, rows of ``people_lists.sql``.
    """

    pseudonym: str
    segment: str
    arm: str
    garage: Sequence[str]
    history: Sequence[str]
    by_sql: Sequence[Row]
    served: Sequence[Row]

    @property
    def n_new(self) -> int:
        """Parts of the served list that SQL's does not begin with."""
        return len({row["product_id"] for row in self.served} - {row["product_id"] for row in self.by_sql})


def people_of(warehouse: Warehouse, served: "ServedLists", settings: Settings) -> list[Person]:
    """Some people who are served, of all segments, cold ones first."""
    from recs_assets.steps.sql_lists import sql_lists  # pandas: 0.4 s at load

    slots, asked = settings.rules.slots, {"week": served.week, "as_of": served.as_of}
    with warehouse.session() as session:
        chosen = session.read("sampled_people", week=served.week, length=SHOWN_PEOPLE)
    with warehouse.session({**served.exports(), "people": chosen}) as session:
        garages = _by_person(session.rows("people_garages", as_of=asked["as_of"]))
        histories = _by_person(session.rows("people_histories", as_of=asked["as_of"]))
        lists = _by_person(session.rows("people_lists", week=asked["week"], slots=slots))
    profiles = _profiles(served, chosen["user_id"])
    by_sql = sql_lists(served.inputs, sorted(set(profiles.values())), settings.rules)
    parts = products_of(served, {part for listed in by_sql.values() for part in listed[:slots]})
    ids = Pseudonyms()
    people = [
        Person(
            ids.of(row["user_id"]),
            row["segment"],
            row["arm"],
            [vehicle_words(vehicle) for vehicle in garages.get(row["user_id"], ())],
            _history_words(histories.get(row["user_id"], ()), served.as_of),
            [parts[part] for part in by_sql[profiles[row["user_id"]]][:slots]],
            lists[row["user_id"]],
        )
        for row in chosen.to_pylist()
    ]
    return sorted(people, key=lambda person: STRATA.index(person.segment))


def vehicle_words(vehicle: Row) -> str:
    """A vehicle as its owner calls it."""
    return " ".join(str(vehicle[name]) for name in ("year", "make", "model", "engine") if vehicle[name] is not None)


def products_of(served: "ServedLists", product_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """product_id, title, part_type, price and image_url of parts, by their ids."""
    columns = ["product_id", "title", "part_type", "price", "image_url"]
    table = served.inputs["product_nodes"].table(PRODUCT_NODES, columns=columns)
    asked = pa.array(sorted(set(product_ids)), pa.string())
    return {row["product_id"]: row for row in table.filter(pc.is_in(table["product_id"], asked)).to_pylist()}


def _profiles(served: "ServedLists", user_ids: pa.ChunkedArray) -> dict[str, str]:
    table = served.inputs["hetero_graph"].table(USER_PROFILES, columns=["user_id", "profile_id"])
    listed = table.filter(pc.is_in(table["user_id"], user_ids.combine_chunks()))
    return dict(zip(listed["user_id"].to_pylist(), listed["profile_id"].to_pylist(), strict=True))


def _by_person(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_person: dict[str, list[Row]] = {}
    for row in rows:
        by_person.setdefault(row["user_id"], []).append(row)
    return by_person


def _history_words(events: Iterable[Row], as_of: dt.datetime) -> list[str]:
    """The newest events, what is the same in words once."""
    return list(dict.fromkeys(_event_words(event, as_of) for event in events))[:SHOWN_EVENTS]


def _event_words(event: Row, as_of: dt.datetime) -> str:
    """An event without its day, which could point at somebody."""
    did = {"view": "looked at", "cart": "put into the cart", "order": "ordered"}[event["event_type"]]
    weeks = (as_of - event["event_ts"]).days // 7
    when = "in the last week" if weeks < 1 else f"{weeks} week{'s' if weeks > 1 else ''} before"
    returned = ", and returned it" if event["returned_at"] is not None and event["returned_at"] < as_of else ""
    return f"{did} {event['title'] or event['product_id']} {when}{returned}"
