"""Queries use only what was measured to mean the same on DuckDB, transpiled, as in BigQuery."""

import re

import pytest
import sqlglot
from sqlglot import expressions as exp

from recs_assets.own_tables import FIXED_TABLES, TURN, wide_columns
from recs_assets.resources.queries import ADDED, CHANGES, FOLDER, change_names, change_text, names, query_text
from recs_assets.resources.source_queries import QUERIES

# One use of each function that was measured to give the same values on both engines (a new one: measure it first,
# test_two_engines does, with NULL, ties and borders among the rows).
MEASURED = """
SELECT
  ABS(x), SIGN(x), ROUND(x), ROUND(x, 2), TRUNC(x), CEIL(x), FLOOR(x), POW(x, 2), EXP(x), LN(x), LOG(x), MOD(n, 2),
  GREATEST(x, y), LEAST(x, y), COALESCE(x, y), IFNULL(x, y), NULLIF(x, y), IF(b, x, y), CASE WHEN b THEN x END,
  CAST(x AS STRING), SAFE_CAST(s AS INT64), SAFE_DIVIDE(x, y), b AND c OR d,
  LOWER(s), NORMALIZE(s), LENGTH(s), SUBSTR(s, 1, 2), CONCAT(s, t), ARRAY_TO_STRING([s, t], s), REPLACE(s, 'a', 'b'),
  STARTS_WITH(s, t), STRPOS(s, t),
  REGEXP_CONTAINS(s, 'a'), REGEXP_REPLACE(s, 'a', 'b'), TO_HEX(MD5(s)), TO_HEX(SHA256(s)), TO_JSON_STRING(STRUCT(s AS s)),
  DATE(ts), DATE_DIFF(d, e, DAY), CAST(DATE_TRUNC(d, WEEK(MONDAY)) AS DATE), FORMAT_TIMESTAMP('%Y', ts), UNIX_MICROS(ts),
  TIMESTAMP_SUB(ts, INTERVAL 1 DAY), TIMESTAMP_DIFF(ts, us, MICROSECOND), s IN UNNEST(l),
  COUNT(*), COUNT(DISTINCT s), SUM(x), AVG(x), MIN(x), MAX(x), BIT_XOR(n), STRING_AGG(s, ',' ORDER BY s),
  ROW_NUMBER() OVER (ORDER BY x), RANK() OVER (ORDER BY x), LAG(x) OVER (ORDER BY x)
FROM table_name
"""
ALLOWED = frozenset(type(node) for node in sqlglot.parse_one(MEASURED, read="bigquery").find_all(exp.Func)) - {exp.Anonymous}


def refused(text: str) -> list[str]:
    """What a text in BigQuery's dialect uses that was not measured, or was measured to differ."""
    tree = sqlglot.parse_one(text, read="bigquery")
    breaches = [type(node).__name__ for node in tree.find_all(exp.Func) if type(node) not in ALLOWED]
    breaches += [f"{node.name}()" for node in tree.find_all(exp.Anonymous)]
    for node in tree.find_all(exp.TimestampDiff):
        if node.args["unit"].name.upper() != "MICROSECOND":
            breaches.append(f"TIMESTAMP_DIFF by {node.args['unit'].name}")
    for node in tree.find_all(exp.DateTrunc):
        if not isinstance(node.parent, exp.Cast):
            breaches.append("DATE_TRUNC that is not cast to DATE")
        if not re.search(r"WEEK\(MONDAY\)", node.sql("bigquery"), re.IGNORECASE):
            breaches.append(f"DATE_TRUNC to another unit than WEEK(MONDAY): {node.sql('bigquery')}")
    for node in tree.find_all(exp.Select):
        if node.args.get("qualify") and not any(node.args.get(part) for part in ("where", "group", "having")):
            breaches.append("QUALIFY without WHERE")
    for node in tree.find_all(exp.GroupConcat):
        if not node.find(exp.Order):
            breaches.append("STRING_AGG without ORDER BY")
    return breaches


@pytest.mark.parametrize("name", names())
def test_only_the_measured_subset(name: str) -> None:
    assert refused(query_text(name, 2, ADDED)) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT TIMESTAMP_DIFF(a, b, HOUR) FROM t",
        "SELECT COUNTIF(a) FROM t",
        "SELECT DATE_TRUNC(a, WEEK) FROM t",
        "SELECT DATE_TRUNC(a, WEEK(MONDAY)) FROM t",
        "SELECT CAST(DATE_TRUNC(a, WEEK) AS DATE) FROM t",
        "SELECT APPROX_QUANTILES(a, 2) FROM t",
        "SELECT UNIX_SECONDS(a) FROM t",
        "SELECT FARM_FINGERPRINT(a) FROM t",
        "SELECT REGEXP_EXTRACT(a, 'x') FROM t",
        "SELECT EXTRACT(DAYOFWEEK FROM a) FROM t",
        "SELECT ARRAY_AGG(a IGNORE NULLS) FROM t",
        "SELECT FORMAT('%05d', a) FROM t",
        "SELECT STRING_AGG(a, ',') FROM t",
        "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "SELECT SOMETHING_NEW(a) FROM t",
    ],
)
def test_a_trap_is_refused(text: str) -> None:
    assert refused(text)


def test_texts_are_plain() -> None:
    for name in names():
        text = query_text(name)
        assert not re.search(r"'[^'\n]*--[^'\n]*'", text), f"{name}: two hyphens within a literal read as a comment"
        assert "`" not in text, f"{name}: table names are bare"
        assert name in QUERIES or all(len(line) <= 130 for line in text.splitlines()), name


def test_nullable_parameters_are_cast() -> None:
    nullable = ("model_week", "exclude_bought_days", "exclude_bought_variants", "max_universal", "max_per_part_type")
    nullable += ("min_price", "available_only", "exclude_refurbished", "https_image", "one_per_variant_group")
    for name in names():
        for parameter in nullable:
            assert not re.search(rf"(?<!CAST\()@{parameter}\b", query_text(name)), (
                f"{name}: @{parameter} has no type where it is NULL"
            )


@pytest.mark.parametrize("name", change_names())
def test_changes_are_of_the_measured_subset_too(name: str) -> None:
    text = change_text(name, 2, ADDED)
    assert refused(text) == []
    assert "`" not in text
    assert all(len(line) <= 130 for line in text.splitlines())


def test_every_file_is_a_query_or_a_change() -> None:
    """Both are compared on two engines by their names."""
    known = {FOLDER / f"{name}.sql" for name in names()} | {CHANGES / f"{name}.sql" for name in change_names()}
    assert set(FOLDER.rglob("*.sql")) <= known


@pytest.mark.parametrize("name", [name for name in change_names() if name.startswith("insert_")])
def test_an_insert_fills_every_column(name: str) -> None:
    into = sqlglot.parse_one(change_text(name, 3, ADDED), read="bigquery").this
    columns = {"final_vehicle_recommendations": wide_columns(3, ADDED), "turn": TURN, **FIXED_TABLES}
    assert [column.name for column in into.expressions] == list(columns[into.this.name])
