"""What a night's mail changes, and that the page names nobody."""

from dataclasses import replace
from pathlib import Path

import pytest

from recs_assets.report.mail_changes import gather, lines, write
from recs_assets.resources.store.artifact import StoreError
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, WEEK


def test_a_nights_mail_is_held_against_the_last_one(night: Run, tmp_path: Path) -> None:
    place = night.place
    changes = gather(place.warehouse, place.store, place.settings, NEXT_WEEK)
    before, now = (
        dict(place.query(f"SELECT email_lower, [rec_part_1, rec_part_2, rec_part_3, rec_part_4] FROM {table}"))
        for (table,) in place.query("SELECT wide_table FROM publications ORDER BY sequence")
    )
    told = {name: sum(row[name] for row in changes.segments) for name in ("n_before", "n_now", "n_the_same", "n_joining")}
    both = before.keys() & now.keys()
    n_same = sum(before[address] == now[address] for address in both)
    assert told == {"n_before": len(before), "n_now": len(now), "n_the_same": n_same, "n_joining": len(now) - len(both)}
    assert sum(row["n_parts_kept"] for row in changes.segments) == sum(len({*before[a]} & {*now[a]}) for a in both)
    assert {row["segment"] for row in changes.segments} >= {"cold", "warm", "hot"}
    assert 0 < len(changes.samples) <= 9
    assert all(row["parts_before"] != row["parts_now"] for row in changes.samples)
    page = write(changes, tmp_path).read_text()
    assert changes.summary == (
        f"Of {len(now)} mails {len(now) - len(both)} go to people who got none the last time, {n_same} are as the last one, and "
        f"{sum(not {*before[a]} & {*now[a]} for a in both)} keep none of its parts. {len(before) - len(both)} people get no mail "
        "any more."
    )
    assert changes.summary in page
    assert "It has been published: to go back, " in page
    assert "It has not been published" in write(replace(changes, is_published=False), tmp_path).read_text()
    titles = {row["product_id"]: row["title"] for row in place.table("product_nodes", NEXT_WEEK).to_pylist()}
    assert [row["title"] for row in changes.parts] == [titles[row["product_id"]] for row in changes.parts]
    text = page + "\n".join(lines(changes))
    assert str(WEEK) in text
    assert "@" not in text.partition("<body>")[2]
    assert not [address for address in now if address.partition("@")[0] in text.split()]


def test_a_first_mail_is_all_new(first_run: Run) -> None:
    place = first_run.place
    with pytest.raises(StoreError, match=f"no mail before that of week {WEEK}: all of it is new"):
        gather(place.warehouse, place.store, place.settings, WEEK)
