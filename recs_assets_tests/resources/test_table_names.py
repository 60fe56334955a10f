"""Tables of a statement under other names: found by the parser, and nothing else is touched."""

import pytest

from recs_assets.resources.table_names import resolved, tables_of

REAL = {"users": "`p.d.users`", "staged": "`p.d.staged_1`"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT users.x FROM users", "SELECT users.x FROM `p.d.users` AS users"),
        (
            "SELECT u.x FROM users AS u JOIN staged s USING (x)",
            "SELECT u.x FROM `p.d.users` AS u JOIN `p.d.staged_1` s USING (x)",
        ),
        # Not in a comment, a literal, a column or an alias, whatever stands before it.
        (
            "-- users, é\nSELECT 'users é' AS users, staged.users FROM staged",
            "-- users, é\nSELECT 'users é' AS users, staged.users FROM `p.d.staged_1` AS staged",
        ),
        (
            "WITH listed AS (SELECT x FROM users) SELECT x FROM listed\nWHERE x IN (SELECT y FROM staged)",
            "WITH listed AS (SELECT x FROM `p.d.users` AS users) SELECT x FROM listed\n"
            "WHERE x IN (SELECT y FROM `p.d.staged_1` AS staged)",
        ),
        ("INSERT INTO users (x) SELECT x FROM staged", "INSERT INTO `p.d.users` (x) SELECT x FROM `p.d.staged_1` AS staged"),
        ("INSERT INTO users (x) VALUES (@users)", "INSERT INTO `p.d.users` (x) VALUES (@users)"),
        (
            "DELETE FROM users WHERE x IN (SELECT x FROM staged)",
            "DELETE FROM `p.d.users` WHERE x IN (SELECT x FROM `p.d.staged_1` AS staged)",
        ),
    ],
)
def test_a_table_gets_its_name_and_keeps_its_alias(text: str, expected: str) -> None:
    assert resolved(text, {name: REAL[name] for name in tables_of(text)}) == expected


def test_what_is_not_named_stays() -> None:
    assert resolved("SELECT x FROM users JOIN staged USING (x)", {}) == "SELECT x FROM users JOIN staged USING (x)"


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the tables \['mail'\] are not among those of the statement: \['users'\]"):
        resolved("WITH mail AS (SELECT x FROM users) SELECT x FROM mail", {"mail": "y"})
