"""Every row fault that the contract names, added to otherwise clean tables: true rows stay as they are."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.demo.tables import TIMESTAMP, numbered, timestamps
from recs_assets.demo.timeline import DAY, END_OF_LAST_WEEK, WEEK, stream

SHARE = 0.005
"""Rows added per kind of fault, as a share of the clean rows; at least one row for each fault of the kind."""

EVENT_SHARE = 0.003
"""The same for events: six kinds at half a per cent each would come too near the quarantine's limit."""

BOT_EVENTS = 10_050
"""Events of the bot within one week; a user above 10,000 is one."""

BOT_WEEKS_BEFORE_END = 10
"""Early enough to lie before all evaluated weeks, late enough to be a small share of the events so far."""

FUTURE, ANTIQUITY = 4_085_000_000_000_000, 915_000_000_000_000
"""Moments in 2099 and 1998, microseconds since 1970."""

Values: TypeAlias = pa.Array | pa.Scalar
Fault = Callable[[pa.Table, np.random.Generator], dict[str, Values]]


def with_faults(
    name: str, table: pa.Table, *, seed: int, bot: tuple[str, pa.Array] | None = None
) -> tuple[pa.Table, dict[str, int]]:
    """The table with faulty rows at its end, and the number of rows added per fault.

    Args:
        name: of the table; decides which faults it can have.
        table: clean rows.
        seed: of the world.
        bot: user_id of the bot and the products it looks at, for events alone.
    """
    rng = stream(seed, f"faults of {name}")
    pieces, added = [table], {}
    for fault, (share, values) in FAULTS[name].items():
        count = max(1, round(table.num_rows * share))
        rows = table.take(pa.array(np.sort(rng.choice(table.num_rows, size=min(count, table.num_rows), replace=False))))
        pieces.append(replaced(rows, values(rows, rng)))
        added[fault] = rows.num_rows
    if bot is not None:
        pieces.append(_bot_events(table.schema, bot[0], bot[1], rng))
        added["bot"] = BOT_EVENTS
    return pa.concat_tables(pieces), added


def replaced(table: pa.Table, values: Mapping[str, Values]) -> pa.Table:
    """The table with some columns replaced by an array or by one value throughout."""
    for column, value in values.items():
        index = table.schema.get_field_index(column)
        array = pa.repeat(value, table.num_rows) if isinstance(value, pa.Scalar) else value
        table = table.set_column(index, table.schema.field(index), array.cast(table.schema.field(index).type))
    return table


