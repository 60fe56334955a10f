"""Sarah's list explained, held against what is served to her and against SQL's list of everybody."""

import stat
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from recs_assets.report.explain import Explained, gather, lines, path_of, write
from recs_assets.report.served_lists import ServedLists, served_lists
from recs_assets.resources.store.artifact import StoreError
from recs_assets.rollout.arms import CONTROL
from recs_assets.settings import Settings
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK


@pytest.fixture(scope="module")
def sarah(first_run: Run) -> Explained:
    place = first_run.place
    return gather(place.warehouse, served_lists(place.warehouse, place.store, place.settings, WEEK), place.settings, "sarah")


def test_both_lists_are_those_of_the_run(first_run: Run, sarah: Explained) -> None:
    from recs_assets.steps.rank_lists import profile_recommendations

    place = first_run.place
    served = place.query(
        "SELECT product_id, final_score, reason_text, segment FROM recommendations WHERE user_id = 'sarah' ORDER BY rank"
    )
    assert [(row["product_id"], row["final_score"], row["reason_text"], sarah.segment) for row in sarah.served] == served
    inputs = served_lists(place.warehouse, place.store, place.settings, WEEK).inputs
    of_all = pa.concat_tables(profile_recommendations(inputs, source="sql", alpha=None, settings=place.settings))
    of_sarah = of_all.filter(pc.field("profile_id") == "user:sarah").sort_by("rank")
    assert [row["product_id"] for row in sarah.by_sql] == of_sarah["product_id"].to_pylist()


def test_garage_and_history_are_hers(sarah: Explained) -> None:
    assert [(row["year"], row["make"], row["model"]) for row in sarah.garage] == [(1967, "Ford", "Mustang")]
    assert (sarah.history[0]["event_type"], sarah.history[0]["product_id"]) == ("order", "HOLLEY-0-80508S")
    assert [row["product_id"] for row in sarah.removed["bought_already"]] == ["HOLLEY-0-80508S"]


def test_a_score_is_the_sum_of_its_terms_and_every_part_is_accounted_for(first_run: Run, sarah: Explained) -> None:
    for row in sarah.served:
        of_model = (1 - sarah.alpha) * row["gnn_score"]
        assert sarah.terms(row) == pytest.approx((sarah.alpha * row["sql_score"], of_model, 0.0), abs=1e-9)
    n_parts = first_run.place.table("product_nodes").num_rows
    assert sum(sarah.n_by_outcome.values()) + len(sarah.served) == n_parts
    assert all(row["gap"] >= 0 and row["score"] <= sarah.served[-1]["final_score"] for row in sarah.next)


def test_the_terms_of_the_model_add_up_to_its_score(first_run: Run, sarah: Explained) -> None:
    scores = first_run.place.artifact("user_scores").table("user_scores.parquet")
    of_model = {row["product_id"]: row["score"] for row in scores.filter(pc.field("profile_id") == "user:sarah").to_pylist()}
    known = [row["product_id"] for row in sarah.served if row["product_id"] in of_model]
    assert len(known) > 10
    assert set(sarah.of_model) == {row["product_id"] for row in sarah.served}
    first, *others = known
    for other in others:
        # Of each the mean of all candidates is taken off: what is left differs as the scores do.
        difference = sum(sarah.of_model[first].values()) - sum(sarah.of_model[other].values())
        assert difference == pytest.approx(of_model[first] - of_model[other], abs=1e-4)
    assert {"popularity", "walk", "vehicle"} <= sarah.of_model[first].keys()
    for row in sarah.served:
        assert sum(sarah.shares(row).values()) == pytest.approx(1)
        assert min(sarah.shares(row).values()) > 0


@dataclass(frozen=True)
class InControl(ServedLists):
    """The lists of a week in whose experiment everybody is in control."""

    rules_of: Settings

    def arm_of(self, user_id: str) -> str:
        return CONTROL

    def lists(self, arm: str) -> pa.Table:
        from recs_assets.steps.rank_lists import profile_recommendations

        return pa.concat_tables(profile_recommendations(self.inputs, source="sql", alpha=None, settings=self.rules_of))


def test_who_is_in_control_is_told_that_sqls_list_is_mailed(first_run: Run, sarah: Explained, tmp_path: Path) -> None:
    place = first_run.place
    listed = served_lists(place.warehouse, place.store, place.settings, WEEK)
    in_control = InControl(listed.week, listed.listed, listed.inputs, listed.approved, place.settings)
    control = gather(place.warehouse, in_control, place.settings, "sarah")
    assert [row["product_id"] for row in control.served] == [row["product_id"] for row in control.by_sql]
    assert [row["product_id"] for row in control.by_sql] == [row["product_id"] for row in sarah.by_sql]
    assert (control.alpha, control.of_model) == (1.0, {})
    lowered = [row["product_id"] for row in control.served if control.terms(row)[2] < -0.0005]
    assert all(control.terms(row)[:2] == (row["sql_score"], 0.0) for row in control.served)
    parts = {row["product_id"]: row for row in place.table("product_nodes").to_pylist()}
    assert lowered
    assert all(parts[part]["is_universal"] for part in lowered)
    # What came next is measured on the scale of SQL's list.
    assert control.next
    assert all(row["gap"] >= 0 for row in control.next)
    assert "  in the control arm of the rollout: what is mailed is SQL's list" in list(lines(control))
    assert "In the control arm" not in write(sarah, tmp_path).read_text()
    text = write(control, tmp_path).read_text()
    assert "In the control arm of the rollout: what is mailed is SQL's list." in text
    assert "what similar parts add" not in text
    assert text.count("have no room for more universal parts") == len(lowered)


def test_a_path_names_what_the_reason_names() -> None:
    names = dict.fromkeys(("year", "make", "model", "reason_product_title", "reason_product_id", "reason_count"))
    bought = names | {"product_id": "p2", "reason_product_id": "p1", "reason_product_title": "Holley", "reason_count": 3}
    assert path_of(bought) == "the person → Holley → 3 people → p2"
    assert path_of(names | {"product_id": "p2", "make": "Ford", "model": "Mustang"}) == "the person → Ford Mustang → p2"
    assert path_of(bought | {"reason_count": 1}) == "the person → Holley → others → p2"
    assert path_of(names | {"product_id": "p2"}) == "the person → p2"


def test_the_page_is_its_owners_alone_and_says_all(sarah: Explained, tmp_path: Path) -> None:
    (tmp_path / f"explained_{WEEK}.html").touch(0o644)
    sheet = write(sarah, tmp_path)
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    text = sheet.read_text()
    assert all(row["product_id"] in text for row in (*sarah.served, *sarah.by_sql, *sarah.next))
    assert text.count("<img") == sum(bool(row["image_url"]) for row in (*sarah.served, *sarah.by_sql))
    sixth = next(line for line in lines(sarah) if line.split()[0] == "6")
    assert sarah.served[5]["product_id"] in sixth
    assert sixth.endswith(sarah.served[5]["reason_text"])


def test_nobody_is_named_where_there_is_no_list(first_run: Run) -> None:
    place = first_run.place
    with pytest.raises(StoreError, match=f"that id has no list in week {WEEK}") as refused:
        gather(place.warehouse, served_lists(place.warehouse, place.store, place.settings, WEEK), place.settings, "nobody-there")
    assert "nobody-there" not in str(refused.value)
