"""What the document of the served tables says, held against their declaration, and its queries asked of a finished run."""

import re
from pathlib import Path

import pytest
import sqlglot

import recs_assets
from recs_assets.own_tables import RECOMMENDATIONS, wide_columns
from recs_assets.ranking.reasons import CODES, GENERIC
from recs_assets_tests.conftest import Run
from recs_assets_tests.sql.test_subset import refused

DOCUMENT = (Path(recs_assets.__file__).parent / "served_tables.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?);\n```", DOCUMENT, re.DOTALL)


def test_every_column_of_both_tables_is_documented_with_its_type() -> None:
    lists, mail = DOCUMENT.split("## `final_vehicle_recommendations`")
    assert re.findall(r"^\| `(\w+)` \|(?: \w+ \|)?? ([A-Z0-9]+) \|", lists, re.MULTILINE) == list(RECOMMENDATIONS.items())
    added = ["reason", "title", "link", "user_id"]
    assert re.findall(r"^\| `(\w+)` \|(?: \w+ \|)?? ([A-Z0-9]+) \|", mail, re.MULTILINE) == list(wide_columns(1, added).items())


def test_every_kind_of_reason_is_named() -> None:
    kinds = DOCUMENT[DOCUMENT.index("Kinds of reasons") : DOCUMENT.index("How often each is given")]
    assert set(re.findall(r"`(\w+)`", kinds)) == set(CODES)
    assert re.findall(r"`(\w+)`", kinds[kinds.index("Generic ones") :]) == list(GENERIC)


def test_queries_are_bigquerys_too() -> None:
    assert len(QUERIES) == 5
    assert [refused(query) for query in QUERIES] == [[]] * 5
    assert all(sqlglot.transpile(query, read="bigquery", write="duckdb") for query in QUERIES)


@pytest.mark.parametrize("number", range(5))
def test_queries_give_what_they_say(first_run: Run, number: int) -> None:
    rows = first_run.place.query(QUERIES[number])
    n_mails = first_run.place.query("SELECT count(*) FROM final_vehicle_recommendations")[0][0]
    match number:
        case 0:
            assert (len(rows), rows[0][1], rows[19][1]) == (500 * 20, 1, 20)
        case 1:
            assert [(n_people, share) for _, n_people, _, share in rows] == [(500, None)]
        case 2:
            assert 1 < len(rows) <= 20
            assert 0 < sum(n for _, n, _ in rows) <= n_mails
        case 3:
            assert sum(n for *_, n in rows) == 500 * 4
            assert {segment for segment, *_ in rows} == {"cold", "warm", "hot"}
        case 4:
            assert [(action, n_users, n_mailed) for _, _, action, n_users, n_mailed, *_ in rows] == [("publish", 500, n_mails)]
