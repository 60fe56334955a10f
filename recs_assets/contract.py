"""What comes in: the seven source tables, each declared once.

Profiles, column checks, schemas in the UI, the table in the README and the generic part of cleaning come from here
(``resources/source_queries.py`` writes the queries): a new column is one line.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "timestamp", "number", "integer", "boolean"]

# Where a column's values may be seen: "tables" means the ledgers, not logs, errors and metadata.
Seen = Literal["anywhere", "tables", "nowhere"]

# What becomes of a row that is left out. Duplicates and rows outside the window are counted; the others are kept in the table
# `quarantine`. A row that is set aside is an ordinary one and counts toward no limit; a quarantined one should not be there.
Outcome = Literal["duplicate", "outside window", "set aside", "quarantined"]


@dataclass(frozen=True)
class Column:
    """One column of a source table; ids are strings, times are UTC timestamps.

    ``is_id``: it names a row of this table or of another one; where it is required it may not be empty.
    ``note``: what its values mean, for the README and the UI.
    """

    name: str
    kind: Kind = "string"
    required: bool = False
    is_id: bool = False
    seen: Seen = "anywhere"
    note: str = ""


@dataclass(frozen=True)
class Fault:
    """Why a row is left out: the name that ``clean_<table>`` gives it (details may follow a colon), and what becomes of it.

    ``shows``: the column whose value is wrong, for messages; never one that names a person.
    """

    name: str
    outcome: Outcome
    shows: str | None = None


@dataclass(frozen=True)
class SourceTable:
    """One source table, declared once.

    Args:
        name: of the table.
        row: what one row is, and which tables there are, as people read it in the UI.
        key: the columns that name a row; empty where rows have no name.
        columns: in the README's order.
        faults: of ``clean_<table>``, besides those that every table can have.
        optional: whether it may be absent.
        dated_by: the column that says when a row came to be.
        is_log: rows are events in time: only those of the window are read, and the profile counts those of the week apart.
        is_read: lists are made from it. A fault of one that only an experiment reads warns, and stops no list.
        kind_column: what its rows tell their kind by.
        kinds: its values, each of which is held to the limit of faults on its own.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    faults: tuple[Fault, ...] = ()
    optional: bool = False
    dated_by: str | None = None
    is_log: bool = False
    is_read: bool = True
    kind_column: str | None = None
    kinds: tuple[str, ...] = ()

    @property
    def required_ids(self) -> tuple[str, ...]:
        """The columns that must name something in every row."""
        return tuple(column.name for column in self.columns if column.is_id and column.required)

    @property
    def names_people(self) -> bool:
        """Whether the keys of its rows name persons, and must not be shown in errors and logs."""
        return any(column.seen != "anywhere" for column in self.columns if column.name in self.key)

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Those that every table can have, and its own."""
        ids = [f"{word} {name}" for name in self.required_ids for word in ("empty", "NUL character in")]
        of_form = (Fault("exact duplicate", "duplicate"), *(Fault(name, "quarantined") for name in ids))
        return (*of_form, *self.faults)

    def faults_with(self, *outcomes: Outcome) -> tuple[str, ...]:
        """The names of the faults that have one of some outcomes."""
        return tuple(fault.name for fault in self.all_faults if fault.outcome in outcomes)

    def fault(self, name: str) -> Fault:
        """A fault as ``clean_<table>`` names it.

        Raises:
            ValueError: the table does not declare it.
        """
        for declared in self.all_faults:
            if declared.name == name.partition(":")[0]:
                return declared
        raise ValueError(f"source table '{self.name}' declares no fault '{name}'; add it in contract.py.")


CONSENT = (
    "FALSE wins among all rows and accounts of an address; NULL, or no such column: `mail.without_consent_flag`, send or hold"
)

EVENT_TYPES = ("view", "cart", "order")
MAIL_EVENT_TYPES = ("sent", "delivered", "opened", "clicked", "unsubscribed", "complained")

USER_ID = Column("user_id", required=True, is_id=True, seen="tables")
VEHICLE_ID = Column("vehicle_id", required=True, is_id=True)
PRODUCT_ID = Column("product_id", required=True, is_id=True)

OUTSIDE_WINDOW = Fault("outside window", "outside window")
CREATED_IN_FUTURE = Fault("created_at in the future", "quarantined", "created_at")
UNKNOWN_USER = Fault("unknown user_id", "quarantined")
UNKNOWN_VEHICLE = Fault("unknown vehicle_id", "quarantined", "vehicle_id")
# A store tells of its past more parts than it sells today.
NOT_SOLD = Fault("part not sold", "set aside")
TAKEN_BACK = ("return", "taken out of the cart")

SOURCE_TABLES: dict[str, SourceTable] = {
    table.name: table
    for table in (
        SourceTable(
            "users",
            "Everyone who may be sent recommendations.",
            key=("user_id",),
            columns=(
                USER_ID,
                Column("email", seen="nowhere"),
                Column("created_at", "timestamp"),
                Column("email_consent", "boolean", note=CONSENT),
            ),
            faults=(
                CREATED_IN_FUTURE,
                OUTSIDE_WINDOW,
                Fault("older row of the same user_id", "quarantined"),
                Fault("tied row of the same user_id", "quarantined"),
            ),
            dated_by="created_at",
        ),
        SourceTable(
            "vehicles",
            "Every year, make and model that parts can fit.",
            key=("vehicle_id",),
            columns=(VEHICLE_ID, Column("year", "integer"), Column("make"), Column("model"), Column("engine")),
            faults=(
                Fault("tied row of the same vehicle_id", "quarantined"),
                Fault("another id of the same vehicle", "set aside"),
            ),
            optional=True,
        ),
        SourceTable(
            "ownership",
            "Which vehicles stand in whose garage.",
            key=("user_id", "vehicle_id"),
            columns=(USER_ID, VEHICLE_ID, Column("slot", "integer"), Column("added_at", "timestamp")),
            faults=(
                Fault("added_at in the future", "quarantined", "added_at"),
                OUTSIDE_WINDOW,
                UNKNOWN_USER,
                UNKNOWN_VEHICLE,
                Fault("repeated user_id and vehicle_id", "duplicate"),
                Fault("tied row of the same user_id and vehicle_id", "duplicate"),
            ),
            optional=True,
            dated_by="added_at",
        ),
        SourceTable(
            "products",
            "Every SKU the store sells, with price, brand and part type.",
            key=("product_id",),
            columns=(
                PRODUCT_ID,
                Column("part_type", required=True),
                Column("price", "number", required=True),
                Column("brand"),
                Column("title"),
                Column("image_url"),
                Column("variant_group"),
                Column("is_refurbished", "boolean"),
                Column("is_universal", "boolean"),
                Column("created_at", "timestamp"),
                Column("is_available", "boolean", note="FALSE: not recommended, and its history still teaches; NULL: available"),
            ),
            faults=(
                Fault("no price", "set aside"),
                Fault("price is not a positive finite number", "quarantined", "price"),
                CREATED_IN_FUTURE,
                OUTSIDE_WINDOW,
                Fault("older row of the same product_id", "quarantined"),
                Fault("tied row of the same product_id", "quarantined"),
            ),
            dated_by="created_at",
        ),
        SourceTable(
            "fitment",
            "Which SKU fits which vehicle.",
            key=("product_id", "vehicle_id"),
            columns=(PRODUCT_ID, VEHICLE_ID),
            faults=(NOT_SOLD, UNKNOWN_VEHICLE, OUTSIDE_WINDOW, Fault("repeated product_id and vehicle_id", "duplicate")),
            optional=True,
        ),
        SourceTable(
            "events",
            "What people viewed, put in the cart and ordered.",
            key=("event_id",),
            columns=(
                Column("event_id", required=True, is_id=True),
                USER_ID,
                PRODUCT_ID,
                Column("event_type", required=True, note=", ".join(EVENT_TYPES)),
                Column("event_ts", "timestamp", required=True),
                Column("order_id", is_id=True),
                Column("quantity", "integer", note="of an order or a cart: negative takes back, NULL is 1"),
            ),
            faults=(
                Fault("no user", "set aside"),
                NOT_SOLD,
                Fault("account shared by many", "set aside"),
                Fault("bot", "set aside"),
                *(Fault(name, "set aside") for name in TAKEN_BACK),
                Fault("repeated event_id", "duplicate"),
                Fault("repeated purchase", "duplicate"),
                Fault("repeated in the same second", "duplicate"),
                OUTSIDE_WINDOW,
                Fault("event_id of another event", "quarantined"),
                Fault("empty event_ts", "quarantined"),
                Fault("event in the future", "quarantined", "event_ts"),
                Fault("unknown event_type", "quarantined", "event_type"),
                Fault("quantity is 0", "quarantined"),
                UNKNOWN_USER,
            ),
            dated_by="event_ts",
            is_log=True,
            kind_column="event_type",
            kinds=EVENT_TYPES,
        ),
        SourceTable(
            "email_events",
            "What became of each email: sent, delivered, opened, clicked, and who did not want it.",
            key=("user_id", "send_id"),
            columns=(
                USER_ID,
                Column("send_id", required=True, is_id=True),
                Column("event_type", required=True, note=", ".join(MAIL_EVENT_TYPES)),
                Column("event_ts", "timestamp", required=True),
                Column("product_id", is_id=True, note="of a click; of a sent row: a part of the mail, a row each"),
            ),
            faults=(
                OUTSIDE_WINDOW,
                Fault("empty event_ts", "quarantined"),
                Fault("event in the future", "quarantined", "event_ts"),
                Fault("unknown event_type", "quarantined", "event_type"),
                UNKNOWN_USER,
                Fault("event before its send", "quarantined", "event_ts"),
                Fault("opened or clicked without delivered", "quarantined", "event_type"),
                Fault("click on a part that was not in the mail", "quarantined", "product_id"),
            ),
            optional=True,
            dated_by="event_ts",
            is_read=False,
            is_log=True,
        ),
    )
}

# A store either knows what fits what, or it does not: these three come together or not at all.
FITMENT_TABLES = ("vehicles", "ownership", "fitment")
