"""One person's list explained, for somebody who was asked about it: garage, history, both lists, reasons, what was left out."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recs_assets.asset_files import PRODUCT_NODES, PROFILES, USER_PROFILES
from recs_assets.report.people import products_of, vehicle_words
from recs_assets.report.served_lists import ServedLists
from recs_assets.report.sheet import page
from recs_assets.report.why_not import OUTCOMES, RULES
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.arms import CONTROL
from recs_assets.settings import Settings

SHOWN_EVENTS, SHOWN_PARTS, SHOWN_TERMS = 30, 15, 3
# Rules that look at what else is on the list, or at what the person has bought: their parts are named one by one.
NAMED = ("bought_already", "variant_bought_already", "variant_listed", "enough_of_type")
NEXT = ("outranked",)


@dataclass(frozen=True)
class Explained:
    """A person's list of a week and all that it comes from; rows are those of the queries ``person_*``.

    Attributes:
        user_id: whose.
        week: its Monday.
        segment: cold, warm or hot.
        n_alike: people who share the list, this one among them: all who own the same vehicles and have no history.
        arm: of the rollout; control is mailed SQL's list.
        source: of the list: blend, similarity or sql.
        alpha: weight of SQL in the score; 1 where no model serves.
        of_model: the terms of the model's score by part, as ``person_terms`` gives them; none where no model serves.
        garage: vehicles.
        history: events, the newest first.
        served: the list.
        by_sql: what SQL alone would have listed, rows of ``products``.
        removed: parts that a rule kept out, by rule, the best first.
        n_by_outcome: how many parts each outcome was.
        next: parts that came after the list's last one.
    """

    user_id: str
    week: str
    segment: str
    n_alike: int
    arm: str
    source: str
    alpha: float
    of_model: Mapping[str, Mapping[str, float]]
    garage: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, Any]]
    served: Sequence[Mapping[str, Any]]
    by_sql: Sequence[Mapping[str, Any]]
    removed: Mapping[str, Sequence[Mapping[str, Any]]]
    n_by_outcome: Mapping[str, int]
    next: Sequence[Mapping[str, Any]]

    @property
    def is_control(self) -> bool:
        """The person is in the arm of an experiment that is mailed what SQL lists."""
        return self.arm == CONTROL

    def shares(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Of the model's term of a score, what each term that speaks for the part has of it: shares, together 1."""
        speaking = {name: value for name, value in self.of_model.get(row["product_id"], {}).items() if value > 0}
        return {name: value / sum(speaking.values()) for name, value in speaking.items()}

    def terms(self, row: Mapping[str, Any]) -> tuple[float, float, float]:
        """What a score is the sum of: SQL's term, what the model or similar parts add, and how far it was lowered.

        A universal part for which the first slots have no room is lowered below the last of them.
        """
        of_sql = self.alpha * row["sql_score"]
        rest = row["final_score"] - of_sql
        added = {"blend": (1 - self.alpha) * row["gnn_score"], "similarity": rest}.get(self.source, 0.0)
        return of_sql, added, rest - added


def path_of(row: Mapping[str, Any]) -> str:
    """The path from the person to a listed part that its reason names."""
    vehicle = " ".join(str(row[name]) for name in ("year", "make", "model") if row[name] is not None)
    history = row["reason_product_title"] or row["reason_product_id"]
    # A count of one could point at somebody.
    count = row["reason_count"]
    people = None if count is None else "others" if count < 2 else f"{count:,} people"
    return " → ".join(["the person", *filter(None, (history, vehicle, people)), row["product_id"]])


