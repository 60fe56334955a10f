"""The funnel of parts in the tiny world, held against the served tables and the candidates that the model itself scores."""

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from recs_assets.report.served_lists import ServedLists, served_lists
from recs_assets.report.why_not import Asked, asked_parts, gather, lines, write
from recs_assets.resources.store.artifact import StoreError
from recs_assets_tests.conftest import Run
from recs_assets_tests.report.reading import Page
from recs_assets_tests.worlds import WEEK

N_PEOPLE = 500


@pytest.fixture(scope="module")
def served(first_run: Run) -> ServedLists:
    return served_lists(first_run.place.warehouse, first_run.place.store, first_run.place.settings, WEEK)


@pytest.fixture(scope="module")
def asked(first_run: Run, served: ServedLists) -> list[Asked]:
    parts = first_run.place.table("product_nodes")["product_id"].to_pylist()[:60:3]
    return gather(first_run.place.warehouse, served, first_run.place.settings, [*parts, "no-such-part"])


def test_lists_and_mails_are_those_of_the_served_tables(first_run: Run, asked: list[Asked]) -> None:
    lists = dict(first_run.place.query("SELECT product_id, count(*) FROM recommendations GROUP BY 1"))
    slots = ", ".join(f"rec_part_{slot}" for slot in range(1, 5))
    mails = dict(
        first_run.place.query(
            f"SELECT part, count(*) FROM (UNPIVOT final_vehicle_recommendations ON {slots} INTO NAME s VALUE part) GROUP BY 1"
        )
    )
    assert [(part.n_lists, part.n_mails) for part in asked] == [
        (lists.get(part.product_id, 0), mails.get(part.product_id, 0)) for part in asked
    ]
    assert sum(part.n_lists for part in asked) > 50


def test_everybody_is_counted_once_and_a_part_that_is_not_there_is_told(asked: list[Asked]) -> None:
    assert [sum(part.people.values()) for part in asked] == [N_PEOPLE] * 20 + [0]
    assert list(lines(asked))[-1].endswith("no such part in this week")


def test_who_is_considered_is_whom_the_model_scores(first_run: Run, served: ServedLists, asked: list[Asked]) -> None:
    from recs_assets.gnn import graph
    from recs_assets.gnn.candidates import eligible_candidates
    from recs_assets.gnn.snapshots import microseconds, snapshot

    known, settings = served.inputs["hetero_graph"], first_run.place.settings
    past = snapshot(graph.load(known.path("graph.pt")), microseconds(known.as_of), settings.events)
    people = known.table("user_profiles.parquet")["user_id"]
    users = pc.index_in(people, first_run.place.table("user_nodes")["user_id"].combine_chunks()).to_numpy()
    n_considered = np.asarray(eligible_candidates(past, users, settings).sum(axis=0)).ravel()
    products = first_run.place.table("product_nodes")["product_id"].to_pylist()
    assert [part.n_considered for part in asked[:-1]] == [n_considered[products.index(part.product_id)] for part in asked[:-1]]


def test_what_was_outranked_scored_less_than_what_stands_there(asked: list[Asked]) -> None:
    gaps = [part for part in asked if part.nearest_gap is not None and part.mean_gap is not None]
    assert len(gaps) > 5
    # A fitting part may have the place of a universal one of its type or variants that scored more.
    by_rules = [part for part in gaps if part.people.keys() & {"variant_listed", "enough_of_type"}]
    assert 0 < len(by_rules) < len(gaps)
    assert min(part.nearest_gap or 0 for part in gaps if part not in by_rules) > -1e-9
    assert all(0 < (part.mean_gap or 0) <= 2 and part.rivals for part in gaps)


def test_a_file_and_a_page_are_written(tmp_path: Path, asked: list[Asked]) -> None:
    table, sheet = write(asked, dt.date.fromisoformat(WEEK), tmp_path)
    rows = list(csv.DictReader(table.open(newline="")))
    assert [(row["product_id"], int(row["lists"]), int(row["mails"])) for row in rows] == [
        (part.product_id, part.n_lists, part.n_mails) for part in asked
    ]
    assert rows[-1]["why_not_eligible"] == "no such part in this week"
    assert all(part.product_id in sheet.read_text() for part in asked)
    assert "@" not in sheet.read_text().partition("<body>")[2]
    words = " ".join(Page(sheet.read_text()).words)
    for part in asked[:-1]:
        held_back = part.attributes["ineligible_reason"]
        lists = f"On {part.n_lists} of the {part.n_considered} lists that might hold it, and in {part.n_mails} mails."
        assert (f"No list may hold it: {held_back}." if held_back else lists) in words
    assert "enough of its type are listed (a rule)" in words


@pytest.mark.parametrize("text", ["title,product_id\nA, p1\nB,p2\nB,p2\n", "p1\np2\n", "\ufeffproduct_id\np1\n\np2\n"])
def test_a_file_names_its_parts_in_a_column_or_a_line_each(tmp_path: Path, text: str) -> None:
    (tmp_path / "parts.csv").write_text(text)
    assert asked_parts(tmp_path / "parts.csv") == ["p1", "p2"]


def test_what_is_not_there_is_said(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place
    (tmp_path / "parts.csv").write_text("product_id\n")
    with pytest.raises(ValueError, match="names no part: give it a column product_id"):
        asked_parts(tmp_path / "parts.csv")
    with pytest.raises(
        StoreError, match=r"nothing has been published for week 2026-09-21\. Run it first: make run WEEK=2026-09-21"
    ):
        served_lists(place.warehouse, place.store, place.settings, "2026-09-21")
    rules = place.settings.rules.model_copy(update={"min_price": 60.0})
    with pytest.raises(StoreError, match=r"was made with settings .* Set them back"):
        served_lists(place.warehouse, place.store, place.settings.model_copy(update={"rules": rules}), WEEK)
