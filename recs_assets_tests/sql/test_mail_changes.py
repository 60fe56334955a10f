"""Two mails of four addresses compared, by hand."""

from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, table_on_duckdb, tables_for


def test_what_changes_for_each_address_and_by_segment() -> None:
    # u1 and u3 share ann's address, u2 and u5 bob's; all lists of the shop's staged table are warm.
    tables = tables_for("mail_compared")
    compared = table_on_duckdb("mail_compared", tables, parameters_of("mail_compared"))
    rows = {row.pop("email_lower").split("@")[0]: tuple(row.values()) for row in compared.to_pylist()}
    assert rows == {
        # p1 stays, at another price, and p3 takes the place of p2.
        "ann": ("warm", 1, 1, 2, 2, "p1, p3", "p1, p2", 1, 1, 1),
        "bob": ("warm", 1, 1, 1, 1, "p4", "p4", 1, 1, 0),
        "new": ("no list", 1, 0, 1, 0, "p3", None, 0, 0, 0),
        "old": ("no list", 0, 1, 0, 1, None, "p1", 0, 0, 0),
    }
    by_segment = [tuple(row.values()) for row in on_duckdb("mail_changes", {"mail_compared": compared}, {})]
    # Mails before and now, joining, leaving, the same, all new, repriced; parts of who is in both, and those kept.
    assert by_segment == [("no list", 1, 1, 1, 1, 0, 0, 0, 0, 0), ("warm", 2, 2, 0, 0, 1, 0, 1, 3, 2)]
    samples = on_duckdb("mail_samples", {"mail_compared": compared}, {})
    assert [(row["email_lower"], row["parts_before"]) for row in samples] == [("ann@example.com", "p1, p2")]
    parts = on_duckdb("mail_part_changes", {"mail_slots": shop.TABLES["mail_slots"]}, {})
    assert [tuple(row.values()) for row in parts] == [("p3", 0, 2), ("p1", 2, 1), ("p2", 1, 0)]