def gather(warehouse: Warehouse, served: ServedLists, settings: Settings, user_id: str) -> Explained:
    """A person's list, explained.

    Raises:
        StoreError: the person has no list in this week; the message does not name who was asked for.
    """
    from recs_assets.steps.person_scores import person_scores  # torch and pandas: 5 s at load
    from recs_assets.steps.person_terms import person_terms
    from recs_assets.steps.sql_lists import sql_lists

    graph, week = served.inputs["hetero_graph"], str(served.week)
    people = pq.read_table(graph.path(USER_PROFILES), filters=[("user_id", "=", user_id)]).to_pylist()
    if not people:
        raise StoreError(f"that id has no list in week {week}: the week's users do not name it, or it stands for many people.")
    profile_id = people[0]["profile_id"]
    arm = served.arm_of(user_id)
    source = "sql" if arm == CONTROL else served.served["source"]
    by_sql = sql_lists(served.inputs, [profile_id], settings.rules)[profile_id]
    products = products_of(served, by_sql)
    own = {
        "profiles": graph.table(PROFILES).filter(pc.field("profile_id") == profile_id),
        "profile_recommendations": served.lists(arm).filter(pc.field("profile_id") == profile_id),
        "asked": served.inputs["product_nodes"].table(PRODUCT_NODES, columns=["product_id"]),
        "asked_scores": person_scores(served.inputs, profile_id, source, settings),
        "people": pa.table({"user_id": [user_id]}),
    }
    with warehouse.session({**served.tables(), **own}) as session:
        session.materialize("asked_pairs", "asked_pairs", **served.rules(settings))
        garage, history = (session.rows(query, as_of=served.as_of) for query in ("people_garages", "people_histories"))
        listed, outcomes = session.rows("person_list"), session.rows("person_outcomes")
    of_model = {}
    if source == "blend":
        of_model = person_terms(served.inputs, served.approved, profile_id, [row["product_id"] for row in listed], settings)
    names = [row["outcome"] for row in outcomes]
    alpha = served.served["alpha"] if source == "blend" else None
    return Explained(
        user_id,
        week,
        people[0]["stratum"],
        own["profiles"]["n_users"][0].as_py(),
        arm,
        source,
        alpha[people[0]["stratum"]] if alpha else 1.0,
        of_model,
        garage,
        history,
        listed,
        [products[part] for part in by_sql],
        {rule: [row for row in outcomes if row["outcome"] == rule][:SHOWN_PARTS] for rule in NAMED},
        {name: names.count(name) for name in OUTCOMES if name in names},
        [row for row in outcomes if row["outcome"] in NEXT][:SHOWN_PARTS],
    )


def write(explained: Explained, folder: Path | None) -> Path:
    """Write the page into a folder, or else into a temporary one: for its owner alone, as it names a person; where it is."""
    folder = folder or Path(tempfile.mkdtemp(prefix="recs_explain_"))
    folder.mkdir(parents=True, exist_ok=True)
    sheet = folder / f"explained_{explained.week}.html"
    words = {"outcomes": OUTCOMES, "rules": RULES, "path_of": path_of, "vehicle": vehicle_words}
    text = page("explain.html", explained=explained, shown_events=SHOWN_EVENTS, **words)
    with os.fdopen(os.open(sheet, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    return sheet


def lines(explained: Explained) -> Iterator[str]:
    """The same for a terminal."""
    yield f"week {explained.week}, {explained.segment}, list shared by {explained.n_alike:,}; weight of SQL {explained.alpha:.1f}"
    if explained.is_control:
        yield "  in the control arm of the rollout: what is mailed is SQL's list"
    for vehicle in explained.garage:
        yield f"  owns {vehicle_words(vehicle)}"
    for event in explained.history[:SHOWN_EVENTS]:
        yield f"  {event['event_ts']:%Y-%m-%d} {event['event_type']:5} {event['product_id']}"
    yield f"  {'rank':>4}  {'SQL alone':24} {'served':24} {'score':>6}  reason"
    for place, row in enumerate(explained.served):
        by_sql = explained.by_sql[place]["product_id"] if place < len(explained.by_sql) else "-"
        yield f"  {row['rank']:4}  {by_sql:24} {row['product_id']:24} {row['final_score']:6.3f}  {row['reason_text']}"
        if parts := _parts_of(explained, row):
            yield f"        {parts}"
    for name, count in explained.n_by_outcome.items():
        yield f"  {count:6,} part{'s' if count != 1 else ''}: {OUTCOMES[name]}"
    yield "  next: " + ", ".join(row["product_id"] for row in explained.next[:5])


def _parts_of(explained: Explained, row: Mapping[str, Any]) -> str:
    """The largest terms of the model's score of a part, in words."""
    terms = list(explained.of_model.get(row["product_id"], {}).items())[:SHOWN_TERMS]
    return ", ".join(f"{name.replace('_', ' ')} {value:+.2f}" for name, value in terms)
