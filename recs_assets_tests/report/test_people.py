"""Some people of a week: who they are, held against what is served to them and against the source; and that nobody is named."""

import datetime as dt
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recs_assets.report.facts import gather
from recs_assets.report.page import html
from recs_assets.report.people import Person, people_of
from recs_assets.report.served_lists import ServedLists, served_lists
from recs_assets_tests.conftest import Run
from recs_assets_tests.report.reading import Page, page_of
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place


def served_of(place: Place) -> ServedLists:
    return served_lists(place.warehouse, place.store, place.settings, WEEK)


@pytest.fixture(scope="module")
def chosen(first_run: Run) -> list[tuple[str, str]]:
    """Who is shown, by the query, with their segment: cold ones first, as on the page."""
    with first_run.place.warehouse.session() as session:
        rows = session.rows("sampled_people", week=served_of(first_run.place).week, length=20)
    return sorted(((row["user_id"], row["segment"]) for row in rows), key=lambda row: ("cold", "warm", "hot").index(row[1]))


@pytest.fixture(scope="module")
def people(first_run: Run) -> list[Person]:
    return people_of(first_run.place.warehouse, served_of(first_run.place), first_run.place.settings)


def test_twenty_of_every_kind_and_others_each_week(night: Run, people: list[Person]) -> None:
    assert Counter(person.segment for person in people) == {"cold": 7, "hot": 7, "warm": 6}
    assert [person.segment for person in people] == ["cold"] * 7 + ["warm"] * 6 + ["hot"] * 7
    with night.place.warehouse.session() as session:
        now, later = (
            {row["user_id"] for row in session.rows("sampled_people", week=week, length=20)}
            for week in (dt.date.fromisoformat(WEEK), dt.date.fromisoformat(NEXT_WEEK))
        )
    assert len(now & later) < 10


def test_both_lists_are_those_of_the_run(first_run: Run, chosen: list[tuple[str, str]], people: list[Person]) -> None:
    from recs_assets.steps.rank_lists import profile_recommendations

    place = first_run.place
    inputs = served_of(place).inputs
    of_all = pa.concat_tables(profile_recommendations(inputs, source="sql", alpha=None, settings=place.settings))
    profile_of = {row["user_id"]: row["profile_id"] for row in inputs["hetero_graph"].table("user_profiles.parquet").to_pylist()}
    for (user_id, segment), person in zip(chosen, people, strict=True):
        served = place.query(
            f"SELECT product_id, reason_text FROM recommendations WHERE user_id = '{user_id}' AND rank <= 4 ORDER BY rank"
        )
        assert [(row["product_id"], row["reason_text"]) for row in person.served] == served
        of_sql = of_all.filter(pc.field("profile_id") == profile_of[user_id]).sort_by("rank")["product_id"].to_pylist()
        assert [row["product_id"] for row in person.by_sql] == of_sql[:4]
        assert person.n_new == len({part for part, _ in served} - set(of_sql[:4]))
        assert person.segment == segment


def test_garages_and_histories_are_theirs(first_run: Run, chosen: list[tuple[str, str]], people: list[Person]) -> None:
    place = first_run.place
    vehicles = {row["vehicle_id"]: row for row in place.read_source("vehicles").to_pylist()}
    owned, touched = place.read_source("ownership").to_pylist(), place.table("interaction_edges").to_pylist()
    for (user_id, _), person in zip(chosen, people, strict=True):
        models = [vehicles[row["vehicle_id"]]["model"] for row in owned if row["user_id"] == user_id]
        assert len(person.garage) == len(models)
        assert all(any(model in words for words in person.garage) for model in models)
        own = {(row["event_type"], row["product_id"]) for row in touched if row["user_id"] == user_id}
        assert min(3, len(own)) <= len(set(person.history)) == len(person.history) <= 3
    assert [person.history for person in people if person.segment == "cold"] == [[]] * 7
    assert any("ordered" in words for person in people for words in person.history)


def test_nobody_is_named_and_no_pseudonym_is_that_of_another_page(first_run: Run, people: list[Person]) -> None:
    again = people_of(first_run.place.warehouse, served_of(first_run.place), first_run.place.settings)
    names = {person.pseudonym for person in people}
    assert len(names) == 20
    assert names & {person.pseudonym for person in again} == set()


def test_the_page_shows_their_parts_beside_each_other(night: Run) -> None:
    page = Page(page_of(night.place, NEXT_WEEK))
    assert page.figures["people"] == 20
    assert sum("/served/" in fact for fact in page.figures) == 80
    assert sum("/sql/" in fact for fact in page.figures if fact.startswith("people/")) == 80


def test_where_the_files_are_gone_the_page_says_so(first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = first_run.place.copy(tmp_path)
    monkeypatch.setenv("RECS_HOME", str(place.home))
    shutil.rmtree(place.home / "store" / "recommendations")
    facts = gather(place.warehouse, place.store, place.settings, WEEK)
    assert facts.people == ()
    assert "Nobody's list can be shown: " in " ".join(Page(html(facts)).words)