def _same(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
    return {}


def _empty(*columns: str) -> Fault:
    """An id that is the empty string, in one of the columns."""

    def values(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
        which = rng.integers(len(columns), size=rows.num_rows)
        return {
            column: pc.if_else(pa.array(which == number), pa.scalar(""), rows[column]) for number, column in enumerate(columns)
        }

    return values


def _orphan(first: str, second: str) -> Fault:
    """A key that no table knows, in one of two columns by turns."""

    def values(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
        numbers = np.arange(rows.num_rows)
        unknown = numbered("unknown-", numbers, 6)
        return {
            first: pc.if_else(pa.array(numbers % 2 == 0), unknown, rows[first]),
            second: pc.if_else(pa.array(numbers % 2 == 1), unknown, rows[second]),
        }

    return values


def _older(column: str, value: Values) -> Fault:
    """Another row for the same key, a year older than the true one and with another value in ``column``."""

    def values(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
        created = pc.cast(rows["created_at"], pa.int64())
        return {"created_at": pc.cast(pc.subtract(created, 365 * DAY), TIMESTAMP), column: value}

    return values


def _price(price: float) -> Fault:
    """Products of their own, which nothing else names, with a price that is none."""

    def values(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
        ids = pc.binary_join_element_wise(rows["product_id"], pa.scalar(str(price).upper()), "-")
        return {"product_id": ids, "price": pa.scalar(price)}

    return values


def _event(suffix: str, **values: Values) -> Fault:
    """Events with ids of their own, so that nothing but ``values`` is wrong with them."""

    def fault(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
        return {"event_id": pc.binary_join_element_wise(rows["event_id"], pa.scalar(suffix), ""), **values}

    return fault


def _orphan_event(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
    return {**_event("o")(rows, rng), **_orphan("user_id", "product_id")(rows, rng)}


def _empty_event(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
    fresh = replaced(rows, _event("n")(rows, rng))
    columns = ("event_id", "user_id", "product_id")
    return {"event_id": fresh["event_id"], **_empty(*columns)(fresh, rng)}


def _repeated_event(rows: pa.Table, rng: np.random.Generator) -> dict[str, Values]:
    """The same event_id a second later, as a client sends that got no answer."""
    later = pc.add(pc.cast(rows["event_ts"], pa.int64()), 1_000_000)
    return {"event_ts": pc.cast(later, TIMESTAMP)}


def _bot_events(schema: pa.Schema, user: str, products: pa.Array, rng: np.random.Generator) -> pa.Table:
    """Views of one user, evenly over one week."""
    begin = END_OF_LAST_WEEK - BOT_WEEKS_BEFORE_END * WEEK
    columns = {
        "event_id": numbered("bot", np.arange(BOT_EVENTS), 6),
        "user_id": pa.repeat(pa.scalar(user), BOT_EVENTS),
        "product_id": products.take(pa.array(rng.integers(len(products), size=BOT_EVENTS))),
        "event_type": pa.repeat(pa.scalar("view"), BOT_EVENTS),
        "event_ts": timestamps(begin + np.arange(BOT_EVENTS) * (WEEK // BOT_EVENTS)),
        "order_id": pa.nulls(BOT_EVENTS, pa.string()),
        "quantity": pa.nulls(BOT_EVENTS, pa.int64()),
    }
    return pa.table(columns, schema=schema)


FAULTS: dict[str, dict[str, tuple[float, Fault]]] = {
    "users": {
        "exact duplicate": (SHARE, _same),
        "two rows for one key": (SHARE, _older("email", pa.scalar("former.address@example.com"))),
        "empty id": (SHARE, _empty("user_id")),
    },
    "vehicles": {
        "exact duplicate": (SHARE, _same),
        "two rows for one key": (SHARE, lambda rows, rng: {"engine": pa.scalar("unknown")}),
        "empty id": (SHARE, _empty("vehicle_id")),
    },
    "ownership": {
        "exact duplicate": (SHARE, _same),
        "orphan key": (SHARE, _orphan("user_id", "vehicle_id")),
        "empty id": (SHARE, _empty("user_id", "vehicle_id")),
    },
    "products": {
        "exact duplicate": (SHARE, _same),
        "two rows for one key": (SHARE, _older("price", pa.scalar(1.0))),
        "empty id": (SHARE, _empty("product_id")),
        "price NaN": (SHARE / 4, _price(np.nan)),
        "price infinite": (SHARE / 4, _price(np.inf)),
        "price zero": (SHARE / 4, _price(0.0)),
        "price negative": (SHARE / 4, _price(-19.95)),
    },
    "fitment": {
        "exact duplicate": (SHARE, _same),
        "orphan key": (SHARE, _orphan("product_id", "vehicle_id")),
        "empty id": (SHARE, _empty("product_id", "vehicle_id")),
    },
    "events": {
        "exact duplicate": (EVENT_SHARE, _same),
        "repeated event_id": (EVENT_SHARE, _repeated_event),
        "orphan key": (EVENT_SHARE, _orphan_event),
        "in the future": (EVENT_SHARE / 2, _event("f", event_ts=timestamps(np.array([FUTURE]))[0])),
        "before 2000": (EVENT_SHARE / 2, _event("p", event_ts=timestamps(np.array([ANTIQUITY]))[0])),
        "unknown event_type": (EVENT_SHARE, _event("t", event_type=pa.scalar("wishlist"))),
        "empty id": (EVENT_SHARE, _empty_event),
    },
}
"""Per table and fault: rows as a share of the clean ones, and what is put into copies of clean rows."""
